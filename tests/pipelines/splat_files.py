"""Small clouds made in code, and writers of the four formats after their descriptions."""

from __future__ import annotations

import gzip
import io
import json
import struct
import zipfile
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from pipelines.splats.cloud import SH_C0, GaussianCloud

TURN_SH = (1, -1, -1, 1, -1, 1, 1, -1, 1, -1, 1, -1, -1, 1, -1, 1)
"""Harmonics under half a turn around x, written down from their polynomials in x, y, z."""


def make_cloud(count: int = 300, *, degree: int = 3, seed: int = 1) -> GaussianCloud:
    """A ball of coloured gaussians around the origin, radius about 1."""
    random = np.random.default_rng(seed)
    means = random.normal(0, 0.5, (count, 3))
    quats = random.normal(size=(count, 4))
    quats /= np.linalg.norm(quats, axis=1, keepdims=True)
    quats[quats[:, 0] < 0] *= -1
    sh = random.normal(0, 0.2, (count, (degree + 1) ** 2, 3))
    sh[:, 0] = random.normal(0, 1, (count, 3))
    return GaussianCloud(
        means=means.astype(np.float32),
        quats=quats.astype(np.float32),
        scales=np.exp(random.normal(-2.5, 0.7, (count, 3))).astype(np.float32),
        opacities=random.uniform(0.02, 0.98, count).astype(np.float32),
        sh=sh.astype(np.float32),
    )


def ply_bytes(cloud: GaussianCloud, *, claimed: int | None = None) -> bytes:
    """INRIA's attributes, normals and all; ``claimed`` replaces the count in the header."""
    rest = cloud.sh.shape[1] - 1
    names = [*"xyz", "nx", "ny", "nz", *(f"f_dc_{k}" for k in range(3)), *(f"f_rest_{k}" for k in range(3 * rest))]
    names += ["opacity", *(f"scale_{k}" for k in range(3)), *(f"rot_{k}" for k in range(4))]
    with np.errstate(divide="ignore"):
        logit = np.log(cloud.opacities / (1 - cloud.opacities))
        columns = [
            cloud.means,
            np.zeros_like(cloud.means),
            cloud.sh[:, 0],
            cloud.sh[:, 1:].transpose(0, 2, 1).reshape(cloud.count, 3 * rest),
            logit[:, None],
            np.log(cloud.scales),
            cloud.quats,
        ]
    header = ["ply", "format binary_little_endian 1.0", "comment made for a test"]
    header += [f"element vertex {cloud.count if claimed is None else claimed}"]
    header += [f"property float {name}" for name in names]
    return "\n".join([*header, "end_header\n"]).encode() + np.concatenate(columns, axis=1).astype("<f4").tobytes()


def splat_bytes(cloud: GaussianCloud) -> bytes:
    return b"".join(
        struct.pack("<6f", *mean, *scale)
        + bytes(np.rint(np.clip([*(colour * SH_C0 + 0.5), opacity], 0, 1) * 255).astype(np.uint8))
        + bytes(np.clip(np.rint(quat * 128 + 128), 0, 255).astype(np.uint8))
        for mean, scale, colour, opacity, quat in zip(
            cloud.means, cloud.scales, cloud.sh[:, 0], cloud.opacities, cloud.quats, strict=True
        )
    )


def spz_header(*, count: int, degree: int, version: int = 3, bits: int = 12, flags: int = 0) -> bytes:
    return struct.pack("<IIIBBBB", 0x5053474E, version, count, degree, bits, flags, 0)


def spz_bytes(cloud: GaussianCloud, *, version: int = 3, flags: int = 0) -> bytes:
    """Attribute by attribute, in the axes of the format (y up, z back)."""
    turn = np.array([1, -1, -1])
    body = [spz_header(count=cloud.count, degree=cloud.sh_degree, version=version, flags=flags)]
    fixed = np.rint(cloud.means * turn * 4096).astype(np.int64)
    body += [int(value & 0xFFFFFF).to_bytes(3, "little") for value in fixed.reshape(-1)]
    body += [_bytes(cloud.opacities * 255), _bytes((cloud.sh[:, 0] * 0.15 + 0.5) * 255)]
    body += [_bytes((np.log(cloud.scales) + 10) * 16)]
    xyzw = np.concatenate([cloud.quats[:, 1:] * turn, cloud.quats[:, :1]], axis=1)
    body += [_packed_rotation(each) if version == 3 else _bytes((each[:3] + 1) * 127.5) for each in xyzw]
    signs = np.array(TURN_SH[1 : cloud.sh.shape[1]])[:, None]
    body += [_bytes(cloud.sh[:, 1:] * signs * 128 + 128)]
    return gzip.compress(b"".join(body), mtime=0)


def _packed_rotation(xyzw: npt.NDArray[np.float64]) -> bytes:
    largest = int(np.argmax(np.abs(xyzw)))
    if xyzw[largest] < 0:
        xyzw = -xyzw
    word = largest
    for component in range(4):
        if component != largest:
            size = round(abs(float(xyzw[component])) / np.sqrt(0.5) * 511)
            word = (word << 10) | (int(xyzw[component] < 0) << 9) | min(511, size)
    return word.to_bytes(4, "little")


def sog_bytes(cloud: GaussianCloud, **changes: object) -> bytes:
    """Version 2; a palette of one entry a gaussian, so at most 65,536. ``changes`` replace entries of meta.json."""
    n, side = cloud.count, int(np.ceil(np.sqrt(cloud.count)))
    logs = np.sign(cloud.means) * np.log1p(np.abs(cloud.means))
    low, high = logs.min(axis=0), logs.max(axis=0)
    code = np.rint((logs - low) / (high - low) * 65535).astype(np.int64)
    scale_book, colour_book, sh_book = np.linspace(-8, 2, 256), np.linspace(-4, 4, 256), np.linspace(-1, 1, 256)
    rest = cloud.sh.shape[1] - 1
    quats = np.empty((n, 4), np.uint8)
    for row, quat in enumerate(cloud.quats.astype(np.float64)):
        largest = int(np.argmax(np.abs(quat)))
        others = np.delete(quat * np.sign(quat[largest]), largest)
        quats[row] = [*np.rint((others * np.sqrt(2) * 0.5 + 0.5) * 255).astype(np.uint8), 252 + largest]
    base = np.concatenate([_nearest(cloud.sh[:, 0], colour_book), np.rint(cloud.opacities * 255)[:, None]], axis=1)
    label = np.arange(n)
    pictures = {
        "means_l.webp": (code & 255, side),
        "means_u.webp": (code >> 8, side),
        "scales.webp": (_nearest(np.log(cloud.scales), scale_book), side),
        "quats.webp": (quats, side),
        "sh0.webp": (base, side),
    }
    meta: dict[str, object] = {
        "version": 2,
        "count": n,
        "means": {"mins": low.tolist(), "maxs": high.tolist(), "files": ["means_l.webp", "means_u.webp"]},
        "scales": {"codebook": scale_book.tolist(), "files": ["scales.webp"]},
        "quats": {"files": ["quats.webp"]},
        "sh0": {"codebook": colour_book.tolist(), "files": ["sh0.webp"]},
    }
    if rest:
        rows = -(-n // 64)
        palette = np.zeros((rows * 64, rest, 3))
        palette[:n] = _nearest(cloud.sh[:, 1:], sh_book)
        pictures["shN_centroids.webp"] = (palette.reshape(-1, 3), 64 * rest)
        pictures["shN_labels.webp"] = (np.stack([label & 255, label >> 8, 0 * label], axis=1), side)
        meta["shN"] = {
            "count": n,
            "bands": cloud.sh_degree,
            "codebook": sh_book.tolist(),
            "files": ["shN_centroids.webp", "shN_labels.webp"],
        }
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for name, (values, width) in pictures.items():
            archive.writestr(name, _webp(np.asarray(values), width))
        archive.writestr("meta.json", json.dumps({**meta, **changes}))
    return target.getvalue()


def _webp(values: npt.NDArray[np.float64], width: int) -> bytes:
    rows = -(-len(values) // width)
    pixels = np.full((rows * width, 4), 255, np.uint8)
    pixels[: len(values), : values.shape[1]] = values
    target = io.BytesIO()
    Image.fromarray(pixels.reshape(rows, width, 4)).save(target, "WEBP", lossless=True, exact=True)
    return target.getvalue()


def _nearest(values: npt.NDArray[np.float32], book: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    return np.abs(values[..., None] - book).argmin(axis=-1)


def _bytes(values: npt.NDArray[np.float64]) -> bytes:
    return np.rint(np.clip(values, 0, 255)).astype(np.uint8).tobytes()


def write(folder: Path, name: str, data: bytes) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_bytes(data)
    return path
