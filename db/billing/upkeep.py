"""The sums behind budgets and storage, kept by whoever leads; nothing that decides about money waits for them."""

from __future__ import annotations

from uuid import UUID

from db._query import run
from db.dispatch.leadership import hold_epoch
from db.session import Database
from jobs.billing import BUDGET_THRESHOLDS


async def settle_spend(db: Database, *, batch: int, epoch: int) -> int:
    """Hand up to ``batch`` daily sums over to the months of their projects; how many there were."""
    async with db.transaction() as tx:
        await hold_epoch(tx, epoch)
        return int((await run(tx, "settle_spend", batch=batch)).scalar_one())


async def tell_money(db: Database, *, epoch: int) -> list[UUID]:
    """Tell of thresholds that budgets have passed, and of credits that are used up; a project for each event."""
    async with db.transaction() as tx:
        await hold_epoch(tx, epoch)
        told = await run(tx, "tell_money", percents=list(BUDGET_THRESHOLDS))
        return [row.project_id for row in told.all()]


async def measure_storage(db: Database, *, epoch: int) -> int:
    """Add up what is stored until now, and put days that are over into the ledger; how many projects store anything.

    The sum reads every file's row: no lock is held then, the leader's least of all.
    """
    async with db.transaction() as tx:
        found = (await run(tx, "sum_storage")).all()
    if not found:
        return 0
    async with db.transaction() as tx:
        await hold_epoch(tx, epoch)
        closed = (await run(tx, "close_storage_days")).all()
        await run(
            tx,
            "measure_storage",
            projects=[row.project_id for row in found],
            bytes=[row.bytes for row in found],
            at=found[0].at,
            carried=[row.project_id for row in closed if row.carried],
        )
        late = {row.project_id: row.late_bytes for row in closed if row.late_bytes}
        if late:
            await run(tx, "book_late_bytes", projects=list(late), bytes=list(late.values()))
        return sum(row.bytes > 0 for row in found)
