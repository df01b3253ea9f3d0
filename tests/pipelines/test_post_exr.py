"""OpenEXR files with layers: what is written is read again, guides are found by name, limits come before pixels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import OpenEXR
import pytest

from pipelines.post.exr import read_exr, rgb_channels, write_exr
from pipelines.post.pixels import BadPicture

WIDTH, HEIGHT = 37, 23


def plane(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 3, (HEIGHT, WIDTH, 3)).astype(np.float32)


def test_every_layer_comes_back_bit_for_bit(tmp_path: Path) -> None:
    path = tmp_path / "a.exr"
    depth = plane(3)[:, :, 0]
    write_exr(path, {**rgb_channels(plane(1), alpha=plane(2)[:, :, 0]), "Depth.Z": depth})
    read = read_exr(path)
    assert (read.width, read.height) == (WIDTH, HEIGHT)
    assert np.array_equal(read.colour(), plane(1))
    assert np.array_equal(read.alpha(), plane(2)[:, :, 0])
    assert np.array_equal(read.channels["Depth.Z"], depth)


def test_guides_are_found_in_blenders_parts_and_denoising_data_goes_before_passes(tmp_path: Path) -> None:
    path = tmp_path / "parts.exr"
    layers = {
        "Combined": ("RGB", 1),
        "Normal": ("XYZ", 2),
        "Denoising Normal": ("XYZ", 3),
        "Denoising Albedo": ("RGB", 4),
    }
    parts = [
        OpenEXR.Part(
            {"type": OpenEXR.scanlineimage},
            {
                f"ViewLayer.{name}.{suffix}": np.ascontiguousarray(plane(seed)[:, :, at])
                for at, suffix in enumerate(kind)
            },
            f"ViewLayer.{name}",
        )
        for name, (kind, seed) in layers.items()
    ]
    OpenEXR.File(parts).write(str(path))
    read = read_exr(path)
    assert np.array_equal(read.colour(), plane(1))
    assert np.array_equal(read.guide("normal"), plane(3))
    assert np.array_equal(read.guide("albedo"), plane(4))


def test_guides_are_found_by_mitsubas_names_and_none_is_invented(tmp_path: Path) -> None:
    path = tmp_path / "mi.exr"
    named = {f"nn.{suffix}": plane(2)[:, :, at] for at, suffix in enumerate("XYZ")}
    write_exr(path, {**rgb_channels(plane(1)), **named})
    read = read_exr(path)
    assert np.array_equal(read.guide("normal"), plane(2))
    assert read.guide("albedo") is None
    assert read.alpha() is None


def test_more_than_the_limit_is_refused_by_the_header(tmp_path: Path) -> None:
    path = tmp_path / "large.exr"
    write_exr(path, rgb_channels(plane(1)))
    needed = WIDTH * HEIGHT * 3 * 4
    assert read_exr(path, limit_bytes=needed).width == WIDTH
    with pytest.raises(BadPicture, match="decoded"):
        read_exr(path, limit_bytes=needed - 1)


@pytest.mark.parametrize("cut", [3, 40, 400, 2000])
def test_a_file_that_is_cut_off_is_refused_in_words(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "cut.exr"
    write_exr(path, rgb_channels(plane(1)))
    whole = path.read_bytes()
    assert len(whole) > cut
    path.write_bytes(whole[:cut])
    with pytest.raises(BadPicture):
        read_exr(path)


def test_any_flipped_byte_of_the_header_is_read_or_refused_never_worse(tmp_path: Path) -> None:
    path = tmp_path / "flip.exr"
    write_exr(path, rgb_channels(plane(1)))
    whole = path.read_bytes()
    random, refused = np.random.default_rng(5), 0
    for at in random.integers(4, 340, 120):
        data = bytearray(whole)
        data[at] ^= int(random.integers(1, 256))
        path.write_bytes(bytes(data))
        try:
            assert read_exr(path, limit_bytes=1 << 20).channels
        except BadPicture:
            refused += 1
    assert 0 < refused < 120


def test_a_layer_without_colour_is_no_picture(tmp_path: Path) -> None:
    path = tmp_path / "z.exr"
    write_exr(path, {"Depth.Z": plane(1)[:, :, 0]})
    with pytest.raises(BadPicture, match="no layer with R, G and B"):
        read_exr(path).colour()
