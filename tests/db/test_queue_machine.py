"""The queue as a state machine: any order of what people, replicas, leaders, crashes and the clock can do.

Each step is a real call on a real PostgreSQL; after each one ``queue_model.check`` looks at every row. At the end of
one example in three a good replica finishes what is left: no sequence of steps may leave a job that never ends. That
costs more than all the steps before it, so the others leave it out.
"""

from __future__ import annotations

import logging
import os
import secrets
from collections.abc import Iterator
from contextlib import suppress
from uuid import uuid4

import pytest
import structlog
from hypothesis import HealthCheck, Phase, seed
from hypothesis import settings as examples
from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule, run_state_machine_as_test

from db.queue import FailOutcome, mark_gone, release_canceled, release_chunk, start_chunk
from db.settings import DatabaseSettings
from db.workers import drain_node, drain_replica, set_node_disabled, set_replica_disabled
from jobs.states import EndReason
from tests.db.builders import CLUSTER
from tests.db.queue_farm import Claim, QueueFarm
from tests.db.queue_faults import Crash, Crashing
from tests.db.queue_leaders import LeadersOfTheQueue
from tests.db.queue_model import LIMITS
from tests.db.queue_people import subset, which

EXAMPLES = int(os.environ.get("QUEUE_MACHINE_EXAMPLES", "0"))
FEW = 500
"""Played each time, with a new seed each time: some four minutes of a core."""
MANY = 2000
SEED = int(os.environ.get("QUEUE_MACHINE_SEED") or secrets.randbelow(1 << 32))
"""Another one in each run, and printed by one that fails."""
STEPS = int(os.environ.get("QUEUE_MACHINE_STEPS", "8"))

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


class QueueMachine(LeadersOfTheQueue):
    """What replicas do, good ones, dead ones and zombies."""

    @initialize(
        frames=st.integers(1, 6),
        parts=st.sampled_from([1, 1, 2]),
        tries=st.integers(1, 3),
        claims=st.integers(0, 3),
        finishes=st.sampled_from([False, False, True]),
        follows=st.sampled_from([False, False, False, True]),
    )
    def open(self, frames: int, parts: int, tries: int, claims: int, finishes: bool, follows: bool) -> None:
        """A job, mostly under way: steps that follow meet something to lose."""
        self.finishes, self.queue.follows = finishes, follows
        self.submit(
            frames=frames, order="sequential", parts=parts, scouts=None, tries=tries, film=False, reuse=True,
            waits=None, on=0,
        )  # fmt: skip
        if claims:
            self.plan(crash_at=0)
        for replica in range(claims):
            self.claim(replica=replica, starts=True)

    @precondition(lambda self: len(self.replicas) < _MOST_REPLICAS)
    @rule()
    def register(self) -> None:
        self.begin()
        self.add_replica()
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

    @precondition(lambda self: self.claims)
    @rule(claim=which, frames=subset, crash=st.sampled_from([False, False, True]), again=st.booleans())
    def commit(self, claim: int, frames: int, crash: bool, again: bool) -> None:
        self._commit(self.pick(claim), frames, crash, again)

    @precondition(lambda self: self.zombies)
    @rule(zombie=which, frames=subset)
    def commit_as_a_zombie(self, zombie: int, frames: int) -> None:
        self._commit(self.zombies[-1 - zombie % len(self.zombies)], frames, crash=False, again=False)

    @property
    def zombies(self) -> list[Claim]:
        """Claims of replicas that do not know yet that they have lost them."""
        return [claim for claim in self.claims if not self.now.is_held(claim.chunk.work_id, claim.chunk.fence)]

    def _commit(self, mine: Claim, frames: int, crash: bool, again: bool) -> None:
        self.begin()
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

    @rule(node=st.integers(0, _MOST_REPLICAS - 1), what=st.sampled_from(["drain", "disable", "enable"]))
    def tell_a_machine(self, node: int, what: str) -> None:
        self.begin()

        async def go() -> None:
            async with self.db.transaction() as tx:
                if what == "drain":
                    await drain_node(tx, cluster_id=CLUSTER, name=f"n{node}", reason="a spot notice")
                else:
                    await set_node_disabled(tx, cluster_id=CLUSTER, name=f"n{node}", disabled=what == "disable")

        self.run(go())
        self.look()

    @rule(replica=which, disabled=st.booleans())
    def tell_a_replica(self, replica: int, disabled: bool) -> None:
        self.begin()

        async def go() -> None:
            async with self.db.transaction() as tx:
                replica_id = self.replicas[replica % len(self.replicas)]
                await set_replica_disabled(tx, replica_id=replica_id, disabled=disabled)

        self.run(go())
        self.look()

    @rule(replica=which)
    def drain(self, replica: int) -> None:
        self.begin()

        async def go() -> None:
            async with self.db.transaction() as tx:
                await drain_replica(tx, replica_id=self.replicas[replica % len(self.replicas)])

        self.run(go())
        self.look()


@pytest.fixture
def queue(settings: DatabaseSettings) -> Iterator[QueueFarm]:
    farm = QueueFarm(settings)
    yield farm
    farm.close()


@pytest.fixture
def quiet() -> Iterator[None]:
    """Thousands of examples warn of thousands of silent replicas."""
    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    yield
    structlog.configure(**before)


@pytest.mark.usefixtures("quiet")
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("number", [EXAMPLES or FEW, pytest.param(EXAMPLES or MANY, marks=pytest.mark.slow)])
def test_no_order_of_events_loses_doubles_or_strands_a_frame(queue: QueueFarm, number: int) -> None:
    print(f"QUEUE_MACHINE_SEED={SEED} QUEUE_MACHINE_EXAMPLES={number} runs the same examples again")

    @seed(SEED)
    def machine() -> QueueMachine:
        return QueueMachine(queue)

    run_state_machine_as_test(
        machine,  # type: ignore[arg-type]  # any factory does
        settings=examples(
            max_examples=number,
            stateful_step_count=STEPS,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            phases=(Phase.explicit, Phase.generate, Phase.shrink),
            database=None,
        ),
    )
