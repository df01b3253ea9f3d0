"""Findings name what is wrong, how bad it is, and what to do."""

from __future__ import annotations

from typing import Any

import pytest

from models.errors import ModelInvalid
from models.findings import Severity
from models.kinds import ModelKind
from models.lint import report_on
from models.manifest import Manifest, ManifestFile
from models.probe import ProbeReport, parse_facts

MANIFEST = Manifest(
    kind=ModelKind.BLENDER,
    main="scene.blend",
    files=(ManifestFile(path="scene.blend", digest="a" * 64, size_bytes=1),),
)


def facts(**changes: Any) -> dict[str, Any]:
    return {
        "frame_start": 1,
        "frame_end": 10,
        "frame_step": 1,
        "fps": 24.0,
        "resolution": [640, 360, 100],
        "cameras": ["Camera"],
        "active_camera": "Camera",
        "has_sequence": False,
        "view_layers": ["ViewLayer"],
        "engine": "CYCLES",
        "samples": 16,
        "denoiser": None,
        "stereo": False,
        "blender_version": "5.0",
        "triangles": 2,
        "references": [],
        "simulations": [],
        "blocked_scripts": [],
        **changes,
    }


def reference(**changes: Any) -> dict[str, Any]:
    base = {"raw": "//wood.png", "kind": "image", "owner": "Wood"}
    return {**base, "owner_file": "scene.blend", "base_file": "scene.blend", **changes}


def report(**changes: Any) -> ProbeReport:
    return report_on(parse_facts(facts(**changes)), MANIFEST)


def test_a_good_scene_has_no_findings() -> None:
    assert report().findings == ()
    assert report().fatal is None


@pytest.mark.parametrize(
    ("changes", "code", "severity"),
    [
        ({"cameras": [], "active_camera": None}, "no_camera", Severity.ERROR),
        ({"active_camera": None}, "no_active_camera", Severity.WARNING),
        ({"frame_end": 0}, "empty_frame_range", Severity.WARNING),
        ({"references": [reference()]}, "missing_file", Severity.ERROR),
        ({"references": [reference(kind="sound", required=False)]}, "missing_optional_file", Severity.WARNING),
        ({"simulations": [{"owner": "Sea", "kind": "fluid", "baked": False}]}, "unbaked_state", Severity.WARNING),
        ({"simulations": [{"owner": "Sea", "kind": "fluid", "baked": None}]}, "unbaked_state", Severity.WARNING),
        ({"blocked_scripts": ["text block 'x.py'"]}, "scripts_blocked", Severity.WARNING),
        ({"engine": "BLENDER_EEVEE"}, "engine_replaced", Severity.WARNING),
        ({"stereo": True}, "stereo", Severity.ERROR),
        ({"denoiser": "OPTIX"}, "gpu_only", Severity.WARNING),
    ],
)
def test_each_problem_has_its_code(changes: dict[str, Any], code: str, severity: Severity) -> None:
    findings = report(**changes).findings
    assert [(finding.code, finding.severity) for finding in findings] == [(code, severity)]
    assert findings[0].remedy


@pytest.mark.parametrize(
    "changes",
    [
        {"cameras": [], "active_camera": None, "has_sequence": True},
        {"simulations": [{"owner": "Sea", "kind": "fluid", "baked": True}]},
        {"denoiser": "OPENIMAGEDENOISE"},
        {"references": [reference(raw="//scene.blend")]},
    ],
)
def test_what_is_in_order_is_not_reported(changes: dict[str, Any]) -> None:
    assert report(**changes).findings == ()


def test_a_missing_file_is_never_fatal_and_a_missing_camera_is() -> None:
    assert report(references=[reference()]).fatal is None
    fatal = report(references=[reference()], cameras=[], active_camera=None).fatal
    assert fatal is not None
    assert fatal.code == "no_camera"


def test_a_file_used_twice_is_listed_once_and_is_required_if_one_use_is() -> None:
    found = report(references=[reference(required=False), reference(owner="Oak"), reference()])
    assert [(file.owner, file.required) for file in found.missing] == [("Oak", True)]


@pytest.mark.parametrize("changes", [{"fps": 0}, {"fps": "many"}, {"references": [{"raw": 1}]}, {"surprise": 1}])
def test_facts_that_make_no_sense_make_the_model_invalid(changes: dict[str, Any]) -> None:
    with pytest.raises(ModelInvalid):
        parse_facts(facts(**changes))
