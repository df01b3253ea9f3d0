"""The simulation tells what happened on its farm, and its costs are those that were measured."""

from __future__ import annotations

import pytest

from jobs.planning import PlanSettings
from loadtests.bench_plan import HandOutCost
from loadtests.plan_world import World
from loadtests.simulate import fill, work

SETTINGS = PlanSettings(placements_per_tick=10)
WORLD = World(replicas=40, nodes=40, jobs=0, projects=3, models=0)


def cost(placement_s: float, claim_s: float = 0.0) -> HandOutCost:
    return HandOutCost(snapshot_s=1.0, apply_s=0.5, placement_s=placement_s, claim_s=claim_s)


def test_a_tick_costs_what_its_parts_were_measured_at() -> None:
    assert cost(0.1, 0.2).of_tick(2.0, placements=10, claims=5) == pytest.approx(1 + 2 + 0.5 + 1 + 1)


def test_dearer_hand_outs_fill_the_farm_later() -> None:
    quick, slow = (fill(WORLD, cost(each), SETTINGS, seed=3) for each in (0.0, 1.0))
    assert quick.ticks == 4  # ten at a time
    assert slow.seconds >= quick.seconds + 4 * 10


def test_a_busy_farm_shares_by_use_and_keeps_scenes_loaded() -> None:
    done = work(WORLD, PlanSettings(), minutes=20, seed=3)
    assert done.busy > 0.95
    assert done.projects == 3
    assert done.share_error < 0.5
    assert 0 < done.warm_starts < 1
    assert done.still_p50_s <= done.still_p99_s
