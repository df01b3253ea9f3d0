"""A mix of jobs like a studio's: projects of unequal appetite, long-tailed sizes and frame times, urgent stills."""

from __future__ import annotations

import random
from collections.abc import Iterator
from uuid import UUID

from jobs.spec import PriorityClass
from loadtests.plan_world import World
from loadtests.sim_farm import SimFarm, SimJob, SimReplica

FRAME_MEDIAN_S = 45.0
FRAME_SIGMA = 0.9
"""Over jobs: a tenth of them have frames below 15 s, a tenth above 140 s."""
WITHIN_JOB_SIGMA = 0.25
SIZE_MEDIAN = 120
SIZE_SIGMA = 1.0
"""Frames of a job: a tenth below 33, a tenth above 430."""
LOAD_S = (2.0, 20.0)
"""Time to load a scene, evenly spread."""
STILLS_EVERY_S = 3.0
STILL_SCENES = 40
"""People look at the same few scenes again and again."""


def replicas_of(world: World) -> list[SimReplica]:
    """As in the database's world: every eighth has the large GPU."""
    return [
        SimReplica(id=UUID(int=n + 1), node=f"node-{n % world.nodes}", labels={"gpu": "big" if n % 8 == 0 else "small"})
        for n in range(world.replicas)
    ]


class Mix:
    """Jobs from a seed."""

    def __init__(self, *, seed: int, projects: int) -> None:
        self._random = random.Random(seed)
        self._projects = [UUID(int=1000 + n) for n in range(projects)]
        self._numbers = iter(range(1, 10**9))
        self._next_still = 1.0

    def backlog(self, *, chunks: int) -> Iterator[SimJob]:
        """Work for so many chunks, at least; the first project has ten times the jobs of each other."""
        frames = dict.fromkeys(self._projects, 0)
        enough = 2.5 * chunks / len(self._projects)
        turn = 0
        while min(frames.values()) < enough:
            project = self._projects[0 if turn % 3 == 0 else turn % len(self._projects)]
            job = self._job(project)
            frames[project] += job.frames
            turn += 1
            yield job

    def arrivals(self, farm: SimFarm) -> Iterator[SimJob]:
        """Stills that people asked for until now."""
        while self._next_still <= farm.now:
            self._next_still += self._random.expovariate(1 / STILLS_EVERY_S)
            scene = self._random.randrange(STILL_SCENES)
            yield SimJob(
                id=UUID(int=next(self._numbers)),
                project_id=self._random.choice(self._projects),
                model=f"still-{scene}",
                frames=1,
                mean_s=5.0 + scene % 10,
                load_s=LOAD_S[0],
                extra={"priority": PriorityClass.INTERACTIVE},
            )

    def _job(self, project: UUID) -> SimJob:
        number = next(self._numbers)
        draw = self._random
        frame_s = draw.lognormvariate(0.0, FRAME_SIGMA) * FRAME_MEDIAN_S
        return SimJob(
            id=UUID(int=number),
            project_id=project,
            model=f"scene-{number // 2}",  # two jobs of each scene: another take, another camera
            frames=max(1, round(draw.lognormvariate(0.0, SIZE_SIGMA) * SIZE_MEDIAN)),
            mean_s=frame_s,
            spread=WITHIN_JOB_SIGMA,
            load_s=draw.uniform(*LOAD_S),
            extra={"labels": {"gpu": "big"} if number % 10 == 0 else {}},
        )
