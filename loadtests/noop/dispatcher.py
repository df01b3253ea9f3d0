"""The product's dispatcher in a process of its own, without Ray (a no-op job has no tasks): ``python -m`` it."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
from collections.abc import Sequence
from uuid import uuid4

from cluster.calm_memory import calm_garbage_collector
from cluster.dispatcher import Dispatcher
from cluster.fanout.news import Hear
from cluster.fanout.runner import TaskRunner
from cluster.logs import configure_logging
from cluster.settings import ClusterSettings
from db.dispatch import ClaimedTask
from db.session import Database
from db.settings import DatabaseSettings
from jobs.limits import FarmLimits
from jobs.planning import PlanSettings


class NoTasks:
    """Jobs of the bench ask for no film and no previews."""

    async def launch(self, tasks: Sequence[ClaimedTask], hear: Hear) -> None:
        raise RuntimeError(f"The bench expected no task, and met {tasks[0].task}.")


async def main() -> None:
    """Until SIGTERM."""
    configure_logging(30)
    calm_garbage_collector()  # as the deployment does
    database_settings = DatabaseSettings()
    database, settings, holder = Database(database_settings), ClusterSettings(), uuid4()
    dispatcher = Dispatcher(
        database=database,
        database_settings=database_settings,
        settings=settings,
        limits=FarmLimits(),
        plan_settings=PlanSettings(),
        tasks=TaskRunner(database=database, settings=settings, holder=holder, launcher=NoTasks()),
        holder=holder,
    )
    running = asyncio.create_task(dispatcher.run(), name="dispatcher")
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    stopping = asyncio.create_task(stop.wait(), name="stop")
    await asyncio.wait({running, stopping}, return_when=asyncio.FIRST_COMPLETED)
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running
    await dispatcher.close()
    await database.close()


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
