"""A process that runs one loop as the farm does, for tests that stop it; prints a line per tick.

Its loop opens a transaction, holds the epoch, says so, waits, and writes; so a test can stop it in the middle.
"""

from __future__ import annotations

import asyncio
import sys
from datetime import timedelta

from cluster.loops.runner import LoopRunner
from cluster.loops.settings import LoopSettings
from cluster.settings import ClusterSettings
from db._query import run
from db.dispatch.leadership import hold_epoch
from db.session import Database
from db.settings import DatabaseSettings


class Writer:
    """Writes its epoch down, 1.2 s after it has begun to."""

    name = "writer"
    every = timedelta(seconds=0.05)

    def __init__(self, database: Database) -> None:
        self._database = database

    async def tick(self, epoch: int) -> int:
        async with self._database.transaction() as tx:
            await hold_epoch(tx, epoch)
            print(f"holds {epoch}", flush=True)
            await asyncio.sleep(1.2)
            await run(tx, "notify", channel="test_writes", payload=str(epoch))
        print(f"wrote {epoch}", flush=True)
        return 1


async def main() -> None:
    database = Database(DatabaseSettings())
    runner = LoopRunner(
        database=database,
        settings=ClusterSettings(id=sys.argv[1]),
        loop_settings=LoopSettings(),
        loops=[Writer(database)],
    )
    await runner.run()


if __name__ == "__main__":
    asyncio.run(main())
