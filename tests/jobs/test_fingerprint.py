"""A fingerprint changes with everything that may change a pixel, and with nothing else."""

from __future__ import annotations

import pickle
from dataclasses import replace

import pytest

from jobs.errors import InvalidInput
from jobs.fingerprint import RenderInputs, frame_fingerprint, render_key

INPUTS = RenderInputs(
    model_digest="a" * 64,
    pipeline="cycles",
    engine_version="bpy 5.0.1",
    device_class="cpu",
    settings={"samples": 4, "seed": None},
)


@pytest.mark.parametrize(
    "other",
    [
        replace(INPUTS, model_digest="b" * 64),
        replace(INPUTS, pipeline="mitsuba"),
        replace(INPUTS, engine_version="bpy 5.0.2"),
        replace(INPUTS, device_class="optix"),
        replace(INPUTS, settings={"samples": 5, "seed": None}),
        replace(INPUTS, settings={"samples": 4, "seed": 0}),
        replace(INPUTS, split="samples"),
    ],
)
def test_each_input_changes_the_key(other: RenderInputs) -> None:
    assert render_key(other) != render_key(INPUTS)


def test_the_order_of_settings_does_not_change_the_key() -> None:
    swapped = replace(INPUTS, settings={"seed": None, "samples": 4})
    assert render_key(swapped) == render_key(INPUTS)


def test_frames_of_one_key_have_different_fingerprints() -> None:
    key = render_key(INPUTS)
    assert len({frame_fingerprint(key, frame) for frame in range(-50, 50)}) == 100


def test_an_error_crosses_a_process_boundary_whole() -> None:
    error = InvalidInput("Bad.", field="frames", remedy="Mend it.", limit=3)
    copy = pickle.loads(pickle.dumps(error))
    assert (copy.message, copy.remedy, copy.field, copy.details) == (
        error.message,
        error.remedy,
        error.field,
        error.details,
    )
