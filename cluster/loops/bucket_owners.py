"""Which farms keep their files in one storage: each leaves its name there, since no blob says whose it is."""

from __future__ import annotations

import tempfile
from pathlib import Path

import structlog

from db.batch import database_identity
from db.session import Database
from storage.base import Storage

_log = structlog.get_logger(__name__)

FARMS = "artifacts/farms/"
"""Below it one empty file for each database that was ever at work on this storage; no job has such a key."""


async def is_alone(database: Database, storage: Storage) -> bool:
    """Leave this farm's name, and say whether it is the only one: else what it does not know may be another's.

    A farm whose server does not tell its identity is never sure to be alone.
    """
    if (identity := await database_identity(database)) is None:
        _log.warning("storage_owner_unknown", remedy="Let the farm's role execute pg_control_system().")
        return False
    own = f"{FARMS}{identity}"
    found = {item.key for item in await storage.list_objects(FARMS, limit=2)}
    if own not in found:
        with tempfile.TemporaryDirectory(prefix="rayfarm-owner-") as folder:
            name = Path(folder).resolve() / identity
            name.touch()
            await storage.put_artifact(own, name, media_type="text/plain")
    if others := found - {own}:
        _log.warning(
            "storage_shared",
            others=sorted(others),
            remedy="Give each farm a bucket or prefix of its own. Where the other database is gone, delete its file.",
        )
    return not others
