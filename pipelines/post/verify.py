"""Is a frame's file whole and sane? Looked at to its last byte before the frame is committed.

A header says nothing about the rest: farms have delivered files cut off by a full disk, and black NaN squares, as
done. Whoever wrote it may have been taken over: it is opened once, never through a link, and what it claims is bounded
before it is believed.

PNG: every chunk's checksum, and that the pixels inflate to exactly what the header promises. OpenEXR: every block of
the offset table lies in the file, and no colour is NaN or infinite. JPEG and WebP: decoded. Nothing here holds
more than a few MiB, but for the decoded EXR, which ``decode_limit_bytes`` bounds.
"""

from __future__ import annotations

import re
import struct
import zlib
from pathlib import Path
from typing import BinaryIO, cast

import av
import numpy as np

from jobs.plain_files import open_plain
from pipelines.base import OutputFormat
from pipelines.post.exr_layout import checked_exr
from pipelines.post.pixels import EXR_MAGIC, BadPicture, PictureFacts
from pipelines.post.raster import check_size, open_raster

_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_MAGIC = (
    ("image/png", re.escape(_PNG_SIGNATURE)),
    ("image/x-exr", re.escape(EXR_MAGIC)),
    ("image/jpeg", rb"\xff\xd8\xff"),
    ("image/webp", rb"RIFF.{4}WEBP"),
)
_LONGEST_MAGIC = 12
_PNG_SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
"""Colour type -> samples of a pixel."""
_ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
"""Passes of an interlaced PNG: first x and y, step in x and y."""
_PIECE = 1 << 20
"""Bytes read or inflated at a time."""
_PNG_HEADER_BYTES = 13
_MOST_CHUNKS = 1 << 20
"""Of a PNG. Writers make one of each 8 KiB or more, so the largest picture has a quarter of it."""
_EXR_SAMPLE_BYTES = 4
_EXR_CHANNELS = 4
_AGAIN = (
    "It is rendered again; if that repeats, look for a full disk where the engine writes (RAYFARM_CLUSTER_SCRATCH_DIR)."
)
_DRAFT = 8
"""A JPEG is read to its end at an eighth of its size: all its data is looked at, and little computed."""


def verify_picture(
    path: Path,
    *,
    expected: tuple[int, int] | None,
    decode_limit_bytes: int,
    output: OutputFormat | None = None,
) -> PictureFacts:
    """Size in pixels of a picture that is whole; raises ``BadPicture`` with what is wrong and what to do.

    ``expected``: (width, height) that it must have, where that is known. ``decode_limit_bytes``: an OpenEXR that needs
    more memory than this to decode is not searched for NaN. ``output``: the format that the job asks for; the file must
    be of it by its name and by its content.
    """
    try:
        with open_plain(path) as file:
            if output is not None:
                _check_format(file, path, output)
            return _verify(file, path.name, expected, decode_limit_bytes)
    except BadPicture:
        raise
    except Exception as error:  # what is damaged, or hostile, may break a decoder in any way
        raise BadPicture(f"{path.name} cannot be read: {error} ({type(error).__name__}).", remedy=_AGAIN) from error


def _verify(file: BinaryIO, name: str, expected: tuple[int, int] | None, decode_limit_bytes: int) -> PictureFacts:
    magic = file.read(len(_PNG_SIGNATURE))
    if magic == _PNG_SIGNATURE:
        facts = _verify_png(file, name)
    elif magic[:4] == EXR_MAGIC:
        file.seek(0)
        facts = checked_exr(file, name)
        check_size(facts.width, facts.height, name)
    else:
        facts = _verify_by_decoding(file, name)
    if expected is not None and (facts.width, facts.height) != expected:
        raise BadPicture(
            f"{name} is {facts.width}x{facts.height} pixels; the job's settings ask for {expected[0]}x{expected[1]}.",
            remedy="Look at the frame's log: the renderer did not apply the resolution.",
        )
    decoded_bytes = facts.width * facts.height * _EXR_CHANNELS * _EXR_SAMPLE_BYTES
    if magic[:4] == EXR_MAGIC and decoded_bytes <= decode_limit_bytes:
        _refuse_nan(file, name)
    return facts


def _check_format(file: BinaryIO, path: Path, output: OutputFormat) -> None:
    """Before any decoder sees it."""
    head = file.read(_LONGEST_MAGIC)
    file.seek(0)
    found = next((media_type for media_type, magic in _MAGIC if re.match(magic, head, re.DOTALL)), "no picture")
    if path.suffix != output.extension or found != output.media_type:
        raise BadPicture(
            f"{path.name} is {found} by its content; the job asks for {output.media_type}, in a {output.extension} "
            "file.",
            remedy="Look at the frame's log: the renderer did not apply the format.",
        )


def _verify_png(file: BinaryIO, name: str) -> PictureFacts:
    """Chunk by chunk, the signature already read."""
    facts, wanted, inflated = None, 0, 0
    inflate = zlib.decompressobj()
    for _ in range(_MOST_CHUNKS):
        head = file.read(8)
        if len(head) < 8:
            raise _cut_off(name)
        length, kind = struct.unpack(">I4s", head)
        if kind == b"IHDR" and (length != _PNG_HEADER_BYTES or facts is not None):
            raise BadPicture(f"{name} has no PNG header.", remedy=_AGAIN)
        check = zlib.crc32(kind)
        header = b""
        while length:
            piece = file.read(min(length, _PIECE))
            if not piece:
                raise _cut_off(name)
            length -= len(piece)
            check = zlib.crc32(piece, check)
            if kind == b"IHDR":
                header = piece
            elif kind == b"IDAT":
                inflated += _inflate(inflate, piece, wanted - inflated, name)
        if file.read(4) != struct.pack(">I", check):
            raise BadPicture(f"{name} is damaged: a checksum of it does not match.", remedy=_AGAIN)
        if kind == b"IHDR":
            facts, wanted = _png_header(header, name)
            check_size(facts.width, facts.height, name)
        elif kind == b"IEND":
            break
    else:
        raise BadPicture(f"{name} is cut into more than {_MOST_CHUNKS} pieces.", remedy=_AGAIN)
    if facts is None or inflated != wanted:
        raise BadPicture(f"{name} holds {inflated} of {wanted} bytes of pixels.", remedy=_AGAIN)
    return facts


def _png_header(header: bytes, name: str) -> tuple[PictureFacts, int]:
    """The size, and how many bytes its pixels inflate to."""
    width, height, depth, colour, _, _, interlaced = struct.unpack(">IIBBBBB", header)
    bits = _PNG_SAMPLES.get(colour, 0) * depth
    if not (width and height and bits):
        raise BadPicture(f"{name} has a PNG header that makes no sense.", remedy=_AGAIN)
    passes = _ADAM7 if interlaced else ((0, 0, 1, 1),)
    wanted = 0
    for first_x, first_y, step_x, step_y in passes:
        columns, rows = -(-(width - first_x) // step_x), -(-(height - first_y) // step_y)
        if columns > 0 and rows > 0:
            wanted += rows * (1 + (columns * bits + 7) // 8)
    return PictureFacts(width, height), wanted


def _inflate(inflate: zlib._Decompress, piece: bytes, room: int, name: str) -> int:
    """Bytes that came out; more than ``room`` is refused before it is held."""
    came = 0
    try:
        while piece:
            came += len(inflate.decompress(piece, _PIECE))
            piece = inflate.unconsumed_tail
            if came > room:
                raise BadPicture(f"{name} holds more pixels than its header says.", remedy=_AGAIN)
    except zlib.error as error:
        raise BadPicture(f"{name} is damaged: its pixels do not inflate ({error}).", remedy=_AGAIN) from error
    return came


def _verify_by_decoding(file: BinaryIO, name: str) -> PictureFacts:
    file.seek(0)
    with open_raster(file, name) as image:
        facts = PictureFacts(*image.size)
        image.draft("RGB", (max(1, facts.width // _DRAFT), max(1, facts.height // _DRAFT)))
        image.load()
        return facts


def _refuse_nan(file: BinaryIO, name: str) -> None:
    """Of the colours of the first layer. A compression that the decoder lacks is let pass: its blocks are whole."""
    try:
        # by its descriptor: the name may lead elsewhere by now
        with av.open(f"/dev/fd/{file.fileno()}", format="exr_pipe") as container:
            frame = next(container.decode(video=0))
    except av.error.PatchWelcomeError:
        return
    except (av.error.FFmpegError, StopIteration) as error:
        raise BadPicture(f"{name} cannot be decoded: {error}", remedy=_AGAIN) from error
    bad = sum(_not_finite(plane, frame.format.name, frame.width) for plane in frame.planes)
    if bad:
        raise BadPicture(
            f"{name} has {bad} values that are NaN or infinite.",
            remedy="Look for a material that divides by zero, or a light or texture with such values; clamping the "
            "scene's direct and indirect light (Cycles: Light Paths) hides it.",
        )


def _not_finite(plane: av.video.plane.VideoPlane, format_name: str, width: int) -> int:
    """By their bits: an exponent of ones. The decoder's own conversions would make such values finite."""
    rows = np.frombuffer(cast("memoryview[int]", plane), dtype=np.uint8).reshape(plane.height, plane.line_size)
    if "f16" in format_name:
        half = rows[:, : width * 2].view(np.uint16)
        return int(np.count_nonzero((half & 0x7C00) == 0x7C00))
    if "f32" in format_name:
        single = rows[:, : width * 4].view(np.uint32)
        return int(np.count_nonzero((single & 0x7F800000) == 0x7F800000))
    return 0  # integer samples


def _cut_off(name: str) -> BadPicture:
    return BadPicture(f"{name} is cut off before its end.", remedy=_AGAIN)
