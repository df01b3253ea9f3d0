"""Shares over time: the real planner drives a small simulated farm, and what each project got is added up."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

import pytest

from jobs.plan import make_plan
from jobs.planning import PlanSettings, ProjectView
from jobs.spec import PriorityClass
from loadtests.sim_farm import SimFarm, SimJob, SimReplica
from tests.jobs.plan_builders import chunks_of, job, plan, replica

GREEDY, SMALL = UUID(int=1), UUID(int=2)
ENDLESS = 10**6


def farm_of(count: int, *, settings: PlanSettings | None = None) -> SimFarm:
    replicas = [SimReplica(id=UUID(int=n), node=f"n{n}", labels={}) for n in range(count)]
    return SimFarm(replicas, seed=7, settings=settings)


def endless(number: int, project: UUID, **changes: object) -> SimJob:
    values: dict[str, object] = {"frames": ENDLESS, "mean_s": 1.0, "model": f"scene-{project.int}-{number}"}
    return SimJob(id=UUID(int=project.int * 10_000 + number), project_id=project, **(values | changes))  # type: ignore[arg-type]


def run_for(farm: SimFarm, seconds: float, *, each: Callable[[], None] = lambda: None) -> None:
    """Plan, and let time pass until the next chunk ends."""
    until = farm.now + seconds
    while farm.now < until:
        each()
        farm.apply(make_plan(farm.snapshot(), farm.settings))
        farm.advance(min(until, max(farm.next_event() or until, farm.now + 0.05)))


class TestShares:
    @pytest.mark.parametrize("replicas", [1, 2, 7])
    def test_one_greedy_project_with_a_hundred_jobs_does_not_keep_a_small_one_from_its_half(
        self, replicas: int
    ) -> None:
        farm = farm_of(replicas)
        for number in range(100):
            farm.submit(endless(number, GREEDY))
        farm.submit(endless(0, SMALL))
        run_for(farm, 400)
        total = farm.used_s[GREEDY] + farm.used_s[SMALL]
        assert farm.used_s[SMALL] / total == pytest.approx(0.5, abs=0.08)

    def test_a_project_that_comes_late_gets_its_half_within_a_window(self) -> None:
        farm = farm_of(4, settings=PlanSettings(share_half_life=timedelta(seconds=60)))
        for number in range(20):
            farm.submit(endless(number, GREEDY))
        run_for(farm, 200)
        farm.submit(endless(0, SMALL))
        run_for(farm, 120)
        before = dict(farm.used_s)
        run_for(farm, 300)
        small, greedy = farm.used_s[SMALL] - before[SMALL], farm.used_s[GREEDY] - before[GREEDY]
        assert small / (small + greedy) == pytest.approx(0.5, abs=0.1)

    def test_frames_of_different_length_share_time_and_not_turns(self) -> None:
        farm = farm_of(4)
        farm.submit(endless(0, GREEDY, mean_s=40.0))
        farm.submit(endless(0, SMALL, mean_s=0.5))
        run_for(farm, 1200)
        total = farm.used_s[GREEDY] + farm.used_s[SMALL]
        assert farm.used_s[SMALL] / total == pytest.approx(0.5, abs=0.08)

    def test_a_project_of_three_times_the_weight_gets_three_times_the_farm(self) -> None:
        farm = farm_of(4)
        farm.weights = {GREEDY: 300, SMALL: 100}
        farm.submit(endless(0, GREEDY))
        farm.submit(endless(0, SMALL))
        run_for(farm, 600)
        assert farm.used_s[GREEDY] / farm.used_s[SMALL] == pytest.approx(3.0, rel=0.15)

    def test_the_use_of_an_idle_farm_is_forgiven_and_starves_nobody_meanwhile(self) -> None:
        settings = PlanSettings(starvation_limit=timedelta(seconds=20))
        farm = farm_of(2, settings=settings)
        farm.submit(endless(0, GREEDY))
        run_for(farm, 500)
        farm.submit(endless(0, SMALL))
        run_for(farm, 30)
        before = farm.used_s[GREEDY]
        run_for(farm, 200)
        # the newcomer is owed nearly everything, and the other still gets a chunk each time that the limit is reached
        assert farm.used_s[GREEDY] > before
        assert farm.used_s[SMALL] > farm.used_s[GREEDY] - before

    def test_within_a_project_weights_divide_its_chunks(self) -> None:
        heavy, light = job(project_id=SMALL, weight=300), job(project_id=SMALL, weight=100, created_order=-1)
        made = plan([replica(n) for n in range(8)], [heavy, light])
        assert (chunks_of(made, heavy), chunks_of(made, light)) == (12, 4)

    def test_the_heavier_of_two_jobs_with_nothing_in_flight_goes_first_though_it_is_younger(self) -> None:
        heavy, light = job(project_id=SMALL, weight=300), job(project_id=SMALL, weight=100, created_order=-1)
        assert plan([replica(1)], [heavy, light]).placements[0].job_id == heavy.id

    def test_two_long_jobs_on_one_replica_do_not_keep_a_third_of_their_project_waiting_for_ever(self) -> None:
        farm = farm_of(1, settings=PlanSettings(starvation_limit=timedelta(seconds=20)))
        for _ in range(2):
            farm.submit(endless(0, GREEDY))
        run_for(farm, 60)
        still = endless(0, GREEDY, frames=1)
        farm.submit(still)
        run_for(farm, 60)
        assert still in [started for _, started, *_ in farm.starts]


class TestClasses:
    def test_an_interactive_frame_on_a_busy_farm_starts_next(self) -> None:
        farm = farm_of(3)
        for number in range(20):
            farm.submit(endless(number, GREEDY, mean_s=3.0))
        run_for(farm, 60)
        still = endless(9, SMALL, frames=1, extra={"priority": PriorityClass.INTERACTIVE})
        begun = len(farm.starts)
        farm.submit(still)
        run_for(farm, 30)
        assert farm.starts[begun][1] is still

    def test_a_stream_of_interactive_stills_is_strict_also_over_shares(self) -> None:
        used_up = ProjectView(id=SMALL, charged_s=1e9)
        still = job(project_id=SMALL, priority=PriorityClass.INTERACTIVE, uncarved=1)
        made = plan([replica(1)], [job(), still], projects=(used_up,))
        assert made.placements[0].job_id == still.id


class TestDeadlines:
    def test_a_job_behind_its_deadline_goes_before_older_ones_of_its_project(self) -> None:
        older = [job(project_id=SMALL, created_order=n) for n in range(5)]
        late = job(project_id=SMALL, created_order=99, uncarved=10, finish_in_s=5.0)
        assert plan([replica(1)], [*older, late]).placements[0].job_id == late.id

    def test_a_job_with_time_to_spare_waits_for_its_turn(self) -> None:
        older = job(project_id=SMALL, created_order=1)
        calm = job(project_id=SMALL, created_order=99, uncarved=10, finish_in_s=86_400.0)
        assert plan([replica(1)], [older, calm]).placements[0].job_id == older.id

    def test_deadlines_take_no_more_than_their_part_of_the_project(self) -> None:
        older = [job(project_id=SMALL, created_order=n) for n in range(20)]
        late = job(project_id=SMALL, created_order=99, uncarved=10_000, finish_in_s=1.0)
        made = plan([replica(n) for n in range(10)], [*older, late], PlanSettings(staged_chunks=0))
        assert chunks_of(made, late) == 5

    def test_a_deadline_takes_nothing_from_another_project(self) -> None:
        late = [job(project_id=GREEDY, finish_in_s=1.0, uncarved=10_000, created_order=n) for n in range(5)]
        other = job(project_id=SMALL, created_order=99)
        made = plan([replica(n) for n in range(8)], [*late, other])
        assert chunks_of(made, other) == 8

    def test_the_sooner_deadline_is_met_first_and_both_are_met_where_they_can_be(self) -> None:
        farm = farm_of(4)
        for number in range(10):
            farm.submit(endless(number, SMALL))
        soon = farm.submit(endless(90, SMALL, frames=100, extra={"finish_before": 120.0}))
        later = farm.submit(endless(91, SMALL, frames=100, extra={"finish_before": 240.0}))
        run_for(farm, 300)
        assert soon.ended_at is not None
        assert later.ended_at is not None
        assert (soon.ended_at <= 120.0, later.ended_at <= 240.0) == (True, True)
