"""The half of the queue's state machine that people play: submit, and every command of a job or of its frames."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from db.control import change_fields
from db.dispatch import FrameCommit
from db.queue.blame import reset_block
from db.submit import submit_job
from jobs.errors import Conflict
from jobs.frame_actions import FrameAction
from jobs.spec import JobSpec, PriorityClass
from tests.db.control import act, approve, pause, resume, retry
from tests.db.queue_farm import Claim, QueueFarm
from tests.db.queue_model import check

_MOST_JOBS = 3
which = st.integers(0, 11)
"""Which of those that there are."""
subset = st.integers(1, 63)
"""Bits: which of up to six frames."""


commands = st.sampled_from(["cancel", "pause", "resume", "approve", "retry"])


class PeopleOfTheQueue(RuleBasedStateMachine):
    """What people ask of jobs; and how every step begins, ends and is looked at."""

    def __init__(self, queue: QueueFarm) -> None:
        super().__init__()
        self.queue, self.db, self.farm = queue, queue.db, queue.farm
        self.run = queue.run
        self.run(queue.empty())
        self.jobs: list[UUID] = []
        self.claims: list[Claim] = []
        self.tasks: list[tuple[Any, FrameCommit | None]] = []
        self.replicas: list[UUID] = []
        self.holder, self.epoch = self.run(queue.take_over(uuid4()))
        self.old_epochs: list[int] = []
        for _ in range(2):
            self.add_replica()
        self.now = queue.picture()
        self.sound = True
        self.finishes = True

    def add_replica(self) -> None:
        """Its id is the same in each example: the planner decides between equals by it."""
        number = len(self.replicas)
        self.replicas.append(self.run(self.farm.replica(replica_id=UUID(int=number + 1), node=f"n{number}")))

    def look(self, *reopened: UUID, single_step: bool = True) -> None:
        before, self.now = self.now, self.queue.picture()
        check(before, self.now, reopened=[str(job) for job in reopened], single_step=single_step)
        self.sound = True

    def unchanged(self, why: str) -> None:
        before = self.now
        self.look()
        assert before.same_as(self.now), f"{why}, and yet something changed"

    def begin(self) -> None:
        self.sound = False

    def teardown(self) -> None:
        if not (self.sound and self.finishes):
            return
        before, self.now = self.now, self.run(self.queue.bring_to_an_end(self.epoch))
        check(before, self.now, single_step=False)

    def pick(self, claim: int) -> Claim:
        """The newest come first, so that shrinking prefers them."""
        return self.claims[-1 - claim % len(self.claims)]

    async def beat_of(self, replica: UUID) -> list[tuple[int, int]]:
        held = [claim.chunk for claim in self.claims if claim.replica == replica]
        return (await self.farm.beat(replica, *held)).owned

    # --- people ---

    @precondition(lambda self: len(self.jobs) < _MOST_JOBS)
    @rule(
        frames=st.integers(1, 6),
        order=st.sampled_from(["sequential", "reverse", "scout"]),
        parts=st.sampled_from([1, 1, 1, 2]),
        scouts=st.sampled_from([None, None, None, 1, 2]),
        tries=st.integers(1, 3),
        film=st.booleans(),
        reuse=st.booleans(),
        waits=st.sampled_from([None, None, "job", "frame"]),
        on=which,
    )
    def submit(
        self,
        frames: int,
        order: str,
        parts: int,
        scouts: int | None,
        tries: int,
        film: bool,
        reuse: bool,
        waits: str | None,
        on: int,
    ) -> None:
        spec: dict[str, Any] = {
            "frames": f"1-{frames}",
            "order": order,
            "approval": scouts,
            "reuse": reuse,
            "limits": {"tries": tries},
            "split": {"mode": "borders", "parts": parts} if parts > 1 else {},
            "outputs": {"video": "auto" if film else None, "previews": False},
        }
        if waits and self.jobs:
            spec["depends_on"] = [{"job": str(self.jobs[on % len(self.jobs)]), "by": waits}]
        self.ask(None, lambda: self.submitted(self.farm.spec(**spec)))

    async def submitted(self, spec: JobSpec, cloned_from: UUID | None = None) -> None:
        async with self.db.transaction() as tx:
            done = await submit_job(tx, project_id=self.farm.project_id, spec=spec, cloned_from=cloned_from)
        self.jobs.append(done.id)

    @precondition(lambda self: 0 < len(self.jobs) < _MOST_JOBS)
    @rule(job=which, frames=st.integers(1, 6))
    def clone(self, job: int, frames: int) -> None:
        """Another range of the same job; refused where a job that it waits for has failed meanwhile."""
        source = self.jobs[job % len(self.jobs)]

        async def cloned() -> None:
            row = await self.farm.job(source)
            no_deadline = {"start_before": None, "finish_before": None}
            spec = JobSpec.model_validate({**row.spec, **no_deadline, "frames": f"1-{frames}"})
            await self.submitted(spec, cloned_from=source)

        self.ask(None, cloned)

    def ask(self, job_id: UUID | None, what: Callable[[], Awaitable[object]]) -> None:
        """A refusal changes nothing."""
        self.begin()

        async def asked() -> bool:
            try:
                await what()
            except Conflict:
                return False
            return True

        if self.run(asked()):
            self.look(*([job_id] if job_id else []))
        else:
            self.unchanged("it was refused")

    @precondition(lambda self: self.jobs)
    @rule(job=which, command=commands)
    def command(self, job: int, command: str) -> None:
        self._command(self.jobs[job % len(self.jobs)], command)

    @precondition(lambda self: self.ended)
    @rule(job=which, command=commands)
    def command_what_has_ended(self, job: int, command: str) -> None:
        self._command(self.ended[job % len(self.ended)], command)

    @property
    def ended(self) -> list[UUID]:
        return [job_id for job_id in self.jobs if self.now.is_over(str(job_id))]

    def _command(self, job_id: UUID, command: str) -> None:
        calls: dict[str, Callable[[], Awaitable[object]]] = {
            "cancel": lambda: self.farm.change(job_id, "cancel"),
            "pause": lambda: pause(self.farm, job_id),
            "resume": lambda: resume(self.farm, job_id),
            "approve": lambda: approve(self.farm, job_id),
            "retry": lambda: retry(self.farm, job_id),
        }
        self.ask(job_id, calls[command])

    @precondition(lambda self: self.jobs)
    @rule(job=which, action=st.sampled_from(FrameAction), frames=subset)
    def act_on(self, job: int, action: FrameAction, frames: int) -> None:
        job_id = self.jobs[job % len(self.jobs)]
        total = self.now.jobs[str(job_id)]["total"]
        ordinals = [ordinal for ordinal in range(total) if frames >> ordinal & 1]
        self.ask(job_id, lambda: act(self.farm, job_id, action, ordinals or [0]))

    @precondition(lambda self: self.jobs)
    @rule(job=which, priority=st.sampled_from(PriorityClass))
    def change_priority(self, job: int, priority: PriorityClass) -> None:
        job_id = self.jobs[job % len(self.jobs)]

        async def change() -> None:
            async with self.db.transaction() as tx:
                await change_fields(tx, job_id=job_id, changes={"priority": priority})

        self.ask(job_id, change)

    @precondition(lambda self: self.jobs)
    @rule(job=which, field=st.sampled_from(["start_before", "finish_before"]), hours=st.sampled_from([None, 1, 2]))
    def change_deadline(self, job: int, field: str, hours: int | None) -> None:
        job_id = self.jobs[job % len(self.jobs)]
        until = None if hours is None else datetime.now(UTC) + timedelta(hours=hours)

        async def change() -> None:
            async with self.db.transaction() as tx:
                await change_fields(tx, job_id=job_id, changes={field: until})

        self.ask(job_id, change)

    @precondition(lambda self: self.now.blocks)
    @rule(block=which)
    def reset_a_block(self, block: int) -> None:
        """A person mended the machine."""
        self.begin()
        blocks = sorted(self.now.blocks, key=lambda pair: (self.jobs.index(UUID(pair[0])), pair[1]))
        job_id, node = blocks[block % len(blocks)]

        async def reset() -> bool:
            async with self.db.transaction() as tx:
                return await reset_block(tx, job_id=UUID(job_id), node=node)

        assert self.run(reset())
        self.look()
        assert (job_id, node) not in self.now.blocks
