"""Denoise, upscale, tone-map, contact sheet: pictures made in code, judged by named tolerances."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from jobs.errors import InvalidInput, Unavailable
from pipelines.post import contact_sheet, upscale
from pipelines.post.contact_sheet import MAX_CELLS, spread, write_contact_sheet
from pipelines.post.cube_lut import BadLut, apply_cube, read_cube
from pipelines.post.denoise import denoise_picture, denoised_suffix
from pipelines.post.exr import read_exr, rgb_channels, write_exr
from pipelines.post.optional import NotInstalled
from pipelines.post.tonemap import tonemap_picture, tonemap_pixels
from pipelines.post.upscale import upscale_picture, upscale_pixels

WIDTH, HEIGHT = 96, 64
NOISE = 0.25
LEAST_GAIN_DB = 8.0
"""Of denoising over the noisy picture; 14 and more were measured."""
TILE_SEAM_LEVELS = 1
"""Of 255, where a picture is enlarged in tiles or whole: rounding of half floats."""
LANCZOS_NEAR_LEVELS = 16.0
"""Root mean square between the network's picture and Lanczos: it sharpens, and shows the same thing."""


def scene() -> np.ndarray:
    """(height, width, 3) linear: a ramp with a chequerboard."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    board = ((x // 16 + y // 16) % 2) * 0.7 + 0.1
    return np.stack([x / WIDTH, y / HEIGHT, board], axis=-1).astype(np.float32)


def noisy() -> np.ndarray:
    noise = np.random.default_rng(11).normal(0, NOISE, (HEIGHT, WIDTH, 3))
    return (scene() + noise).clip(0, None).astype(np.float32)


def db(a: np.ndarray, b: np.ndarray) -> float:
    return float(-10 * np.log10(np.mean((a - b) ** 2)))


class TestDenoise:
    def test_noise_goes_and_the_picture_stays(self, tmp_path: Path) -> None:
        source, target = tmp_path / "n.exr", tmp_path / "d.exr"
        albedo = {f"Denoising Albedo.{s}": scene()[:, :, at] for at, s in enumerate("RGB")}
        normal = {f"Denoising Normal.{s}": np.full((HEIGHT, WIDTH), float(s == "Z"), np.float32) for s in "XYZ"}
        alpha = scene()[:, :, 2]
        write_exr(source, {**rgb_channels(noisy(), alpha=alpha), **albedo, **normal})
        done = denoise_picture(source, target)
        assert (done.guides, done.linear, done.facts.width) == (("albedo", "normal"), True, WIDTH)
        clean = read_exr(target)
        guided = db(clean.colour(), scene())
        assert guided > db(noisy(), scene()) + LEAST_GAIN_DB
        assert np.array_equal(clean.alpha(), alpha)
        alone = denoise_picture(source, target, with_guides=False)
        assert alone.guides == ()
        assert guided > db(read_exr(target).colour(), scene())  # the guides are worth their passes

    def test_nan_does_not_spread(self, tmp_path: Path) -> None:
        source, target = tmp_path / "n.exr", tmp_path / "d.exr"
        pixels = noisy()
        pixels[10, 10] = np.nan
        pixels[20, 20, 1] = np.inf
        write_exr(source, rgb_channels(pixels))
        denoise_picture(source, target, quality="fast")
        assert np.isfinite(read_exr(target).colour()).all()

    def test_without_its_library_it_is_refused_and_no_task_waits_for_it(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        source = tmp_path / "n.png"
        Image.fromarray((noisy().clip(0, 1) * 255).astype(np.uint8)).save(source)
        monkeypatch.setitem(sys.modules, "pyoidn", None)
        with pytest.raises(NotInstalled, match="pyoidn is not installed") as refused:
            denoise_picture(source, tmp_path / "d.png")
        assert not isinstance(refused.value, Unavailable)

    def test_a_display_picture_becomes_a_png(self, tmp_path: Path) -> None:
        source, target = tmp_path / "n.jpg", tmp_path / "d.png"
        Image.fromarray((noisy().clip(0, 1) * 255).astype(np.uint8)).save(source, quality=95)
        assert denoised_suffix(source) == ".png"
        done = denoise_picture(source, target, quality="fast")
        assert not done.linear
        assert Image.open(target).size == (WIDTH, HEIGHT)


class TestUpscale:
    def test_the_network_shows_the_same_picture_larger_and_says_its_name(self, tmp_path: Path) -> None:
        source, target = self.small(tmp_path), tmp_path / "large.png"
        done = upscale_picture(source, target, factor=2)
        assert (done.method, done.note) == ("realesr-animevideov3-x2", None)
        plain = upscale_picture(source, tmp_path / "plain.png", factor=2, method="lanczos")
        assert plain.method == "lanczos"
        large = np.asarray(Image.open(target), dtype=np.float64)
        filtered = np.asarray(Image.open(tmp_path / "plain.png"), dtype=np.float64)
        assert large.shape == (64, 96, 3)
        assert np.sqrt(np.mean((large - filtered) ** 2)) < LANCZOS_NEAR_LEVELS
        assert not np.array_equal(large, filtered)

    def test_tiles_join_without_a_seam(self) -> None:
        pixels = (scene()[:32, :48] * 255).astype(np.uint8)
        network = "realesr-animevideov3-x2"
        whole = upscale_pixels(pixels, network=network, factor=2, tile=64).astype(int)
        tiled = upscale_pixels(pixels, network=network, factor=2, tile=25).astype(int)
        assert np.abs(whole - tiled).max() <= TILE_SEAM_LEVELS

    def test_without_the_weights_it_is_lanczos_and_said_so(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(upscale, "_WEIGHTS_PACKAGE", "no_such_package")
        done = upscale_picture(self.small(tmp_path), tmp_path / "a.png", factor=3)
        assert done.method == "lanczos"
        assert done.note is not None
        assert "not installed" in done.note
        with pytest.raises(NotInstalled, match="not installed"):
            upscale_picture(self.small(tmp_path), tmp_path / "a.png", factor=4, method="photo")

    def test_what_a_method_cannot_do_is_refused(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        with pytest.raises(InvalidInput, match="photo does not enlarge by 2"):
            upscale_picture(self.small(tmp_path), tmp_path / "a.png", factor=2, method="photo")
        monkeypatch.setattr(upscale, "MAX_UPSCALED_PIXELS", 96 * 64 - 1)
        with pytest.raises(InvalidInput, match="96x64 pixels"):
            upscale_picture(self.small(tmp_path), tmp_path / "a.png", factor=2)

    @staticmethod
    def small(folder: Path) -> Path:
        path = folder / "small.png"
        Image.fromarray((scene()[:32, :48] * 255).astype(np.uint8)).save(path)
        return path


class TestToneMap:
    def test_exposure_is_in_stops_and_the_plain_curve_is_srgb(self) -> None:
        grey = np.full((1, 1, 3), 0.18, np.float32)
        assert tonemap_pixels(grey)[0, 0, 0] == pytest.approx(0.4614, abs=1e-4)  # IEC 61966-2-1 of 18 % grey
        assert tonemap_pixels(grey, exposure=1) == pytest.approx(tonemap_pixels(grey * 2))

    @pytest.mark.parametrize("curve", ["srgb", "filmic", "reinhard"])
    def test_a_curve_never_turns_back_and_stays_on_the_screen(self, curve: str) -> None:
        ramp = np.repeat(np.geomspace(1e-4, 1e4, 500, dtype=np.float32)[None, :, None], 3, axis=2)
        shown = tonemap_pixels(ramp, curve=curve)[0, :, 0]
        assert (np.diff(shown) >= 0).all()
        assert shown[0] >= 0
        assert shown[-1] <= 1
        assert tonemap_pixels(np.zeros((1, 1, 3), np.float32), curve=curve).max() == pytest.approx(0, abs=1e-6)

    def test_the_soft_curves_keep_detail_where_srgb_clips(self) -> None:
        bright = np.array([[[1.5] * 3, [3.0] * 3]], np.float32)
        assert np.ptp(tonemap_pixels(bright)) == 0
        for curve in ("filmic", "reinhard"):
            assert np.ptp(tonemap_pixels(bright, curve=curve)) > 0.02

    def test_an_identity_lut_changes_nothing_and_a_swap_swaps(self, tmp_path: Path) -> None:
        pixels = np.random.default_rng(3).random((9, 7, 3), dtype=np.float32)
        assert apply_cube(read_cube(self.cube(tmp_path, 5)), pixels) == pytest.approx(pixels, abs=1e-6)
        swapped = apply_cube(read_cube(self.cube(tmp_path, 4, swap=True)), pixels)
        assert swapped == pytest.approx(pixels[:, :, ::-1], abs=1e-6)

    def test_a_picture_goes_through_to_a_png(self, tmp_path: Path) -> None:
        source, target = tmp_path / "a.exr", tmp_path / "a.png"
        write_exr(source, rgb_channels(scene() * 4))
        facts = tonemap_picture(source, target, curve="filmic", lut=read_cube(self.cube(tmp_path, 3, swap=True)))
        swapped = np.asarray(Image.open(target))
        tonemap_picture(source, target, curve="filmic")
        assert (facts.width, facts.height) == (WIDTH, HEIGHT)
        assert np.abs(swapped.astype(int) - np.asarray(Image.open(target)).astype(int)[:, :, ::-1]).max() <= 1

    @pytest.mark.parametrize(
        ("text", "words"),
        [
            ("LUT_3D_SIZE 4096\n0 0 0\n", "from 2 to 129"),
            ("LUT_3D_SIZE 99999999999999999999\n", "from 2 to 129"),
            ("LUT_1D_SIZE 16\n", "1D"),
            ("LUT_3D_SIZE 2\n0 0 0\n", "has 1 rows"),
            ("LUT_3D_SIZE 2\n" + "0 0 0\n" * 9, "more than the 8 rows"),
            ("LUT_3D_SIZE 2\n0 0 nan\n", "outside of"),
            ("LUT_3D_SIZE 2\n0 0\n", "not three numbers"),
            ("0 0 0\n", "before LUT_3D_SIZE"),
            ("\x00\xff", "before LUT_3D_SIZE"),
            ("", "has 0 rows"),
            ("LUT_3D_SIZE 2\nDOMAIN_MIN 1 1 1\n" + "0 0 0\n" * 8, "empty domain"),
        ],
    )
    def test_a_bad_lut_is_refused_in_words(self, tmp_path: Path, text: str, words: str) -> None:
        path = tmp_path / "bad.cube"
        path.write_bytes(text.encode("latin-1"))
        with pytest.raises(BadLut, match=words):
            read_cube(path)

    @staticmethod
    def cube(folder: Path, edge: int, *, swap: bool = False) -> Path:
        steps = np.linspace(0, 1, edge)
        rows = [(r, g, b) for b in steps for g in steps for r in steps]
        lines = [" ".join(f"{v:.7f}" for v in (row[::-1] if swap else row)) for row in rows]
        path = folder / "table.cube"
        path.write_text("\n".join(['TITLE "a table"', "# made in code", f"LUT_3D_SIZE {edge}", *lines, ""]))
        return path


class TestContactSheet:
    def test_frames_stand_in_order_in_cells_of_their_shape(self, tmp_path: Path) -> None:
        colours = [(200, 0, 0), (0, 200, 0), (0, 0, 200), (200, 200, 0), (0, 200, 200)]
        frames = []
        for number, colour in enumerate(colours, start=1):
            path = tmp_path / f"{number}.png"
            Image.new("RGB", (80, 40), colour).save(path)
            frames.append((number, path))
        sheet = write_contact_sheet(frames, tmp_path / "sheet.png", cell_width=40, labels=False)
        assert (sheet.shown, sheet.facts.width, sheet.facts.height) == (5, 3 * 44 + 4, 2 * 24 + 4)
        pixels = np.asarray(Image.open(tmp_path / "sheet.png"))
        centres = [(4 + at % 3 * 44 + 20, 4 + at // 3 * 24 + 10) for at in range(5)]
        assert [tuple(pixels[y, x]) for x, y in centres] == colours
        labelled = write_contact_sheet(frames, tmp_path / "sheet.png", cell_width=40)
        assert labelled.facts.height > sheet.facts.height

    def test_of_too_many_evenly_spread_ones_are_shown(self) -> None:
        chosen = spread(100_000)
        assert (len(chosen), chosen[0], chosen[-1]) == (MAX_CELLS, 0, 99_999)
        assert spread(3) == [0, 1, 2]

    def test_a_sheet_above_the_limit_is_refused(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        path = tmp_path / "a.png"
        Image.new("RGB", (8, 8)).save(path)
        monkeypatch.setattr(contact_sheet, "MAX_SHEET_PIXELS", 1000)
        with pytest.raises(InvalidInput, match="the most are 1000"):
            write_contact_sheet([(1, path)], tmp_path / "s.png", cell_width=64)
        with pytest.raises(InvalidInput, match="these are 0"):
            write_contact_sheet([], tmp_path / "s.png")
