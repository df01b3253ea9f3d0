"""A finished frame is looked at to its last byte: cut-off files, wrong sizes and NaN never become a result."""

from __future__ import annotations

import io
import math
import os
import struct
import zlib
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from pipelines.cycles import settings as cycles
from pipelines.diffusion import settings as diffusion
from pipelines.mitsuba import settings as mitsuba
from pipelines.pictures import MOST_PIXELS, OUTPUTS
from pipelines.post.display import read_srgb
from pipelines.post.pixels import BadPicture, PictureFacts
from pipelines.post.raster import open_raster
from pipelines.post.verify import verify_picture
from pipelines.splats import settings as splats

WIDTH, HEIGHT = 67, 45
GIB = 2**30


def noise() -> npt.NDArray[np.float32]:
    return np.random.default_rng(7).random((HEIGHT, WIDTH, 3), dtype=np.float32)


def exr(pixels: npt.NDArray[np.float32], *, compression: str = "zip16", kind: str = "float") -> bytes:
    """As FFmpeg writes it."""
    codec = av.CodecContext.create("exr", "w")
    codec.width, codec.height, codec.pix_fmt, codec.time_base = WIDTH, HEIGHT, "gbrpf32le", Fraction(1, 24)
    codec.options = {"compression": compression, "format": kind}
    frame = av.VideoFrame.from_ndarray(pixels, format="gbrpf32le")
    frame.pts, frame.time_base = 0, Fraction(1, 24)
    return b"".join(bytes(packet) for packet in (*codec.encode(frame), *codec.encode(None)))


def picture(kind: str, mode: str = "RGB") -> bytes:
    image = Image.fromarray((noise() * 255).astype(np.uint8)).convert(mode)
    buffer = io.BytesIO()
    image.save(buffer, kind, quality=90) if kind == "JPEG" else image.save(buffer, kind)
    return buffer.getvalue()


FILES = {
    "png": lambda: picture("PNG"),
    "png with alpha": lambda: picture("PNG", "RGBA"),
    "png with a palette": lambda: picture("PNG", "P"),
    "png of one bit": lambda: picture("PNG", "1"),
    "png of 16 bits": lambda: _grey16(),
    "jpeg": lambda: picture("JPEG"),
    "webp": lambda: picture("WEBP"),
    **{
        f"exr {compression} {kind}": lambda compression=compression, kind=kind: exr(
            noise(), compression=compression, kind=kind
        )
        for compression in ("none", "rle", "zip1", "zip16")
        for kind in ("half", "float")
    },
}


def _grey16() -> bytes:
    buffer = io.BytesIO()
    Image.fromarray((noise()[:, :, 0] * 65535).astype(np.uint16)).save(buffer, "PNG")
    return buffer.getvalue()


def verify(tmp_path: Path, content: bytes, *, expected: tuple[int, int] | None = (WIDTH, HEIGHT)) -> PictureFacts:
    path = tmp_path / "frame_0001"
    path.write_bytes(content)
    return verify_picture(path, expected=expected, decode_limit_bytes=GIB)


@pytest.mark.parametrize("name", sorted(FILES))
def test_a_whole_picture_passes_with_its_size(tmp_path: Path, name: str) -> None:
    assert verify(tmp_path, FILES[name]()) == PictureFacts(WIDTH, HEIGHT)


@pytest.mark.parametrize("missing", [0.02, 0.5, 0.9])
@pytest.mark.parametrize("name", sorted(FILES))
def test_a_picture_that_is_cut_off_anywhere_is_refused(tmp_path: Path, name: str, missing: float) -> None:
    whole = FILES[name]()
    with pytest.raises(BadPicture):
        verify(tmp_path, whole[: int(len(whole) * (1 - missing))])


@pytest.mark.parametrize("name", ["png", "exr zip16 half", "jpeg"])
def test_a_picture_of_another_size_than_the_job_asks_for_is_refused_with_both(tmp_path: Path, name: str) -> None:
    with pytest.raises(BadPicture, match=rf"{WIDTH}x{HEIGHT} pixels; the job's settings ask for 640x360"):
        verify(tmp_path, FILES[name](), expected=(640, 360))


@pytest.mark.parametrize("kind", ["half", "float"])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_one_value_that_is_no_number_is_found_in_linear_light(tmp_path: Path, kind: str, value: float) -> None:
    pixels = noise()
    pixels[HEIGHT // 2, WIDTH - 1, 1] = value
    with pytest.raises(BadPicture, match="1 values that are NaN or infinite"):
        verify(tmp_path, exr(pixels, kind=kind))


def test_a_flipped_bit_in_the_pixels_of_a_png_is_found(tmp_path: Path) -> None:
    content = bytearray(FILES["png"]())
    content[len(content) // 2] ^= 4
    with pytest.raises(BadPicture, match="damaged"):
        verify(tmp_path, bytes(content))


def test_a_png_with_fewer_rows_than_its_header_says_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadPicture, match="bytes of pixels"):
        verify(tmp_path, _png_of(rows=HEIGHT - 1))


def test_a_png_that_inflates_without_end_is_refused_before_it_is_held(tmp_path: Path) -> None:
    with pytest.raises(BadPicture, match="more pixels than its header says"):
        verify(tmp_path, _png_of(rows=HEIGHT + 2_000_000))


def test_a_png_whose_header_claims_gigabytes_is_refused_before_any_of_it_is_gathered(tmp_path: Path) -> None:
    path = tmp_path / "frame_0001"
    with path.open("wb") as file:
        file.write(b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 2**32 - 1) + b"IHDR")
        file.truncate(2**32 + 20)  # sparse
    with pytest.raises(BadPicture, match="no PNG header"):
        verify_picture(path, expected=None, decode_limit_bytes=GIB)


def test_a_png_of_endless_pieces_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipelines.post.verify._MOST_CHUNKS", 100)
    content = FILES["png"]()
    piece = struct.pack(">I", 0) + b"teXt" + struct.pack(">I", zlib.crc32(b"teXt"))
    verify(tmp_path, content[:33] + piece * 90 + content[33:])
    with pytest.raises(BadPicture, match="more than 100 pieces"):
        verify(tmp_path, content[:33] + piece * 100 + content[33:])


@pytest.mark.parametrize("asked", sorted(OUTPUTS))
@pytest.mark.parametrize("given", ["png", "jpeg", "webp", "exr zip16 half"])
def test_a_file_is_of_the_format_that_the_job_asks_for(tmp_path: Path, asked: str, given: str) -> None:
    output = OUTPUTS[asked]
    path = tmp_path / f"frame{output.extension}"
    path.write_bytes(FILES[given]())
    if given.startswith(asked):
        verify_picture(path, expected=(WIDTH, HEIGHT), decode_limit_bytes=GIB, output=output)
        path = path.rename(tmp_path / "frame.tif")
    with pytest.raises(BadPicture, match=output.media_type):
        verify_picture(path, expected=None, decode_limit_bytes=GIB, output=output)


@pytest.mark.parametrize("kind", ["TIFF", "GIF", "BMP", "PPM", "ICO", "TGA"])
def test_formats_that_no_pipeline_writes_reach_no_decoder(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "frame.png"
    path.write_bytes(picture(kind))
    for read in (lambda: read_srgb(path), lambda: verify_picture(path, expected=None, decode_limit_bytes=GIB)):
        with pytest.raises(BadPicture, match="cannot identify"):
            read()


def _claims(width: int, height: int) -> bytes:
    """A PNG of so many pixels whose data is lacking."""
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    parts = ((b"IHDR", header), (b"IDAT", b""), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in parts
    )


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_pillow_takes_what_a_job_may_ask_for_and_no_more(tmp_path: Path) -> None:
    path = tmp_path / "frame.png"
    side = math.isqrt(MOST_PIXELS)
    path.write_bytes(_claims(side, side))
    with path.open("rb") as file, open_raster(file, path.name) as image:
        assert image.size == (side, side)
    for broken in ((side, side + 1), (side, 3 * side)):
        path.write_bytes(_claims(*broken))
        for read in (lambda: read_srgb(path), lambda: verify_picture(path, expected=None, decode_limit_bytes=GIB)):
            with pytest.raises(BadPicture):
                read()


def test_no_pipeline_renders_more_pixels_than_the_farm_takes() -> None:
    limits = (cycles.MAX_PIXELS, mitsuba.MAX_PIXELS, splats.MAX_PIXELS, diffusion.MAX_PIXELS)
    assert max(limits) == MOST_PIXELS


def test_only_a_regular_file_of_this_very_path_is_opened(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "frame.png").write_bytes(FILES["png"]())
    (tmp_path / "linked").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "link.png").symlink_to(tmp_path / "elsewhere" / "frame.png")
    os.mkfifo(tmp_path / "pipe.png")
    for name in ("linked/frame.png", "link.png", "pipe.png", "absent.png", "elsewhere"):
        with pytest.raises(BadPicture, match="cannot be read"):
            verify_picture(tmp_path / name, expected=None, decode_limit_bytes=GIB)
    verify_picture(tmp_path / "elsewhere" / "frame.png", expected=None, decode_limit_bytes=GIB)


@pytest.mark.parametrize("window", [(0, 0, -2, 9), (0, 0, 2**31 - 2, 9), (-(2**31), 0, 2**31 - 1, 9)])
def test_an_exr_of_an_impossible_size_is_refused_before_it_is_decoded(
    tmp_path: Path, window: tuple[int, int, int, int]
) -> None:
    content = bytearray(exr(noise()))
    at = content.index(b"displayWindow\0box2i\0") + 24
    content[at : at + 16] = struct.pack("<4i", *window)
    with pytest.raises(BadPicture, match=r"makes no sense|claims to have"):
        verify(tmp_path, bytes(content), expected=None)


def test_an_exr_that_was_opened_and_never_closed_lacks_its_table(tmp_path: Path) -> None:
    content = bytearray(exr(noise(), compression="none"))
    first = content.index(struct.pack("<Q", _first_offset(content)))
    content[first : first + 8 * 20] = bytes(8 * 20)
    with pytest.raises(BadPicture, match="cut off"):
        verify(tmp_path, bytes(content))


def test_an_exr_over_the_limit_of_memory_is_checked_for_its_blocks_alone(tmp_path: Path) -> None:
    path = tmp_path / "large.exr"
    whole = exr(np.full((HEIGHT, WIDTH, 3), np.nan, np.float32))
    path.write_bytes(whole)
    assert verify_picture(path, expected=None, decode_limit_bytes=1000) == PictureFacts(WIDTH, HEIGHT)
    path.write_bytes(whole[:-20])
    with pytest.raises(BadPicture, match="cut off"):
        verify_picture(path, expected=None, decode_limit_bytes=1000)


@pytest.mark.parametrize("content", [b"", b"hello", b"\x89PNG\r\n\x1a\n", b"\x76\x2f\x31\x01" + b"\x00" * 40])
def test_what_is_no_picture_is_refused(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(BadPicture):
        verify(tmp_path, content)


def _first_offset(content: bytearray) -> int:
    """Of an uncompressed file the first block starts with line 0 and the bytes of a line of three floats."""
    return content.index(struct.pack("<II", 0, WIDTH * 3 * 4))


def _png_of(*, rows: int) -> bytes:
    pixels = zlib.compress(bytes((1 + WIDTH) * rows), 1)
    header = struct.pack(">IIBBBBB", WIDTH, HEIGHT, 8, 0, 0, 0, 0)
    parts = ((b"IHDR", header), (b"IDAT", pixels), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in parts
    )
