"""Waits until the database has this release's schema: ``python -m db.wait_for_schema [--within PT30M]``.

For farms whose migrations another process applies (a Job on Kubernetes, with rights that the farm does not have): what
needs the schema starts behind this. Ends with 0, or with the reason and 1.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from collections.abc import Sequence
from datetime import timedelta
from typing import ClassVar

from pydantic import TypeAdapter

from db.errors import DatabaseUnavailable
from db.readiness import schema_state
from db.session import Database
from db.settings import DatabaseSettings
from jobs.errors import RayfarmError, Unavailable

WITHIN = timedelta(minutes=30)
"""A migration of a large table takes minutes; after this the pod fails, and its restarts show up in alerts."""

PAUSE = timedelta(seconds=2)
"""Between two looks: one connection and one row."""


class SchemaIsLate(Unavailable):
    """The database did not get this release's schema in time."""

    code: ClassVar[str] = "schema-late"


async def wait_for_schema(settings: DatabaseSettings, *, within: timedelta, pause: timedelta = PAUSE) -> str:
    """The revision, once it is there. Raises ``SchemaIsLate``. A database that does not answer is waited for too."""
    database = Database(settings)
    ends = time.monotonic() + within.total_seconds()
    try:
        while True:
            try:
                state = await schema_state(database)
                if not state.behind:
                    return state.revision or ""
                seen = f"it is at {state.revision or 'no revision'}, and this release needs {state.wanted}"
            except DatabaseUnavailable as error:
                seen = str(error)
            if time.monotonic() >= ends:
                raise SchemaIsLate(
                    f"The schema was not there within {within.total_seconds():.0f} s: {seen}.",
                    remedy="Look at the migration Job, or run `python -m db.migrate` yourself.",
                )
            await asyncio.sleep(pause.total_seconds())
    finally:
        await database.close()


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m db.wait_for_schema", description=__doc__)
    parser.add_argument("--within", type=TypeAdapter(timedelta).validate_python, default=WITHIN, help="such as PT30M")
    given = parser.parse_args(arguments)
    try:
        revision = asyncio.run(wait_for_schema(DatabaseSettings(), within=given.within))
    except RayfarmError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(f"The database is at revision {revision}.\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
