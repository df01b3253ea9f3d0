"""The first start: makes the project ``default`` and an administrator's key that only the farm's owner can read.

`rayfarm up` does so by itself; elsewhere ``python -m db.bootstrap FILE`` does, once, where the database can be reached.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from uuid import UUID, uuid4

from sqlalchemy import func, select, text
from sqlalchemy.dialects.postgresql import insert

from db.audit import ActorKind, AuditActor, AuditChange, append_audit
from db.keys import create_key, verify_key
from db.session import Database, Transaction
from db.settings import DatabaseSettings
from db.tables import PROJECT
from jobs.access import FarmRole
from jobs.errors import RayfarmError

DEFAULT_PROJECT = "default"
_LOCK = 0x5241_5942  # "RAYB": two starts at once make one key


async def ensure_admin_key(db: Database, *, path: Path) -> str:
    """The administrator's key in ``path`` (mode 0600); made anew where the file is missing or its key is not ours."""
    async with db.transaction() as tx:
        await tx.execute(text("select pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
        await ensure_project(tx, slug=DEFAULT_PROJECT, name="Default")
        present = await asyncio.to_thread(_read, path)
        if present is not None:
            identity = await verify_key(tx, present)
            if identity is not None and identity.role is FarmRole.ADMIN and not identity.scopes:
                return present
        made = await create_key(tx, project_id=None, name="bootstrap", role=FarmRole.ADMIN)
        await append_audit(
            tx,
            actor=AuditActor(kind=ActorKind.FARM),
            change=AuditChange(
                action="key.create",
                resource_type="key",
                resource_id=str(made.id),
                after={"name": "bootstrap", "prefix": made.prefix, "role": FarmRole.ADMIN},
            ),
        )
        # Before the commit: a key that nobody can read would be worse than a file that the next start replaces.
        await asyncio.to_thread(_write, path, made.key)
        return made.key


async def ensure_project(tx: Transaction, *, slug: str, name: str) -> UUID:
    """The project of this slug, made if there is none."""
    await tx.execute(
        insert(PROJECT)
        .values(id=uuid4(), slug=slug, name=name, created_at=func.now())
        .on_conflict_do_nothing(index_elements=["slug"])
    )
    found: UUID = (await tx.execute(select(PROJECT.c.id).where(PROJECT.c.slug == slug))).scalar_one()
    return found


def _read(path: Path) -> str | None:
    try:
        return path.read_text().strip() or None
    except FileNotFoundError:
        return None


def _write(path: Path, key: str) -> None:
    """Never readable by others, not even for a moment, and never half written."""
    making = path.with_name(f".{path.name}.{uuid4().hex}")
    with os.fdopen(os.open(making, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(key + "\n")
        file.flush()
        os.fsync(file.fileno())
    making.replace(path)


async def _bootstrap(path: Path) -> None:
    database = Database(DatabaseSettings())
    try:
        await ensure_admin_key(database, path=path)
    finally:
        await database.close()


def main(arguments: Sequence[str] | None = None) -> int:
    """The key goes into the file alone: what a program prints ends up in logs."""
    parser = argparse.ArgumentParser(prog="python -m db.bootstrap", description=__doc__)
    parser.add_argument("file", type=Path, help="where the administrator's key is, or will be (mode 0600)")
    given = parser.parse_args(arguments)
    try:
        asyncio.run(_bootstrap(given.file))
    except (RayfarmError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(f"The administrator's key is in {given.file}.\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
