"""What holds for every farm: nobody idles beside work or starves, nothing exceeds its bound, order does not matter."""

from __future__ import annotations

from collections import Counter
from uuid import UUID

from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from jobs.fitting import Fitting, fits
from jobs.plan import make_plan
from jobs.planning import (
    Assign,
    Carve,
    JobView,
    LooseChunk,
    Plan,
    PlanSettings,
    ProjectView,
    ReplicaView,
    Snapshot,
    StagedChunk,
)
from jobs.spec import PriorityClass
from loadtests.sim_farm import SimFarm, SimJob, SimReplica
from tests.jobs.plan_builders import SETTINGS

PROJECTS = [UUID(int=900 + n) for n in range(3)]
MODELS = ["a", "b", "c"]
LICENCES = {"nuke": 3}
CALM = examples(deadline=None, suppress_health_check=[HealthCheck.too_slow])
"""A busy machine is slow to draw a farm; that says nothing about the planner."""


@st.composite
def snapshots(draw: st.DrawFn) -> Snapshot:
    """A farm in any state that the database could show."""
    jobs: list[JobView] = []
    work_ids = iter(range(1, 10_000))
    for number in range(draw(st.integers(0, 6))):
        loose = [
            LooseChunk(
                work_id=next(work_ids),
                frames=draw(st.integers(1, 5)),
                avoid=frozenset(draw(st.sets(st.integers(1, 6).map(lambda n: UUID(int=n)), max_size=2))),
            )
            for _ in range(draw(st.integers(0, 2)))
        ]
        jobs.append(
            JobView(
                id=UUID(int=100 + number),
                project_id=draw(st.sampled_from(PROJECTS)),
                pipeline="fake",
                model_digest=draw(st.sampled_from(MODELS)),
                started=draw(st.sampled_from([True, True, True, False])),
                stopped=draw(st.sampled_from([False, False, False, True])),
                priority=draw(st.sampled_from(list(PriorityClass))),
                weight=draw(st.sampled_from([50, 100, 300])),
                created_order=float(draw(st.integers(0, 3))),
                labels=draw(st.sampled_from([{}, {}, {"gpu": "big"}, {"gpu_memory_gib": ">=24"}])),
                licences=draw(st.sampled_from([{}, {}, {"nuke": 1}, {"nuke": 2}])),
                max_replicas=draw(st.sampled_from([None, None, 1, 2])),
                blocked_nodes=frozenset(draw(st.sets(st.sampled_from(["n1", "n2"]), max_size=2))),
                uncarved=draw(st.integers(0, 30)),
                loose=tuple(loose),
                frame_seconds=draw(st.sampled_from([None, 0.1, 1.0, 100.0])),
                waited_s=draw(st.sampled_from([0.0, 10.0, 1000.0])),
                finish_in_s=draw(st.sampled_from([None, None, 1.0, 1000.0])),
            )
        )
    replicas = [draw(_replica(number, jobs, work_ids)) for number in range(1, draw(st.integers(1, 7)))]
    held = Counter(chunk.job_id for replica in replicas for chunk in replica.staged)
    held.update(replica.busy_job for replica in replicas if replica.busy_job)
    jobs = [
        job._replace(active_chunks=held[job.id], active_frames=held[job.id], started=job.started or held[job.id] > 0)
        for job in jobs
    ]
    projects = [ProjectView(id=each, charged_s=draw(st.sampled_from([0.0, 50.0, 1e5]))) for each in PROJECTS]
    return Snapshot(replicas=tuple(replicas), jobs=tuple(jobs), projects=tuple(projects), licences=LICENCES)


@st.composite
def _replica(draw: st.DrawFn, number: int, jobs: list[JobView], work_ids: object) -> ReplicaView:
    running = draw(st.sampled_from([None, *(job.id for job in jobs)]))
    staged = draw(st.sampled_from(jobs)) if running is not None and draw(st.booleans()) else None
    return ReplicaView(
        id=UUID(int=number),
        pool="default",
        node=f"n{draw(st.integers(1, 3))}",
        labels=draw(st.sampled_from([{}, {"gpu": "big"}, {"gpu_memory_gib": "48"}])),
        engines={"fake": "1"},
        residents=frozenset(draw(st.sets(st.sampled_from(MODELS), max_size=2))),
        busy_chunks=int(running is not None),
        busy_job=running,
        busy_frames=int(running is not None),
        staged=(StagedChunk(work_id=next(work_ids), job_id=staged.id),) if staged else (),  # type: ignore[call-overload]
        accepts_work=draw(st.sampled_from([True, True, True, False])),
    )


def loads_after(snapshot: Snapshot, made: Plan) -> Counter[UUID]:
    """Chunks at each replica once the plan is written."""
    loads = Counter({replica.id: replica.busy_chunks + len(replica.staged) for replica in snapshot.replicas})
    loads.subtract(back.replica_id for back in made.take_backs)
    loads.update(placement.replica_id for placement in made.placements)
    return loads


@given(snapshots())
@examples(CALM, max_examples=150)
def test_no_replica_idles_beside_work_that_it_could_start(snapshot: Snapshot) -> None:
    made = make_plan(snapshot, SETTINGS)
    loads = loads_after(snapshot, made)
    given_ = Counter(placement.job_id for placement in made.placements)
    loose = Counter(placement.job_id for placement in made.placements if isinstance(placement, Assign))
    carved = Counter[UUID]()
    for placement in made.placements:
        if isinstance(placement, Carve):
            carved[placement.job_id] += placement.frames
    taken = {back.work_id for back in made.take_backs}
    moved = {placement.work_id for placement in made.placements if isinstance(placement, Assign)} & taken
    fitting = Fitting(snapshot)
    used = _licences_used(snapshot, made)
    for view in snapshot.jobs:
        left = view.uncarved - carved[view.id] + len(view.loose) - (loose[view.id] - _moves(snapshot, view, moved))
        in_flight = view.active_chunks + given_[view.id] - _moves(snapshot, view, moved)
        if not view.started or view.stopped or left <= 0 or in_flight >= (view.max_replicas or 10**9):
            continue
        if any(used[name] + count > LICENCES[name] for name, count in view.licences.items()):
            continue
        for replica in snapshot.replicas:
            if replica.accepts_work and loads[replica.id] == 0 and fits(view, replica):
                assert replica.node in fitting.blocked_nodes(view)


def _moves(snapshot: Snapshot, view: JobView, moved: set[int]) -> int:
    return sum(
        chunk.work_id in moved and chunk.job_id == view.id for replica in snapshot.replicas for chunk in replica.staged
    )


def _licences_used(snapshot: Snapshot, made: Plan) -> Counter[str]:
    staged = {chunk.work_id: chunk.job_id for replica in snapshot.replicas for chunk in replica.staged}
    chunks = Counter({job.id: job.active_chunks for job in snapshot.jobs})
    chunks.update(placement.job_id for placement in made.placements)
    chunks.subtract(staged[back.work_id] for back in made.take_backs)
    used = Counter[str]()
    for view in snapshot.jobs:
        for name, count in view.licences.items():
            used[name] += count * chunks[view.id]
    return used


@given(snapshots())
@examples(CALM, max_examples=150)
def test_a_plan_gives_nobody_what_it_must_not(snapshot: Snapshot) -> None:
    made = make_plan(snapshot, SETTINGS)
    replicas = {replica.id: replica for replica in snapshot.replicas}
    jobs = {job.id: job for job in snapshot.jobs}
    staged = {chunk.work_id: replica for replica in snapshot.replicas for chunk in replica.staged}
    taken = {back.work_id for back in made.take_backs}
    fitting = Fitting(snapshot)
    carved = Counter[UUID]()
    assigned = [placement.work_id for placement in made.placements if isinstance(placement, Assign)]
    assert len(assigned) == len(set(assigned))
    for placement in made.placements:
        view, replica = jobs[placement.job_id], replicas[placement.replica_id]
        assert replica.accepts_work
        assert fits(view, replica)
        assert replica.node not in fitting.blocked_nodes(view)
        if isinstance(placement, Carve):
            carved[view.id] += placement.frames
            assert placement.frames > 0
        else:
            assert placement.work_id in {chunk.work_id for chunk in view.loose} | taken
        assert view.started
    for view in snapshot.jobs:
        assert carved[view.id] <= view.uncarved
        new = sum(
            placement.job_id == view.id and not (isinstance(placement, Assign) and placement.work_id in staged)
            for placement in made.placements
        )
        assert not (view.stopped and new)
        assert view.max_replicas is None or not new or view.active_chunks + new <= view.max_replicas
    for replica_id, load in loads_after(snapshot, made).items():
        before = replicas[replica_id].busy_chunks + len(replicas[replica_id].staged)
        assert 0 <= load <= max(1 + SETTINGS.staged_chunks, before)
    before = _licences_used(snapshot, Plan())
    after = _licences_used(snapshot, made)
    assert all(after[name] <= max(LICENCES[name], before[name]) for name in after)


@given(snapshots(), st.randoms(use_true_random=False))
@examples(CALM)
def test_the_order_of_the_snapshot_does_not_matter(snapshot: Snapshot, random: object) -> None:
    replicas, jobs, projects = list(snapshot.replicas), list(snapshot.jobs), list(snapshot.projects)
    for each in (replicas, jobs, projects):
        random.shuffle(each)  # type: ignore[attr-defined]
    shuffled = Snapshot(
        replicas=tuple(replicas), jobs=tuple(jobs), projects=tuple(projects), licences=snapshot.licences
    )
    assert make_plan(shuffled, SETTINGS) == make_plan(snapshot, SETTINGS)


@given(snapshots())
@examples(CALM)
def test_every_job_with_unplaced_work_is_told_why_it_waits(snapshot: Snapshot) -> None:
    made = make_plan(snapshot, SETTINGS)
    loose = Counter(placement.job_id for placement in made.placements if isinstance(placement, Assign))
    for view in snapshot.jobs:
        carved = sum(
            placement.frames
            for placement in made.placements
            if isinstance(placement, Carve) and placement.job_id == view.id
        )
        if not view.stopped and (view.uncarved > carved or len(view.loose) > loose[view.id]):
            assert view.id in made.waits
        if view.stopped or (view.uncarved == carved and not view.loose):
            assert view.id not in made.waits


@given(snapshots(), st.integers(1, 3))
@examples(CALM)
def test_a_tick_hands_out_no_more_than_it_may(snapshot: Snapshot, most: int) -> None:
    assert len(make_plan(snapshot, PlanSettings(placements_per_tick=most)).placements) <= most


@given(
    st.lists(
        st.tuples(st.integers(0, 2), st.integers(1, 12), st.sampled_from([0.2, 1.0, 5.0]), st.sampled_from(MODELS)),
        min_size=1,
        max_size=8,
    ),
    st.integers(1, 4),
)
@examples(CALM, max_examples=40)
def test_nobody_starves_and_no_replica_idles_before_the_work_is_done(
    wishes: list[tuple[int, int, float, str]], count: int
) -> None:
    farm = SimFarm([SimReplica(id=UUID(int=n), node=f"n{n}", labels={}) for n in range(count)])
    for number, (project, frames, mean_s, model) in enumerate(wishes):
        farm.submit(
            SimJob(id=UUID(int=100 + number), project_id=PROJECTS[project], model=model, frames=frames, mean_s=mean_s)
        )
    work_s = sum(frames * mean_s for _, frames, mean_s, _ in wishes)
    longest = max(mean_s for _, _, mean_s, _ in wishes) * SETTINGS.max_chunk_frames
    bound = work_s / count + longest + SETTINGS.chunk_target.total_seconds()
    while farm.jobs:
        farm.apply(make_plan(farm.snapshot(), SETTINGS))
        idle = [replica for replica in farm.replicas.values() if replica.running is None]
        assert not idle or not any(job.uncarved or job.loose for job in farm.jobs.values())
        upcoming = farm.next_event()
        assert upcoming is not None, "work is left, and nothing runs"
        farm.advance(upcoming)
        assert farm.now <= bound
