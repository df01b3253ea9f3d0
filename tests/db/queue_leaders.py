"""The half of the queue's state machine that leaders play: plans, rescues, sweeps, and the steps behind the frames."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from db.dispatch import (
    LostLeadership,
    expire_jobs,
    fail_task,
    finish_jobs,
    postpone_task,
    release_blocked,
    rescue_expired,
)
from db.loops.prune import Retention, prune
from jobs.states import WorkKind
from tests.db.queue_faults import Crash, Crashing, Interleaved
from tests.db.queue_model import ENDED, HELD, LIMITS
from tests.db.queue_people import PeopleOfTheQueue, which
from tests.db.split_jobs import merged


class LeadersOfTheQueue(PeopleOfTheQueue):
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

    @rule(
        ran_out=st.sampled_from([None, *range(4)]),
        at=st.sampled_from([3, 3, 3, 1, 2, 4]),  # 3: between what it found and what it does
        other=st.sampled_from(["nothing", "beat", "beat", "commit", "cancel", "crash"]),
        whose=which,
    )
    def rescue(self, ran_out: int | None, at: int, other: str, whose: int) -> None:
        """Somebody may act between any two transactions of it; what was renewed in time stays with its owner."""
        if ran_out is not None and self.now.held:
            self.expire(row=ran_out)
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
        """Every writer settles its job and releases what waits for it, so that there is nothing left to do."""
        self.begin()
        assert self.run(finish_jobs(self.db, epoch=self.epoch)) == 0
        assert self.run(release_blocked(self.db, epoch=self.epoch, limit=10)) == 0
        self.unchanged("nothing was left to settle")

    @precondition(lambda self: self.jobs)
    @rule(job=which, field=st.sampled_from(["start_before", "finish_before"]))
    def pass_a_deadline(self, job: int, field: str) -> None:
        """The clock moves past the deadline of a job that has one."""
        self.begin()
        job_id = self.jobs[job % len(self.jobs)]
        set_past = f"update job set {field} = now() - interval '1 s' where id = :id and {field} > now()"
        self.run(self.farm.execute(set_past, id=job_id))
        self.run(expire_jobs(self.db, epoch=self.epoch, limit=10))
        self.look()
        late = self.run(self.farm.rows("select id, state from job where finish_before < now()"))
        assert all(row.state in (*ENDED, "finishing", "canceling") for row in late), late

    @rule(at=st.sampled_from([0, 0, 2, 3]), whose=which)
    def collect_garbage(self, at: int, whose: int) -> None:
        """What it deletes no row names, nor ever will: a commit may come between its first look and its second."""
        self.begin()

        async def meanwhile() -> None:
            if self.claims and self.pick(whose).chunk.part is None:
                await self.queue.commit(self.pick(whose), self.pick(whose).chunk.ordinals)

        self.run(self.queue.collect(self.epoch, Interleaved(self.db, at=at, act=meanwhile)))
        self.look()

    @rule()
    def prune(self) -> None:
        """Replicas that are gone and reigns that are over leave no hole."""
        self.begin()
        nothing, none = timedelta(0), None
        kept = Retention(replicas=nothing, leaders=nothing, health=none, deliveries=none, events=none, logins=none)
        self.run(prune(self.db, retention=kept, epoch=self.epoch, batches=1))
        self.unchanged("only what has served its time went")

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
