"""The half of the queue's state machine that people play: submit, and every command of a job or of its frames."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID, uuid4

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from db.control import change_fields
from db.dispatch import FrameCommit
from jobs.errors import Conflict
from jobs.frame_actions import FrameAction
from jobs.spec import PriorityClass
from tests.db.control import act, approve, pause, resume, retry
from tests.db.queue_farm import Claim, QueueFarm
from tests.db.queue_model import check

_MOST_JOBS = 3
which = st.integers(0, 11)
"""Which of those that there are."""
subset = st.integers(1, 63)
"""Bits: which of up to six frames."""


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
        for number in range(2):
            self.replicas.append(self.run(self.farm.replica(node=f"n{number}")))
        self.now = self.run(queue.picture())
        self.sound = True

    def look(self, *reopened: UUID, single_step: bool = True) -> None:
        before, self.now = self.now, self.run(self.queue.picture())
        check(before, self.now, reopened=[str(job) for job in reopened], single_step=single_step)
        self.sound = True

    def unchanged(self, why: str) -> None:
        before = self.now
        self.look()
        assert before.same_as(self.now), f"{why}, and yet something changed"

    def begin(self) -> None:
        self.sound = False

    def teardown(self) -> None:
        if not self.sound:
            return
        before, self.now = self.now, self.run(self.queue.bring_to_an_end(self.epoch))
        check(before, self.now, single_step=False)

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
    )
    def submit(
        self, frames: int, order: str, parts: int, scouts: int | None, tries: int, film: bool, reuse: bool
    ) -> None:
        self.begin()
        spec: dict[str, Any] = {
            "frames": f"1-{frames}",
            "order": order,
            "approval": scouts,
            "reuse": reuse,
            "limits": {"tries": tries},
            "split": {"mode": "borders", "parts": parts} if parts > 1 else {},
            "outputs": {"video": "auto" if film else None, "previews": False},
        }
        self.jobs.append(self.run(self.farm.submit(**spec)))
        self.look()

    def ask(self, job_id: UUID, what: Callable[[], Awaitable[object]]) -> None:
        """A refusal changes nothing."""
        self.begin()

        async def asked() -> bool:
            try:
                await what()
            except Conflict:
                return False
            return True

        if self.run(asked()):
            self.look(job_id)
        else:
            self.unchanged("it was refused")

    @precondition(lambda self: self.jobs)
    @rule(job=which, command=st.sampled_from(["cancel", "pause", "resume", "approve", "retry"]))
    def command(self, job: int, command: str) -> None:
        job_id = self.jobs[job % len(self.jobs)]
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
