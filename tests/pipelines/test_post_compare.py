"""PSNR, SSIM and FLIP: known properties, and FLIP against the figures of its authors' own program."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from jobs.errors import InvalidInput
from pipelines.post import compare
from pipelines.post.compare import compare_files, heat_colours, psnr, ssim
from pipelines.post.flip import flip_map

WIDTH, HEIGHT = 128, 96
FLIP_TOLERANCE = 2e-6
"""Of the mean: the authors' program counts in 32-bit floats."""


def scene(seed: int = 1, noise: float = 0.0) -> np.ndarray:
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    board = ((x // 16 + y // 16) % 2) * 0.8 + 0.1
    base = np.stack([x / (WIDTH - 1), y / (HEIGHT - 1), board], axis=-1)
    random = np.random.default_rng(seed)
    return (np.clip(base + random.normal(0, noise, base.shape), 0, 1) * 255 + 0.5).astype(np.uint8)


AUTHORS = [
    (scene(1, 0.05), 0.10522398352622986),
    (scene(2, 0.2), 0.32475414872169495),
    (scene(3, 0.01), 0.03434053063392639),
    (255 - scene(), 0.9435729384422302),
]
"""Test picture, mean FLIP against the scene by flip-evaluator 1.7 (LDR, 67.02 pixels per degree)."""


@pytest.mark.parametrize(("test", "mean"), AUTHORS)
def test_flip_is_what_its_authors_program_says(test: np.ndarray, mean: float) -> None:
    assert flip_map(scene(), test).mean() == pytest.approx(mean, abs=FLIP_TOLERANCE)


def test_equal_pictures_differ_in_nothing(tmp_path: Path) -> None:
    found = compare_files(saved(tmp_path / "a.png", scene()), saved(tmp_path / "b.png", scene()), tmp_path / "h.png")
    assert (found.psnr_db, found.flip, found.flip_max) == (math.inf, 0.0, 0.0)
    assert found.ssim == pytest.approx(1.0, abs=1e-12)
    assert np.array_equal(np.asarray(Image.open(tmp_path / "h.png")), heat_colours(np.zeros((HEIGHT, WIDTH))))


def test_more_noise_is_worse_by_every_measure() -> None:
    levels = [0.005, 0.02, 0.08, 0.3]
    tests = [scene(4, noise) for noise in levels]
    psnrs = [psnr(scene(), test) for test in tests]
    ssims = [ssim(scene(), test) for test in tests]
    flips = [float(flip_map(scene(), test).mean()) for test in tests]
    assert psnrs == sorted(psnrs, reverse=True)
    assert ssims == sorted(ssims, reverse=True)
    assert flips == sorted(flips)


def test_it_does_not_matter_which_comes_first() -> None:
    a, b = scene(), scene(2, 0.1)
    assert psnr(a, b) == psnr(b, a)
    assert ssim(a, b) == pytest.approx(ssim(b, a), abs=1e-12)
    assert flip_map(a, b) == pytest.approx(flip_map(b, a), abs=1e-12)


def test_psnr_of_a_known_error() -> None:
    a = np.full((8, 8, 3), 100, np.uint8)
    assert psnr(a, a + 10) == pytest.approx(20 * math.log10(25.5))


def test_black_against_white_is_almost_all_that_flip_can_be() -> None:
    black, white = np.zeros((32, 32, 3), np.uint8), np.full((32, 32, 3), 255, np.uint8)
    assert flip_map(black, white).min() > 0.95
    assert flip_map(black, white).max() <= 1


def test_the_heat_map_shows_where(tmp_path: Path) -> None:
    test = scene()
    test[20:40, 30:50] = 255 - test[20:40, 30:50]
    compare_files(saved(tmp_path / "a.png", scene()), saved(tmp_path / "b.png", test), tmp_path / "h.png")
    heat = np.asarray(Image.open(tmp_path / "h.png")).sum(axis=2).astype(int)
    assert heat[25:35, 35:45].min() > heat[60:, 80:].max()


def test_a_picture_smaller_than_the_window_is_still_compared() -> None:
    assert -1 <= ssim(scene()[:3, :5], scene(2, 0.3)[:3, :5]) < 1


def test_two_sizes_and_too_many_pixels_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    a, b = saved(tmp_path / "a.png", scene()), saved(tmp_path / "b.png", scene()[:50])
    with pytest.raises(InvalidInput, match="128x50 pixels, its reference 128x96"):
        compare_files(a, b)
    monkeypatch.setattr(compare, "MAX_COMPARED_PIXELS", 100)
    with pytest.raises(InvalidInput, match="more than 100 pixels"):
        compare_files(a, a)


def saved(path: Path, pixels: np.ndarray) -> Path:
    Image.fromarray(pixels).save(path)
    return path
