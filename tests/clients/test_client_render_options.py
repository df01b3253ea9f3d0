"""Options of `rayfarm render` mean what they say for every pipeline, and a lone file is not sent without its folder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pipelines.registry import PIPELINES
from rayfarm.cli import main
from rayfarm.cli._named_settings import NAMED
from tests.clients.scripted_farm import FarmServer, Request

SCENES = {"mitsuba": "scene.xml", "splats": "torus.ply", "diffusion": "model_index.json", "cycles": "scene.blend"}


@pytest.fixture
def checked(scripted: FarmServer) -> list[Any]:
    """Settings that the farm was asked to check; it refuses them all, so that nothing is sent."""
    seen: list[Any] = []

    def refuse(request: Request) -> None:
        seen.append(json.loads(request.body)["settings"])
        request.problem(422, "invalid-input", "Enough.")

    scripted.on("POST", "/v1/pipelines/[a-z]+/check", refuse)
    return seen


def render(scripted: FarmServer, folder: Path, pipeline: str, *words: str, main_file: bool = True) -> int:
    scene = folder / SCENES[pipeline]
    scene.touch()
    return main(["render", str(scene if main_file else folder), "--detach", "--url", scripted.url, *words])


@pytest.mark.parametrize(
    ("pipeline", "settings"),
    [
        ("cycles", {"resolution_x": 64, "resolution_y": 48, "samples": 4, "seed": 7}),
        ("mitsuba", {"width": 64, "height": 48, "spp": 4, "seed": 7}),
        ("diffusion", {"width": 64, "height": 48, "steps": 4, "seed": 7}),
    ],
)
def test_size_samples_and_seed_reach_each_pipeline_under_its_own_names(
    scripted: FarmServer, tmp_path: Path, checked: list[Any], pipeline: str, settings: dict[str, int]
) -> None:
    render(scripted, tmp_path, pipeline, "--resolution", "64x48", "--samples", "4", "--seed", "7")
    assert checked == [settings]


@pytest.mark.parametrize(
    ("pipeline", "words"),
    [
        ("splats", ("--samples", "4")),
        ("splats", ("--seed", "4")),
        ("diffusion", ("--camera", "top")),
        ("mitsuba", ("--denoise",)),
        ("mitsuba", ("--view-layer", "a")),
    ],
)
def test_an_option_that_a_pipeline_lacks_is_refused_by_the_name_that_was_typed(
    scripted: FarmServer,
    tmp_path: Path,
    checked: list[Any],
    capsys: pytest.CaptureFixture[str],
    pipeline: str,
    words: tuple[str, ...],
) -> None:
    assert render(scripted, tmp_path, pipeline, *words) == 2
    assert f"{pipeline} has no {words[0]}." in capsys.readouterr().err
    assert checked == []


def test_help_says_which_pipelines_have_an_option(capsys: pytest.CaptureFixture[str]) -> None:
    main(["render", "--help"])
    text = " ".join(capsys.readouterr().out.replace("│", " ").split())
    assert "cycles, mitsuba (spp), diffusion (steps)" in text


@pytest.mark.parametrize("option", NAMED)
def test_every_setting_that_an_option_stands_for_is_one_of_its_pipeline(option: str) -> None:
    for pipeline, fields in NAMED[option].items():
        assert set(fields) <= set(PIPELINES[pipeline].settings_type.model_fields)


def test_a_lone_cloud_whose_cameras_lie_beside_it_is_refused_with_the_folder_to_give(
    scripted: FarmServer, tmp_path: Path, checked: list[Any], capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "path.json").touch()
    words = ("--set", 'cameras={"type": "file", "path": "path.json"}')
    assert render(scripted, tmp_path, "splats", *words) == 2
    assert f"Give the folder {tmp_path}/ instead of the file" in "".join(capsys.readouterr().err.splitlines())
    assert checked == []
    render(scripted, tmp_path, "splats", *words, main_file=False)
    assert len(checked) == 1  # it went on, to the farm


def test_the_index_of_weights_is_not_sent_without_the_weights(
    scripted: FarmServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scripted.answer("POST", "/v1/pipelines/diffusion/check", {"settings": {}, "advice": []})
    index = {"_class_name": "StableDiffusionPipeline", "_diffusers_version": "0.30.0"}
    (tmp_path / "model_index.json").write_text(json.dumps(index))
    assert render(scripted, tmp_path, "diffusion") == 2
    assert f"Give the folder {tmp_path}/ instead of the file" in "".join(capsys.readouterr().err.splitlines())
    assert scripted.requests("PUT", ".*") == []
