"""Scenes in three dimensions, as Chromium draws them: clouds of gaussians and glTF, whole and damaged."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from examples import make_splats
from jobs.access import ProjectRole
from tests.pipelines.imported_scenes import write_gltf
from tests.serve_app.test_api_model_files import model_of
from tests.web.page_rules import broken_rules, violations
from tests.web.pictures import picture
from tests.web.seen import drawn, look_until, share, unlike
from tests.web.served_farm import ServedFarm
from tests.web.visitor import WAIT_MS, Visitor

Visit = Callable[..., Visitor]
RED, BLUE = 0, 2
CAMERAS = "path.json"


def files_of(folder: Path, main: str) -> dict[str, bytes]:
    """All of a folder, the main file first."""
    found = {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    return {main: found.pop(main), **found}


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """A ring of many colours, and a path of cameras around it."""
    folder = tmp_path_factory.mktemp("cloud")
    make_splats.write(folder, count=4000)
    return files_of(folder, "torus.ply")


@pytest.fixture(scope="module")
def cube(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """A glTF whose buffer and texture, half red and half blue, are files beside it, and a camera at its side."""
    folder = tmp_path_factory.mktemp("cube")
    main = write_gltf(folder)
    document = json.loads(main.read_text())
    document["cameras"] = [{"name": "Shot", "type": "perspective", "perspective": {"yfov": 0.6, "znear": 0.1}}]
    document["nodes"].append({"camera": 0, "translation": [1.5, 0, 9]})
    document["scenes"][0]["nodes"].append(1)
    main.write_text(json.dumps(document))
    return files_of(folder, main.name)


def open_view(visitor: Visitor, farm: ServedFarm, files: Mapping[str, bytes], *, kind: str) -> Page:
    """The 3D view of a model of these files."""

    async def ready() -> str:
        model = await model_of(farm.data, files, kind=kind)
        await farm.data.set_model(model, "ready", probe={"cameras": [each for each in files if each == CAMERAS]})
        return model

    visitor.go(f"{farm.home}/models/{farm.thread.run(ready())}/")
    visitor.page.get_by_role("tab", name="3D view").click()
    return visitor.page


def stage_of(page: Page) -> Locator:
    """Once the scene is on it."""
    expect(page.get_by_role("button", name="Show all")).to_be_visible(timeout=WAIT_MS)
    return page.get_by_role("application", name="3D view")


def choose_camera(page: Page, name: str) -> None:
    page.get_by_role("combobox", name="Camera").click()
    page.get_by_role("option", name=name).click()


def assert_no_fault(visitor: Visitor) -> None:
    assert visitor.policy_violations() == []
    assert visitor.faults.take() == []


def test_a_cloud_of_gaussians_is_drawn_turned_by_keys_and_seen_through_its_cameras(
    visit: Visit, farm: ServedFarm, cloud: dict[str, bytes]
) -> None:
    visitor = visit(ProjectRole.ARTIST)
    page = open_view(visitor, farm, cloud, kind="splats")
    stage = stage_of(page)
    whole = look_until(stage, lambda now: drawn(now) > 0.05)
    picture(visitor, "model-view-splats")
    assert share(whole, more=RED, less=BLUE) > 0.005
    assert share(whole, more=BLUE, less=RED) > 0.005
    for key in ("+", "ArrowRight", "ArrowRight"):
        stage.press(key)
    turned = look_until(stage, lambda now: unlike(now, whole) > 0.02)
    choose_camera(page, CAMERAS)
    first = look_until(stage, lambda now: unlike(now, turned) > 0.02)
    page.get_by_role("slider", name="Along the path").press("End")
    look_until(stage, lambda now: unlike(now, first) > 0.02)
    page.get_by_role("button", name="Show all").click()
    look_until(stage, lambda now: unlike(now, whole) < 0.01)
    assert broken_rules(visitor) == []
    assert_no_fault(visitor)


def test_a_gltf_is_drawn_with_the_files_beside_it_and_seen_through_its_camera(
    visit: Visit, farm: ServedFarm, cube: dict[str, bytes]
) -> None:
    visitor = visit(ProjectRole.ARTIST)
    page = open_view(visitor, farm, cube, kind="gltf")
    stage = stage_of(page)
    whole = look_until(stage, lambda now: drawn(now) > 0.05)
    picture(visitor, "model-view-gltf")
    assert share(whole, more=RED, less=BLUE) > 0.01
    assert share(whole, more=BLUE, less=RED) > 0.01
    stage.press("ArrowLeft")
    turned = look_until(stage, lambda now: unlike(now, whole) > 0.01)
    choose_camera(page, "Shot")
    look_until(stage, lambda now: unlike(now, turned) > 0.01)
    assert_no_fault(visitor)


def damaged_scenes(cloud: Mapping[str, bytes], cube: Mapping[str, bytes]) -> list[tuple[str, dict[str, bytes]]]:
    """(kind, files): cut short, with nothing that has a place, without what it needs."""
    ply = cloud["torus.ply"]
    head, _, values = ply.partition(b"end_header\n")
    return [
        ("splats", {"torus.ply": ply[: len(ply) // 2]}),
        ("splats", {"torus.ply": head + b"end_header\n" + b"\xff" * len(values)}),
        ("gltf", {"scene.gltf": cube["scene.gltf"][:200]}),
        ("gltf", {path: content for path, content in cube.items() if path != "scene.bin"}),
    ]


def test_a_scene_that_cannot_be_shown_says_why_and_what_to_do(
    visit: Visit, farm: ServedFarm, cloud: dict[str, bytes], cube: dict[str, bytes]
) -> None:
    visitor = visit(ProjectRole.ARTIST)
    for kind, files in damaged_scenes(cloud, cube):
        page = open_view(visitor, farm, files, kind=kind)
        expect(visitor.problem()).to_contain_text("upload it again", timeout=WAIT_MS)
        expect(page.get_by_role("application")).to_have_count(0)
        assert_no_fault(visitor)
    assert violations(page) == []
    page.get_by_role("button", name="Try again").click()
    expect(visitor.problem()).to_contain_text("upload it again", timeout=WAIT_MS)
    page.get_by_role("tab", name="Files").click()
    expect(page.get_by_role("tabpanel").get_by_text("scene.gltf", exact=True)).to_be_visible()
    assert_no_fault(visitor)


def test_a_scene_whose_file_did_not_come_through_is_shown_at_the_next_try(
    visit: Visit, farm: ServedFarm, cube: dict[str, bytes]
) -> None:
    visitor = visit(ProjectRole.ARTIST)
    visitor.page.route("**/v1/files/**", lambda route: route.abort())
    page = open_view(visitor, farm, cube, kind="gltf")
    expect(visitor.problem()).to_contain_text("cannot be loaded", timeout=WAIT_MS)
    assert [each for each in visitor.faults.take() if "net::ERR_FAILED" not in each] == []
    page.unroute("**/v1/files/**")
    page.get_by_role("button", name="Try again").click()
    look_until(stage_of(page), lambda now: drawn(now) > 0.05)
    assert_no_fault(visitor)
