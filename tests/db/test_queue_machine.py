"""The queue as a state machine: any order of what people, replicas, leaders, crashes and the clock can do.

Each step is a real call on a real PostgreSQL; after each one ``queue_model.check`` looks at every row. At the end of an
example a good replica finishes what is left: no sequence of steps may leave a job that never ends.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, Phase
from hypothesis import settings as examples
from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule, run_state_machine_as_test

from db.dispatch import LostLeadership, fail_task, finish_jobs, postpone_task, rescue_expired
from db.queue import FailOutcome, mark_gone, release_canceled, release_chunk, start_chunk
from db.settings import DatabaseSettings
from db.workers import drain_replica
from jobs.states import EndReason, WorkKind
from tests.db.queue_farm import Claim, QueueFarm
from tests.db.queue_faults import Crash, Crashing, Interleaved
from tests.db.queue_model import HELD, LIMITS
from tests.db.queue_people import PeopleOfTheQueue, subset, which
from tests.db.split_jobs import merged

# What the suite's budget bears on a busy machine; QUEUE_MACHINE_EXAMPLES=2000 is the thorough run.
EXAMPLES = int(os.environ.get("QUEUE_MACHINE_EXAMPLES", "50"))
STEPS = int(os.environ.get("QUEUE_MACHINE_STEPS", "20"))

_MOST_REPLICAS = 4
_REASONS = (
    EndReason.ENGINE_ERROR,
    EndReason.ENGINE_CRASH,
    EndReason.TIMEOUT,
    EndReason.OUT_OF_MEMORY,
    EndReason.BAD_OUTPUT,
    EndReason.INFRA,
    EndReason.INTERRUPTED,
    EndReason.MODEL_INVALID,
)


class QueueMachine(PeopleOfTheQueue):
    # --- replicas ---

    @precondition(lambda self: len(self.replicas) < _MOST_REPLICAS)
    @rule()
    def register(self) -> None:
        self.begin()
        self.replicas.append(self.run(self.farm.replica(node=f"n{len(self.replicas)}")))
        self.look()

    @rule(replica=which)
    def register_again(self, replica: int) -> None:
        self.begin()
        self.run(self.farm.replica(replica_id=self.replicas[replica % len(self.replicas)]))
        self.look()

    @rule(replica=which)
    def beat(self, replica: int) -> None:
        self.begin()
        self.run(self.beat_of(self.replicas[replica % len(self.replicas)]))
        self.look()

    async def beat_of(self, replica: UUID) -> list[tuple[int, int]]:
        held = [claim.chunk for claim in self.claims if claim.replica == replica]
        return (await self.farm.beat(replica, *held)).owned

    @rule(replica=which, starts=st.booleans())
    def claim(self, replica: int, starts: bool) -> None:
        self.begin()
        replica_id = self.replicas[replica % len(self.replicas)]
        chunk = self.run(self.farm.claim(replica_id))
        if chunk is not None:
            self.claims.append(Claim(chunk, replica_id))
            if starts:
                self.run(start_chunk(self.db, work_id=chunk.work_id, fence=chunk.fence, warm=True))
        self.look()

    @precondition(lambda self: self.claims)
    @rule(claim=which)
    def start(self, claim: int) -> None:
        self.begin()
        chunk = self.pick(claim).chunk
        was_held = self.now.is_held(chunk.work_id, chunk.fence)
        started = self.run(start_chunk(self.db, work_id=chunk.work_id, fence=chunk.fence, warm=True))
        if not was_held:
            assert not started
            self.unchanged("a zombie started nothing")
        else:
            self.look()

    def pick(self, claim: int) -> Claim:
        """The newest come first, so that shrinking prefers them."""
        return self.claims[-1 - claim % len(self.claims)]

    @precondition(lambda self: self.claims)
    @rule(claim=which, frames=subset, crash=st.sampled_from([False, False, True]), again=st.booleans())
    def commit(self, claim: int, frames: int, crash: bool, again: bool) -> None:
        self.begin()
        mine = self.pick(claim)
        chunk = mine.chunk
        was_held = self.now.is_held(chunk.work_id, chunk.fence)
        ordinals = [ordinal for place, ordinal in enumerate(chunk.ordinals) if frames >> place & 1] or chunk.ordinals
        is_part = chunk.part is not None

        async def send(crashes: bool = False) -> object:
            db = Crashing(self.db, at=1) if crashes else self.db
            call = self.queue.commit_part(mine, db) if is_part else self.queue.commit(mine, ordinals, db)
            try:
                return await call
            except Crash:
                return None

        if crash:
            self.run(send(crashes=True))
            self.unchanged("the commit was rolled back")
            self.begin()
        answer = self.run(send())
        before = self.now
        self.look()
        if not was_held:
            assert before.same_as(self.now), "a zombie's commit changed something"
        if isinstance(answer, list):
            for ordinal in answer:
                result = self.now.results[str(chunk.job_id), ordinal, chunk.generation]
                assert result["attempt_id"] == str(mine.attempt(ordinal).attempt_id)
        if again:
            assert self.run(send()) == answer, "the same commit again has another answer"
            self.unchanged("it was committed before")

    @precondition(lambda self: self.claims)
    @rule(claim=which, frame=which, reason=st.sampled_from(_REASONS), again=st.booleans())
    def fail(self, claim: int, frame: int, reason: EndReason, again: bool) -> None:
        self.begin()
        mine, attempt_id = self.pick(claim), uuid4()
        chunk = mine.chunk
        ordinal = chunk.ordinals[frame % len(chunk.ordinals)]
        holds = self.now.is_held(chunk.work_id, chunk.fence) and ordinal in self.now.work[chunk.work_id]["ordinals"]

        async def report() -> FailOutcome:
            return await self.farm.fail(
                chunk, ordinal, reason, replica_id=mine.replica, attempt_id=attempt_id, limits=LIMITS
            )

        outcome = self.run(report())
        assert (outcome is FailOutcome.SUPERSEDED) is not holds
        if holds:
            self.look()
        else:
            self.unchanged("a zombie reported a failure")
        if again:
            assert self.run(report()) is outcome
            self.unchanged("it was reported before")

    @precondition(lambda self: self.claims)
    @rule(claim=which, canceled=st.booleans())
    def release(self, claim: int, canceled: bool) -> None:
        self.begin()
        chunk = self.pick(claim).chunk
        was_held = self.now.is_held(chunk.work_id, chunk.fence)
        if canceled:
            done = self.run(release_canceled(self.db, work_id=chunk.work_id, fence=chunk.fence))
        else:
            done = self.run(
                release_chunk(self.db, work_id=chunk.work_id, fence=chunk.fence, reason=EndReason.INTERRUPTED)
            )
        assert not done or was_held
        if done:
            self.look()
        else:
            self.unchanged("nothing was released")

    @rule(replica=which, lost=st.booleans(), crash_at=st.sampled_from([0, 0, 1, 2]))
    def leave(self, replica: int, lost: bool, crash_at: int) -> None:
        self.begin()
        replica_id = self.replicas[replica % len(self.replicas)]

        async def go() -> None:
            db = Crashing(self.db, at=crash_at) if crash_at else self.db
            reason = EndReason.WORKER_LOST if lost else EndReason.INTERRUPTED
            with suppress(Crash):
                await mark_gone(db, replica_id=replica_id, reason=reason, limits=LIMITS if lost else None)

        self.run(go())
        self.look()
        if not crash_at:
            assert not [row for row in self.now.held.values() if row["replica_id"] == str(replica_id)]

    @rule(replica=which)
    def drain(self, replica: int) -> None:
        self.begin()

        async def go() -> None:
            async with self.db.transaction() as tx:
                await drain_replica(tx, replica_id=self.replicas[replica % len(self.replicas)])

        self.run(go())
        self.look()

    # --- leaders ---

    @rule()
    def take_over(self) -> None:
        self.begin()
        self.old_epochs.append(self.epoch)
        self.holder, self.epoch = self.run(self.queue.take_over(self.holder))
        self.look()

    @rule(crash_at=st.sampled_from([0, 0, 0, 0, 2, 3, 4]))
    def plan(self, crash_at: int) -> None:
        self.begin()

        async def go() -> None:
            with suppress(Crash):
                await self.queue.plan(self.epoch, Crashing(self.db, at=crash_at) if crash_at else None)

        self.run(go())
        self.look()

    @precondition(lambda self: self.old_epochs)
    @rule(old=which)
    def plan_under_an_old_epoch(self, old: int) -> None:
        self.begin()
        with pytest.raises(LostLeadership):
            self.run(self.queue.plan(self.old_epochs[old % len(self.old_epochs)]))
        self.unchanged("its reign was over")

    @precondition(lambda self: self.now.held)
    @rule(row=which)
    def expire(self, row: int) -> None:
        self.begin()
        held = sorted(self.now.held)
        self.run(self.queue.expire(held[-1 - row % len(held)]))
        self.look()

    @rule(replica=which)
    def fall_silent(self, replica: int) -> None:
        self.begin()
        self.run(self.queue.silence(self.replicas[replica % len(self.replicas)]))
        self.look()

    @rule(at=st.integers(1, 4), other=st.sampled_from(["nothing", "beat", "commit", "cancel", "crash"]), whose=which)
    def rescue(self, at: int, other: str, whose: int) -> None:
        """Somebody may act between any two transactions of it; what was renewed in time stays with its owner."""
        self.begin()
        owned: list[tuple[int, int]] = []

        async def meanwhile() -> None:
            if other == "beat":
                for replica in self.replicas:
                    owned.extend(await self.beat_of(replica))
            elif other == "commit" and self.claims and self.pick(whose).chunk.part is None:
                await self.queue.commit(self.pick(whose), self.pick(whose).chunk.ordinals)
            elif other == "cancel" and self.jobs:
                await self.farm.change(self.jobs[whose % len(self.jobs)], "cancel", strict=False)

        async def go() -> None:
            crashing = Crashing(self.db, at=at)
            db = crashing if other == "crash" else Interleaved(self.db, at=at, act=meanwhile)
            with suppress(Crash):
                await rescue_expired(db, epoch=self.epoch, limits=LIMITS)

        self.run(go())
        before = self.now
        self.look()
        for work_id, fence in owned:
            row = self.now.work[work_id]
            assert (row["fence"], row["state"] in HELD) == (fence, True), "a lease renewed in time was taken away"
        if other in ("nothing", "beat"):
            for work_id, row in before.held.items():
                is_free = self.now.work[work_id]["fence"] > row["fence"] or work_id not in self.now.held
                assert row["expired"] or not is_free, "a lease that runs was taken away"
                assert is_free or not row["expired"] or other == "beat", "a lease that ran out was left"

    @rule()
    def sweep(self) -> None:
        """Every writer settles its job, so that there is nothing left to settle."""
        self.begin()
        assert self.run(finish_jobs(self.db, epoch=self.epoch)) == 0
        self.unchanged("nothing was left to settle")

    # --- merges and films ---

    @rule()
    def claim_task(self) -> None:
        self.begin()
        for task in self.run(self.queue.tasks(self.epoch)):
            self.tasks.append((task, merged(task) if task.kind is WorkKind.MERGE else None))
        self.look()

    @precondition(lambda self: self.tasks)
    @rule(number=which, end=st.sampled_from(["finish", "finish", "fail", "give up", "postpone"]))
    def end_task(self, number: int, end: str) -> None:
        self.begin()
        task, frame = self.tasks[-1 - number % len(self.tasks)]
        was_held = self.now.is_held(task.work_id, task.fence)
        key: dict[str, Any] = {"work_id": task.work_id, "fence": task.fence}
        if end == "finish":
            done = self.run(self.queue.finish(task, frame))
        elif end == "postpone":
            done = self.run(postpone_task(self.db, **key, message="storage is away"))
        else:
            done = self.run(fail_task(self.db, **key, message="it broke", retryable=end == "fail"))
        if was_held:
            self.look()
        else:
            assert not done or end == "finish"  # the merge that was committed before
            self.unchanged("a zombie ended a task")

    @rule()
    def wait(self) -> None:
        """Pauses between two tries pass."""
        self.run(self.queue.let_pauses_pass())


@pytest.fixture
def queue(settings: DatabaseSettings) -> Iterator[QueueFarm]:
    farm = QueueFarm(settings)
    yield farm
    farm.close()


@pytest.mark.timeout(3600)
def test_no_order_of_events_loses_doubles_or_strands_a_frame(queue: QueueFarm) -> None:
    run_state_machine_as_test(
        lambda: QueueMachine(queue),  # type: ignore[arg-type]  # any factory does
        settings=examples(
            max_examples=EXAMPLES,
            stateful_step_count=STEPS,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            phases=(Phase.explicit, Phase.generate, Phase.shrink),
            database=None,
        ),
    )
