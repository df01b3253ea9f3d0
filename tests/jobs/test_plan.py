"""The planner: nobody idles beside work that fits, classes are strict, projects share, warm scenes are used."""

from __future__ import annotations

from uuid import UUID, uuid4

from hypothesis import given
from hypothesis import strategies as st

from jobs.order import Order, ordinal_at
from jobs.plan import chunk_frames, fits, make_plan
from jobs.planning import (
    Assign,
    Carve,
    JobView,
    LooseChunk,
    PlanSettings,
    ReplicaView,
    Snapshot,
    StagedChunk,
    WaitReason,
)
from jobs.spec import PriorityClass

SETTINGS = PlanSettings()


def replica(number: int, **changes: object) -> ReplicaView:
    values: dict[str, object] = {"id": UUID(int=number), "pool": "default", "engines": {"fake": "1"}}
    return ReplicaView(**(values | changes))  # type: ignore[arg-type]


def job(**changes: object) -> JobView:
    values: dict[str, object] = {
        "id": uuid4(),
        "project_id": uuid4(),
        "pipeline": "fake",
        "model_digest": "m",
        "uncarved": 100,
        "frame_seconds": 1.0,
    }
    return JobView(**(values | changes))  # type: ignore[arg-type]


def plan(replicas: list[ReplicaView], jobs: list[JobView]):  # type: ignore[no-untyped-def]
    return make_plan(Snapshot(replicas=tuple(replicas), jobs=tuple(jobs)), SETTINGS)


@given(st.integers(1, 400), st.sampled_from(list(Order)))
def test_every_order_hands_out_each_ordinal_once(total: int, order: Order) -> None:
    assert sorted(ordinal_at(order, total, position) for position in range(total)) == list(range(total))


def test_a_scout_order_looks_at_both_ends_and_the_middle_first() -> None:
    assert [ordinal_at(Order.SCOUT, 101, position) for position in range(3)] == [0, 100, 50]


@given(st.integers(1, 5), st.lists(st.integers(1, 50), min_size=1, max_size=5))
def test_no_replica_is_idle_while_work_that_fits_it_waits(count: int, sizes: list[int]) -> None:
    answer = plan([replica(n) for n in range(count)], [job(uncarved=size) for size in sizes])
    used = {placement.replica_id for placement in answer.placements}
    frames = sum(placement.frames for placement in answer.placements if isinstance(placement, Carve))
    assert len(used) == count or frames == sum(sizes)
    assert frames <= sum(sizes)


@given(st.integers(1, 4))
def test_a_plan_is_a_function_of_its_snapshot(count: int) -> None:
    replicas, jobs = [replica(n) for n in range(count)], [job(), job()]
    assert plan(replicas, jobs) == plan(list(reversed(replicas)), jobs)


def test_an_interactive_frame_is_placed_before_older_normal_work() -> None:
    old, urgent = job(created_order=1), job(created_order=9, priority=PriorityClass.INTERACTIVE, uncarved=1)
    answer = plan([replica(1)], [old, urgent])
    assert answer.placements[0].job_id == urgent.id


def test_an_interactive_frame_takes_the_place_behind_the_running_chunk() -> None:
    normal = job(uncarved=0, active_chunks=2)
    urgent = job(priority=PriorityClass.INTERACTIVE, uncarved=1)
    busy = replica(1, busy_chunks=1, staged=(StagedChunk(work_id=7, job_id=normal.id),))
    answer = plan([busy], [normal, urgent])
    assert [back.work_id for back in answer.take_backs] == [7]
    assert [placement.job_id for placement in answer.placements] == [urgent.id]


def test_a_staged_chunk_moves_from_a_busy_replica_to_an_idle_one() -> None:
    work = job(uncarved=0, active_chunks=2)
    busy = replica(1, busy_chunks=1, staged=(StagedChunk(work_id=7, job_id=work.id),))
    answer = plan([busy, replica(2)], [work])
    assert [back.work_id for back in answer.take_backs] == [7]
    assert answer.placements == (Assign(replica_id=UUID(int=2), job_id=work.id, work_id=7),)


def test_two_projects_get_the_same_number_of_replicas_whatever_their_job_count() -> None:
    greedy, small = uuid4(), uuid4()
    jobs = [job(project_id=greedy, created_order=n) for n in range(10)] + [job(project_id=small, created_order=99)]
    answer = plan([replica(n) for n in range(4)], jobs)
    first = answer.placements[:4]
    owners = [next(j.project_id for j in jobs if j.id == placement.job_id) for placement in first]
    assert sorted(owners.count(project) for project in (greedy, small)) == [2, 2]


def test_work_goes_to_the_replica_that_has_the_model() -> None:
    warm = replica(2, residents=frozenset({"m"}))
    answer = plan([replica(1), warm], [job(uncarved=1)])
    assert answer.placements[0].replica_id == warm.id


def test_a_retry_avoids_the_replica_that_failed_it_but_not_when_it_is_the_only_one() -> None:
    bad = UUID(int=1)
    retry = job(uncarved=0, loose=(LooseChunk(work_id=5, frames=1, avoid=frozenset({bad})),))
    assert plan([replica(1), replica(2)], [retry]).placements[0].replica_id == UUID(int=2)
    assert plan([replica(1)], [retry]).placements[0].replica_id == bad


def test_a_pinned_engine_version_and_labels_decide_what_fits_and_why_a_job_waits() -> None:
    pinned = job(engine_version="2")
    assert not fits(pinned, replica(1))
    assert not fits(job(labels={"gpu": "h100"}), replica(1))
    assert plan([replica(1)], [pinned]).waits == {pinned.id: WaitReason.ENGINE_VERSION}
    assert plan([], [pinned]).waits == {pinned.id: WaitReason.STARTING_REPLICA}
    waiting = plan([replica(1)], [job(), late := job(created_order=5)]).waits
    assert waiting[late.id] is WaitReason.NO_CAPACITY


def test_a_job_that_has_not_started_gets_nothing_holds_nobody_up_and_asks_for_replicas() -> None:
    waiting = job(started=False, priority=PriorityClass.INTERACTIVE)
    running = job()
    made = plan([replica(1)], [waiting, running])
    assert {placement.job_id for placement in made.placements} == {running.id}
    assert made.waits[waiting.id] is WaitReason.NO_CAPACITY
    assert made.backlog["default"] > plan([replica(1)], [running]).backlog["default"]


def test_a_draining_replica_gets_nothing() -> None:
    assert not plan([replica(1, accepts_work=False)], [job()]).placements


def test_a_chunk_lasts_about_the_target_and_leaves_work_for_every_replica() -> None:
    assert chunk_frames(job(frame_seconds=0.1, uncarved=1000), SETTINGS, replicas=1) == 40
    assert chunk_frames(job(frame_seconds=9.0), SETTINGS, replicas=1) == 1
    assert chunk_frames(job(frame_seconds=None), SETTINGS, replicas=1) == SETTINGS.first_chunk_frames
    assert chunk_frames(job(frame_seconds=0.0001, uncarved=10), SETTINGS, replicas=5) == 2


def test_the_backlog_asks_for_a_slot_per_chunk_and_for_none_without_work() -> None:
    answer = plan([], [job(uncarved=3, frame_seconds=9.0)])
    assert answer.backlog == {"default": 3}
    assert plan([replica(1)], []).backlog == {"default": 0}
