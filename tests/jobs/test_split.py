"""One frame over several replicas, as the domain sees it: a choice of the job, placed part by part."""

from __future__ import annotations

from uuid import UUID, uuid4

import pytest
from pydantic import ValidationError

from jobs.fingerprint import RenderInputs, render_key
from jobs.plan import chunk_frames, make_plan
from jobs.planning import Carve, JobView, LooseChunk, PlanSettings, ReplicaView, Snapshot
from jobs.spec import JobSpec, Split, SplitMode

SETTINGS = PlanSettings()


@pytest.mark.parametrize("split", [{"mode": "none", "parts": 2}, {"mode": "samples"}, {"mode": "borders", "parts": 65}])
def test_the_parts_go_with_the_mode(split: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        JobSpec.model_validate({"model": uuid4(), "frames": "1", "split": split})


def test_a_job_that_says_nothing_renders_its_frames_whole() -> None:
    assert JobSpec.model_validate({"model": uuid4(), "frames": "1"}).split == Split(mode=SplitMode.NONE, parts=1)


def test_jobs_of_different_splits_never_share_a_key() -> None:
    splits = [Split(), *(Split(mode=mode, parts=parts) for mode in ("borders", "samples") for parts in (2, 3, 64))]  # type: ignore[arg-type]
    keys = {
        render_key(
            RenderInputs(
                model_digest="a" * 64,
                pipeline="fake",
                engine_version="fake 1",
                device_class="cpu",
                settings={},
                split=str(split),
            )
        )
        for split in splits
    }
    assert len(keys) == len(splits)
    assert str(Split()) == "none"  # as the keys of whole frames have it


def still(**changes: object) -> JobView:
    values: dict[str, object] = {
        "id": uuid4(),
        "project_id": uuid4(),
        "pipeline": "fake",
        "model_digest": "m",
        "uncarved": 4,
        "split_parts": 4,
    }
    return JobView(**(values | changes))  # type: ignore[arg-type]


def replicas(count: int) -> tuple[ReplicaView, ...]:
    return tuple(ReplicaView(id=UUID(int=n), pool="default", engines={"fake": "1"}) for n in range(count))


def test_a_still_in_four_parts_keeps_four_replicas_busy_and_a_fifth_idle() -> None:
    plan = make_plan(Snapshot(replicas=replicas(5), jobs=(still(),)), SETTINGS)
    assert all(isinstance(placement, Carve) and placement.frames == 1 for placement in plan.placements)
    assert len({placement.replica_id for placement in plan.placements}) == 4
    assert plan.backlog["default"] == 4


def test_however_quick_its_parts_are_each_placement_is_one() -> None:
    for seconds in (None, 0.001, 100.0):
        assert chunk_frames(still(uncarved=1000, frame_seconds=seconds), SETTINGS, replicas=3) == 1


def test_parts_of_an_open_frame_go_before_a_new_frame() -> None:
    loose = tuple(LooseChunk(work_id=number, frames=1) for number in (7, 8))
    plan = make_plan(Snapshot(replicas=replicas(3), jobs=(still(loose=loose),)), SETTINGS)
    first, second, *rest = plan.placements
    assert [getattr(placement, "work_id", None) for placement in (first, second)] == [7, 8]
    assert all(isinstance(placement, Carve) for placement in rest)
