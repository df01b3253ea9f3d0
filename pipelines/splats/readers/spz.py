"""Reader of Niantic's `.spz`: one gzip stream of attributes, each packed to bytes.

Facts from the format's own description (https://github.com/nianticlabs/spz). It stores x right, y up, z back; a .ply
has y down and z forward, so coordinates, rotations and harmonics are turned by half around x.
"""

from __future__ import annotations

import zlib
from pathlib import Path

import numpy as np
import numpy.typing as npt

from models.errors import ModelInvalid
from models.formats.splats import SPZ_HEADER_BYTES, SplatSummary, spz_body_bytes
from pipelines.splats.cloud import GaussianCloud, coefficients
from pipelines.splats.readers.plain import empty_cloud

_PIECE = 1 << 20
_COLOUR_SCALE = 0.15
"""Of a DC coefficient in a byte's range."""
_TURN = np.array([1, -1, -1], np.float32)
"""Half a turn around x."""
_TURN_SH = np.array([1, -1, -1, 1, -1, 1, 1, -1, 1, -1, 1, -1, -1, 1, -1, 1], np.float32)
"""What that does to each harmonic: those odd in y and z together change sign."""
_SMALL_BITS, _SMALL_MASK = 10, (1 << 9) - 1

Bytes = npt.NDArray[np.uint8]


def read_spz(path: Path, summary: SplatSummary) -> GaussianCloud:
    """Inflates to the size that the header says and no byte further. Raises ``ModelInvalid``."""
    size = spz_body_bytes(version=summary.version, count=summary.count, sh_degree=summary.sh_degree)
    body = _inflated(path, SPZ_HEADER_BYTES + size)[SPZ_HEADER_BYTES:]
    n, rest = summary.count, coefficients(summary.sh_degree) - 1
    cloud = empty_cloud(n, summary.sh_degree, antialiased=summary.antialiased)
    position, rotation = (6 if summary.version == 1 else 9), (4 if summary.version >= 3 else 3)
    at = 0

    def take(width: int) -> Bytes:
        nonlocal at
        part = body[at : at + n * width]
        at += n * width
        return part

    positions = take(position)
    if summary.version == 1:
        cloud.means[:] = positions.view("<f2").reshape(n, 3)
    else:
        cloud.means[:] = _fixed24(positions).reshape(n, 3) / np.float32(1 << summary.fractional_bits)
    cloud.means[:] *= _TURN
    cloud.opacities[:] = take(1) / np.float32(255)
    cloud.sh[:, 0] = (take(3).reshape(n, 3) / np.float32(255) - np.float32(0.5)) / np.float32(_COLOUR_SCALE)
    np.exp(take(3).reshape(n, 3) / np.float32(16) - np.float32(10), out=cloud.scales)
    packed = take(rotation).reshape(n, rotation)
    xyzw = _smallest_three(packed) if rotation == 4 else _first_three(packed)
    cloud.quats[:, 0] = xyzw[:, 3]
    cloud.quats[:, 1:] = xyzw[:, :3] * _TURN
    if rest:
        cloud.sh[:, 1:] = (take(3 * rest).reshape(n, rest, 3).astype(np.float32) - 128) / 128
        cloud.sh[:, 1:] *= _TURN_SH[1 : rest + 1, None]
    return cloud


def _inflated(path: Path, size: int) -> Bytes:
    """Exactly ``size`` bytes: a stream that ends before or goes on behind is refused."""
    target = np.empty(size, np.uint8)
    at = 0
    inflate = zlib.decompressobj(wbits=31)
    try:
        with path.open("rb") as file:
            while not inflate.eof:
                data = inflate.unconsumed_tail or file.read(_PIECE)
                if not data:
                    break
                part = inflate.decompress(data, _PIECE)
                if at + len(part) > size:
                    raise ModelInvalid(
                        f"{path.name} unpacks to more than the {size} bytes that its header announces.",
                        remedy="Save it again; files with extensions behind the gaussians are not read.",
                    )
                target[at : at + len(part)] = np.frombuffer(part, np.uint8)
                at += len(part)
    except zlib.error as error:
        raise ModelInvalid(f"{path.name} is damaged: {error}", remedy="Upload it again.") from error
    if at < size or not inflate.eof:
        raise ModelInvalid(
            f"{path.name} is cut off: {at} of {size} bytes are there.", remedy="Copy it again from where it is whole."
        )
    return target


def _fixed24(data: Bytes) -> npt.NDArray[np.float32]:
    """Signed 24-bit integers, little endian."""
    parts = data.reshape(-1, 3).astype(np.int32)
    value = parts[:, 0] | (parts[:, 1] << 8) | (parts[:, 2] << 16)
    return np.asarray(value - ((value & 0x800000) << 1), dtype=np.float32)


def _first_three(packed: Bytes) -> npt.NDArray[np.float32]:
    """x, y, z in a byte each; w is what makes the length 1."""
    xyz = packed / np.float32(127.5) - np.float32(1)
    w = np.sqrt(np.maximum(0, 1 - (xyz * xyz).sum(axis=1)))
    return np.concatenate([xyz, w[:, None]], axis=1, dtype=np.float32)


def _smallest_three(packed: Bytes) -> npt.NDArray[np.float32]:
    """The index of the largest in the two highest bits, then the others, last first, in 10 bits: sign and 9 of size."""
    word = np.ascontiguousarray(packed).view("<u4").reshape(-1).copy()
    largest = (word >> 30).astype(np.int64)
    xyzw = np.zeros((len(word), 4), np.float32)
    for component in (3, 2, 1, 0):
        here = largest != component
        size = (word & _SMALL_MASK).astype(np.float32) * np.float32(np.sqrt(0.5) / _SMALL_MASK)
        signed = np.where((word >> (_SMALL_BITS - 1)) & 1, -size, size)
        xyzw[here, component] = signed[here]
        word = np.where(here, word >> _SMALL_BITS, word)
    rows = np.arange(len(word))
    xyzw[rows, largest] = np.sqrt(np.maximum(0, 1 - (xyzw * xyzw).sum(axis=1)))
    return xyzw
