"""Whether a Ray cluster may be left: what batch renders ask before they take away what they made."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy.exc import ProgrammingError

from db._query import run
from db.dispatch import DISPATCHER_ROLE
from db.session import Database


@dataclass(frozen=True, slots=True)
class WorkLeft:
    """What still works for a cluster."""

    leads: bool
    """Its dispatcher leads in this database."""
    leased: int
    """Pieces of work that it holds."""
    jobs: int
    """Jobs that would stand still without it: nobody else's dispatcher leads. Paused and blocked ones need none."""

    @property
    def is_none(self) -> bool:
        return not self.leased and not self.jobs


async def work_left(db: Database, *, cluster_id: str) -> WorkLeft:
    """Of this cluster, now."""
    async with db.transaction() as tx:
        row = (await run(tx, "work_of_cluster", cluster_id=cluster_id, role=DISPATCHER_ROLE)).one()
    return WorkLeft(leads=row.leads, leased=row.leased, jobs=row.jobs)


async def database_identity(db: Database) -> str | None:
    """Two that differ are of two databases. None: this server does not tell its own to this role."""
    try:
        async with db.transaction() as tx:
            return str((await run(tx, "database_identity")).scalar_one())
    except ProgrammingError:
        return None
