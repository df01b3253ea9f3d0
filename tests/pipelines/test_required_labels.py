"""What a job's settings ask of the machine: a GPU where the engine would refuse to go on without one."""

from __future__ import annotations

from typing import Any

import pytest

from pipelines.cycles.settings import Device as CyclesDevice
from pipelines.mitsuba.settings import Variant
from pipelines.registry import get_pipeline

PROMPT = {"prompt": "a lamp"}


def required(pipeline: str, settings: dict[str, Any]) -> dict[str, str]:
    known = get_pipeline(pipeline)
    return dict(known.required_labels(known.settings_type.model_validate(settings)))


@pytest.mark.parametrize("device", [each for each in CyclesDevice if each not in ("auto", "cpu")])
def test_every_kind_of_gpu_that_cycles_is_asked_for_needs_a_worker_with_one(device: str) -> None:
    assert required("cycles", {"device": device}) == {"device": "gpu"}


@pytest.mark.parametrize("variant", list(Variant))
def test_only_the_cuda_variants_of_mitsuba_need_a_worker_with_a_gpu(variant: str) -> None:
    assert required("mitsuba", {"variant": variant}) == ({"device": "gpu"} if variant.startswith("cuda") else {})


@pytest.mark.parametrize(
    ("pipeline", "settings", "labels"),
    [
        ("cycles", {}, {}),
        ("cycles", {"device": "cpu"}, {}),
        ("cycles", {"engine": "eevee"}, {}),
        ("cycles", {"engine": "eevee", "device": "gpu"}, {"device": "gpu"}),
        ("cycles", {"denoiser": "optix"}, {"device": "gpu"}),
        ("cycles", {"denoiser": "openimagedenoise"}, {}),
        ("mitsuba", {}, {}),
        ("splats", {}, {}),
        ("splats", {"device": "cpu"}, {}),
        ("splats", {"device": "cuda"}, {"device": "gpu"}),
        ("diffusion", PROMPT, {}),
        ("diffusion", {**PROMPT, "device": "cpu"}, {}),
        ("diffusion", {**PROMPT, "device": "cuda"}, {"device": "gpu"}),
        ("diffusion", {**PROMPT, "dtype": "fp16"}, {"device": "gpu"}),
        ("diffusion", {**PROMPT, "dtype": "bf16"}, {}),
        ("fake", {}, {}),
    ],
)
def test_what_may_render_on_a_cpu_asks_for_no_label(
    pipeline: str, settings: dict[str, Any], labels: dict[str, str]
) -> None:
    assert required(pipeline, settings) == labels
