"""The viewer of OpenEXR, as Chromium draws it: layers, exposure, the numbers of a pixel, and files that are damaged."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Locator, Page, expect

from jobs.access import ProjectRole
from pipelines.post.exr import rgb_channels, write_exr
from tests.web.api_process import ROOT
from tests.web.page_rules import broken_rules
from tests.web.pictured_farm import SIZE, PicturedFarm
from tests.web.pictures import picture
from tests.web.seen import drawn, look_until, unlike
from tests.web.served_farm import ServedFarm
from tests.web.visitor import WAIT_MS, Visitor

Visit = Callable[..., Visitor]
PACKED_OTHERWISE = ROOT / "web" / "features" / "exr" / "fixtures" / "piz-layers.exr"
"""By PIZ, which a library of its own unpacks."""


@pytest.fixture(scope="module")
def passes(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Colour that grows to the right, normals, and a distance that grows downwards."""
    width, height = SIZE
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    colour = np.stack([x / width, y / height, np.full_like(x, 0.25)], axis=-1) / 2
    normal = np.stack([x / width - 0.5, y / height - 0.5, np.ones_like(x)], axis=-1)
    path = tmp_path_factory.mktemp("exr") / "passes.exr"
    write_exr(path, {**rgb_channels(colour), **rgb_channels(normal, layer="Normal"), "Depth.Z": 1 + y})
    return path.read_bytes()


async def rendered(farm: PicturedFarm, model: str, content: bytes) -> tuple[str, str]:
    """A job whose frame is this file, and the file's id."""
    job = await farm.submit(name="Passes", frames="1", model=model)
    await farm.start(job["id"])
    await farm.render_exr(job["id"], content)
    [found] = (await farm.http.get(f"/v1/jobs/{job['id']}/artifacts", params={"kind": "frame"})).json()["items"]
    return str(job["id"]), str(found["id"])


def open_viewer(visitor: Visitor, farm: ServedFarm, content: bytes) -> Page:
    job, artifact = farm.thread.run(rendered(farm.data, farm.world.model, content))
    return visitor.go(f"{farm.home}/jobs/{job}/exr/?artifact={artifact}")


def canvas_of(page: Page, layer: str) -> Locator:
    return page.get_by_role("img", name=re.compile(rf", {layer}$"))


def layers_of(page: Page) -> Locator:
    return page.get_by_role("combobox", name="Layer")


def assert_no_fault(visitor: Visitor) -> None:
    assert visitor.policy_violations() == []
    assert visitor.faults.take() == []


def test_a_frame_is_shown_by_layers_lighter_and_darker_with_the_numbers_of_its_pixels(
    visit: Visit, farm: ServedFarm, passes: bytes
) -> None:
    visitor = visit(ProjectRole.ARTIST)
    job, _ = farm.thread.run(rendered(farm.data, farm.world.model, passes))
    page = visitor.go(f"{farm.home}/jobs/{job}/?frame=1")
    page.get_by_role("link", name="Open in the EXR viewer").click()
    plain = look_until(canvas_of(page, "Colour"), lambda now: drawn(now) > 0.5)
    picture(visitor, "exr")
    exposure = page.get_by_role("slider", name="Exposure")
    for _ in range(4):
        exposure.press("ArrowRight")
    expect(exposure).to_have_attribute("aria-valuetext", "+1 EV")
    lighter = look_until(canvas_of(page, "Colour"), lambda now: unlike(now, plain) > 0.5)
    assert lighter.mean() > plain.mean() + 20
    page.get_by_role("button", name="Reset").click()
    look_until(canvas_of(page, "Colour"), lambda now: unlike(now, plain) == 0)
    layers_of(page).click()
    expect(page.get_by_role("option")).to_have_text(["Colour (RGB)", "Normal (RGB)", "Depth (Z)"])
    page.get_by_role("option", name="Depth").click()
    look_until(canvas_of(page, "Depth"), lambda now: unlike(now, plain) > 0.5)
    width, height = SIZE
    pane = page.get_by_role("group", name=re.compile("^0001.exr, Depth"))
    pane.press("ArrowDown")
    values = page.get_by_label("Values of the pixel")
    expect(values).to_contain_text(f"x {width // 2}, y {height // 2 + 1}")
    expect(values).to_contain_text(f"{height // 2 + 2}.0000")
    assert broken_rules(visitor) == []
    assert_no_fault(visitor)


def test_a_file_that_is_packed_otherwise_is_shown_as_well(visit: Visit, farm: ServedFarm) -> None:
    visitor = visit(ProjectRole.ARTIST)
    page = open_viewer(visitor, farm, PACKED_OTHERWISE.read_bytes())
    look_until(canvas_of(page, "Colour"), lambda now: drawn(now) > 0.5)
    layers_of(page).click()
    expect(page.get_by_role("option")).to_have_text(["Colour (RGBA)", "Normal (RGB)", "Depth (Z)"])
    assert_no_fault(visitor)


def test_a_file_that_cannot_be_shown_says_why_and_can_be_downloaded(
    visit: Visit, farm: ServedFarm, passes: bytes
) -> None:
    visitor = visit(ProjectRole.ARTIST)
    damaged = {
        "cut off": passes[: len(passes) // 2],
        "no OpenEXR file": b"something else",
        "cannot be unpacked": passes[:-2000] + b"\xff" * 2000,
    }
    for words, content in damaged.items():
        page = open_viewer(visitor, farm, content)
        expect(visitor.problem()).to_contain_text(words, timeout=WAIT_MS)
        expect(page.get_by_role("status", name="Loading")).to_have_count(0)
        with page.expect_download() as download:
            page.get_by_role("link", name="Download").click()
        assert download.value.suggested_filename == "0001.exr"
        assert Path(download.value.path()).read_bytes() == content
        assert_no_fault(visitor)
