"""Brings a database to the newest schema; ``python -m db.migrate`` reads ``RAYFARM_DATABASE_URL``.

Any number of processes may call it at once: an advisory lock lets one work, and the others find it done.
"""

from __future__ import annotations

import sys
from functools import cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from pydantic import SecretStr
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.exc import OperationalError, ProgrammingError
from sqlalchemy.pool import NullPool

from db._query import statement
from db.errors import DatabaseUnavailable
from db.settings import DatabaseSettings
from jobs.errors import InvalidSettings, RayfarmError

_LOCK = 0x5241_5946  # "RAYF"; one per database
_NO_RIGHT = "42501"
_LOCK_TIMEOUT_S = 10
"""A migration that waits longer for a table would stop every writer behind it; it fails instead and is run again."""


def upgrade(url: str) -> None:
    """Apply every migration that the database lacks. Raises ``InvalidSettings`` where the role may not."""
    settings = DatabaseSettings(url=SecretStr(url), application_name="rayfarm-migrate")
    engine = create_engine(
        settings.sqlalchemy_url,
        poolclass=NullPool,
        connect_args={
            "application_name": settings.application_name,
            "connect_timeout": max(2, round(settings.connect_timeout.total_seconds())),
        },
        hide_parameters=True,
    )
    try:
        with engine.connect() as connection:
            connection.execute(text("select pg_advisory_lock(:lock)"), {"lock": _LOCK})
            connection.execute(text(f"set lock_timeout = '{_LOCK_TIMEOUT_S}s'"))
            connection.commit()
            try:
                command.upgrade(_config(connection), "head")
                connection.commit()
                connection.execute(statement("settle_restored_events"))
                connection.commit()
            finally:
                connection.rollback()
                connection.execute(text("select pg_advisory_unlock(:lock)"), {"lock": _LOCK})
                connection.commit()
    except ProgrammingError as error:
        if getattr(error.orig, "sqlstate", None) != _NO_RIGHT:
            raise
        raise InvalidSettings(
            f"The database could not be migrated: {str(error.orig).splitlines()[0]}.",
            remedy="Migrate as the role that owns the farm's tables (rayfarm_owner, where db/roles.sql made them): "
            "RAYFARM_DATABASE_URL with that role, `python -m db.migrate`.",
        ) from error
    except OperationalError as error:
        raise DatabaseUnavailable(f"The database could not be migrated: {error.orig}") from error
    finally:
        engine.dispose()


def newest_revision() -> str:
    """The revision that this version of the code expects."""
    return known_revisions()[0]


@cache
def known_revisions() -> tuple[str, ...]:
    """Every revision of this version of the code, the newest first."""
    return tuple(script.revision for script in ScriptDirectory.from_config(_config(None)).walk_revisions())


def _config(connection: Connection | None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def main() -> int:
    try:
        upgrade(DatabaseSettings().url.get_secret_value())
    except RayfarmError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(f"The database is at revision {newest_revision()}.\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
