"""What a probe asks of the database beyond whether it answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.exc import ProgrammingError

from db._query import run
from db.migrate import known_revisions
from db.session import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class SchemaState:
    """Where the database's schema stands."""

    revision: str | None
    """None: it has no tables yet."""
    wanted: str
    """What this release was made for."""
    behind: bool
    """A migration of this release is missing. A revision that this release does not know is of a newer one: while a
    farm is upgraded, its older processes go on beside the newer schema."""


async def schema_state(db: Database) -> SchemaState:
    """Compare the database with this release's migrations."""
    known = known_revisions()
    try:
        async with db.transaction() as tx:
            revision = (await run(tx, "schema_revision")).scalar_one_or_none()
    except ProgrammingError:  # there is no such table yet
        revision = None
    behind = revision is None or (revision in known and revision != known[0])
    return SchemaState(revision=revision, wanted=known[0], behind=behind)


async def leaderless(db: Database, roles: Sequence[str]) -> list[str]:
    """Those of the roles that nobody holds."""
    async with db.transaction() as tx:
        held = set((await run(tx, "leaders_present", roles=list(roles))).scalars().all())
    return [role for role in roles if role not in held]
