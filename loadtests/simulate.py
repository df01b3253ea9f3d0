"""A farm of thousands on paper, planned by the real planner: ``python -m loadtests.simulate`` (``make simulate``).

What a tick, a hand-out and a claim cost is measured first, on a real PostgreSQL that holds a farm of the same size; the
simulation's clock then advances by those costs. It tells how soon an idle farm is busy, how fairly a mixed load of many
projects is shared, how often a frame finds its scene loaded, and how soon an urgent still starts.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from statistics import median, quantiles
from uuid import UUID

from cluster.calm_memory import calm_garbage_collector
from jobs.plan import make_plan
from jobs.planning import PlanSettings
from jobs.spec import PriorityClass
from loadtests.bench_plan import HandOutCost, PlanFigures, measure
from loadtests.budgets import Figure
from loadtests.cases import OUT
from loadtests.plan_world import World, database, postgres
from loadtests.report import conclude
from loadtests.sim_farm import SimFarm
from loadtests.sim_mix import Mix, replicas_of

BENCH = "simulate"
BUSY = 0.99
TICK_EVERY_S = 0.25
"""Longest pause between two ticks of the simulated farm at work, of which each stands for one or more real ones."""

FARMS = {
    "2000-nodes": World(replicas=2000, nodes=2000, jobs=3000, projects=20, models=800),
    "8000-gpus": World(replicas=8000, nodes=1000, jobs=3000, projects=20, models=800),
}
"""57,000 cores as 2,000 machines of one slot each, as a CPU renderer uses every core; and 8,000 GPUs, 8 to a node."""

_PARTS = ("snapshot", "plan", "apply")

PEER = (
    "OpenCue Maestro, as published (its own simulator with a real Cuebot and Postgres): 1,553 hosts, ~57k cores, idle",
    "to ~100 % in ~40 s; tick ~200 ms; hundreds of frames/s; cold starts 40.7 % before, 19.4 % with warm windows.",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Filling:
    """From idle to busy."""

    seconds: float
    ticks: int
    slowest_plan_ms: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Working:
    """A stretch of a farm under more work than it can do."""

    minutes: float
    frames: int
    projects: int
    """That had work left at the end."""
    warm: float
    warm_starts: float
    busy: float
    share_error: float
    still_p50_s: float
    still_p99_s: float
    plan_ms: float


def fill(
    world: World, cost: HandOutCost, settings: PlanSettings, *, seed: int, claims_in_turn: bool = False
) -> Filling:
    """Everything is submitted at once to an idle farm; the clock advances by what each tick costs.

    Replicas claim on machines of their own while the dispatcher goes on, so a tick waits for one claim;
    ``claims_in_turn``: it waits for all of them, as if client and server of every claim ran on this machine.
    """
    farm = SimFarm(replicas_of(world), seed=seed, settings=settings)
    mix = Mix(seed=seed, projects=world.projects)
    for job in mix.backlog(chunks=3 * world.replicas):
        farm.submit(job)
    ticks, slowest = 0, 0.0
    while farm.busy < BUSY * world.replicas:
        before = len(farm.starts)
        spent, placed = _tick(farm, settings)
        ticks, slowest = ticks + 1, max(slowest, spent)
        claims = len(farm.starts) - before if claims_in_turn else 1
        farm.advance(farm.now + cost.of_tick(spent, placements=placed, claims=claims))
    return Filling(seconds=farm.now, ticks=ticks, slowest_plan_ms=slowest * 1000)


def work(world: World, settings: PlanSettings, *, minutes: float, seed: int) -> Working:
    """All projects always want more than they get; stills of people who wait come in between."""
    farm = SimFarm(replicas_of(world), seed=seed, settings=settings)
    mix = Mix(seed=seed, projects=world.projects)
    for job in mix.backlog(chunks=16 * world.replicas):
        farm.submit(job)
    until, plans, busy = minutes * 60, [], []
    halfway: dict[UUID, float] = {}
    counted = (0, 0, 0)
    while farm.now < until:
        for job in mix.arrivals(farm):
            farm.submit(job)
        spent, _ = _tick(farm, settings)
        plans.append(spent)
        if farm.now >= until / 2:
            if not halfway:
                halfway, counted = dict(farm.used_s), (farm.warm, farm.cold, len(farm.starts))
            busy.append(farm.busy / world.replicas)
        farm.advance(farm.now + TICK_EVERY_S)
    left = {job.project_id for job in farm.jobs.values() if job.uncarved}  # who ran out of work got less by choice
    used = {project: farm.used_s[project] - halfway.get(project, 0.0) for project in left}
    fair = sum(used.values()) / len(used)
    stills = [at - job.submitted_at for at, job in farm.starts if job.priority is PriorityClass.INTERACTIVE]
    cuts = quantiles(stills, n=100)
    warm, cold, starts = farm.warm - counted[0], farm.cold - counted[1], len(farm.starts) - counted[2]
    return Working(
        minutes=minutes,
        frames=warm + cold,
        projects=len(left),
        warm=warm / (warm + cold),
        warm_starts=1 - cold / starts,
        busy=sum(busy) / len(busy),
        share_error=max(abs(each - fair) / fair for each in used.values()),
        still_p50_s=median(stills),
        still_p99_s=cuts[98],
        plan_ms=median(plans) * 1000,
    )


def _tick(farm: SimFarm, settings: PlanSettings) -> tuple[float, int]:
    """Seconds that the planning function took, and what it handed out."""
    snapshot = farm.snapshot()
    begun = time.perf_counter()
    plan = make_plan(snapshot, settings)
    spent = time.perf_counter() - begun
    farm.apply(plan)
    return spent, len(plan.placements)


def main(arguments: Sequence[str]) -> int:
    options = _options(arguments)
    settings = PlanSettings()
    calm_garbage_collector()  # as the dispatcher does
    OUT.mkdir(parents=True, exist_ok=True)
    at, begun, load = datetime.now(UTC), time.perf_counter(), os.getloadavg()[0]
    print(f"load of the machine before: {load:.2f} on {os.cpu_count()} cores", flush=True)
    figures: list[Figure] = []
    for name, measured in asyncio.run(_measure_all(options.farms, settings)).items():
        world = measured.world
        print("\n".join(_plan_lines(name, measured)), flush=True)
        filled = fill(world, measured.cost, settings, seed=options.seed)
        in_turn = fill(world, measured.cost, settings, seed=options.seed, claims_in_turn=True)
        print(
            f"  idle to {BUSY:.0%} busy: {filled.seconds:.1f} s in {filled.ticks} ticks, each charged with its"
            f" snapshot, plan, apply and one claim;\n  {in_turn.seconds:.1f} s if all claims ran one after the other on"
            f" this machine; slowest plan {filled.slowest_plan_ms:.0f} ms",
            flush=True,
        )
        figures += [
            Figure(case=name, name="tick_ms", value=measured.tick_ms),
            Figure(case=name, name="idle_to_busy_s", value=filled.seconds),
        ]
    if options.minutes:
        world = FARMS[options.farms[0]]
        done = work(world, settings, minutes=options.minutes, seed=options.seed)
        print("\n".join(_work_lines(options.farms[0], done)), flush=True)
        figures += [
            Figure(case=options.farms[0], name="share_error", value=done.share_error),
            Figure(case=options.farms[0], name="warm_starts", value=done.warm_starts),
            Figure(case=options.farms[0], name="warm_frames", value=done.warm),
            Figure(case=options.farms[0], name="busy", value=done.busy),
        ]
    print("\n" + "\n".join(PEER))
    return conclude(BENCH, figures, at=at, begun=begun, load=load)


async def _measure_all(names: Sequence[str], settings: PlanSettings) -> dict[str, PlanFigures]:
    with postgres() as server:
        async with database(server) as db:
            return {name: await measure(db, FARMS[name], settings) for name in names}


def _plan_lines(name: str, measured: PlanFigures) -> Iterator[str]:
    world, cost = measured.world, measured.cost
    yield f"\n{name}: {world.replicas} replicas, {world.nodes} nodes; {world.jobs} live jobs, {world.projects} projects"
    kinds = (("undisturbed", measured.undisturbed), ("at work", measured.steady), ("as it fills", measured.fill))
    for says, ticks in kinds:
        parts = [f"{part} {median(getattr(tick, part) for tick in ticks):6.1f} ms" for part in _PARTS]
        placements = median(tick.placements for tick in ticks)
        yield f"  tick {says:12} {'  '.join(parts)}  placements {placements:g}  ({len(ticks)} ticks, medians)"
        both = sorted(tick.snapshot + tick.plan for tick in ticks)
        whole = sorted(tick.snapshot + tick.plan + tick.apply for tick in ticks)
        yield (
            f"       {'':12} snapshot and plan p50 {median(both):.1f} ms, p95 {_p95(both):.1f} ms; "
            f"with apply p50 {median(whole):.1f} ms, p95 {_p95(whole):.1f} ms"
        )
    yield (
        f"  a hand-out costs {cost.placement_s * 1000:.3f} ms beside {cost.apply_s * 1000:.1f} ms per tick; "
        f"a claim with its start {cost.claim_s * 1000:.2f} ms"
    )


def _p95(values: Sequence[float]) -> float:
    return quantiles(values, n=20)[18] if len(values) > 1 else values[0]


def _work_lines(name: str, done: Working) -> Iterator[str]:
    yield f"\n{name}, {done.minutes:g} simulated minutes under more work than it can do; the second half counts"
    yield f"  busy {done.busy:.1%}; {done.frames} frames started"
    yield f"  frames that found their scene loaded {done.warm:.1%}; chunks {done.warm_starts:.1%}"
    yield f"  largest share error of {done.projects} projects with work {done.share_error:.1%}"
    yield f"  an interactive still starts after {done.still_p50_s:.1f} s (median), {done.still_p99_s:.1f} s (p99)"
    yield f"  plan {done.plan_ms:.1f} ms (median)"


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="loadtests.simulate", description=__doc__)
    parser.add_argument("--farms", default=",".join(FARMS), help=f"of {', '.join(FARMS)}; comma between")
    parser.add_argument("--minutes", type=float, default=20, help="simulated minutes of work on the first farm")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(arguments)
    options.farms = options.farms.split(",")
    if unknown := set(options.farms) - set(FARMS):
        parser.error(f"no such farm: {', '.join(sorted(unknown))}; there are {', '.join(FARMS)}")
    return options


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
