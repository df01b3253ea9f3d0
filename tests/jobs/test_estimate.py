"""An estimate is arithmetic over what was measured, and says so where nothing was."""

from __future__ import annotations

import pytest

from jobs.estimate import estimate


def test_frames_are_shared_out_in_whole_rounds() -> None:
    found = estimate(frames=10, reused=0, seconds_per_frame=2.0, replicas=4)
    assert (found.slot_seconds, found.expected_seconds, found.unknown) == (20.0, 6.0, {})


def test_reused_frames_cost_nothing() -> None:
    found = estimate(frames=10, reused=10, seconds_per_frame=None, replicas=0)
    assert (found.to_render, found.slot_seconds, found.expected_seconds) == (0, 0.0, 0.0)
    found = estimate(frames=10, reused=6, seconds_per_frame=3.0, replicas=2)
    assert (found.to_render, found.slot_seconds, found.expected_seconds) == (4, 12.0, 6.0)


def test_a_job_uses_no_more_replicas_than_it_may() -> None:
    assert estimate(frames=10, reused=0, seconds_per_frame=1.0, replicas=8, max_replicas=2).expected_seconds == 5.0


@pytest.mark.parametrize(
    ("known", "missing"),
    [
        ({"reused": None, "seconds_per_frame": 1.0, "replicas": 0}, {"reused", "expected_seconds"}),
        (
            {"reused": 0, "seconds_per_frame": None, "replicas": 3},
            {"seconds_per_frame", "slot_seconds", "expected_seconds"},
        ),
    ],
)
def test_what_nobody_measured_is_null_and_says_why(known: dict[str, float | None], missing: set[str]) -> None:
    found = estimate(frames=5, **known)  # type: ignore[arg-type]
    assert set(found.unknown) == missing
    for name in missing:
        assert getattr(found, name) is None
        assert found.unknown[name]
