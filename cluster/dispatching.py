"""The Serve deployment of the dispatcher: its loop is a background task, so that no request owns it."""

from __future__ import annotations

import asyncio
import contextlib
from uuid import uuid4

from ray import serve

from cluster.composition import open_farm
from cluster.dispatcher import Dispatcher
from cluster.fanout.launch import RayLauncher
from cluster.fanout.runner import TaskRunner
from cluster.logs import configure_logging
from cluster.loops.node_drains import NodeDrains
from cluster.ray_drains import draining_ray_nodes


class DispatcherDeployment:
    """One of any number; the row decides which one leads."""

    async def __init__(self) -> None:  # type: ignore[misc]  # Serve awaits it
        configure_logging()
        self._farm = open_farm()
        holder = uuid4()
        self._dispatcher = Dispatcher(
            database=self._farm.database,
            database_settings=self._farm.database_settings,
            settings=self._farm.settings,
            limits=self._farm.limits,
            plan_settings=self._farm.plan_settings,
            tasks=TaskRunner(
                database=self._farm.database, settings=self._farm.settings, holder=holder, launcher=RayLauncher()
            ),
            drains=NodeDrains(
                database=self._farm.database,
                cluster_id=self._farm.settings.id,
                every=self._farm.settings.drains_every,
                drains=draining_ray_nodes,
            ),
            holder=holder,
        )
        self._running = asyncio.create_task(self._dispatcher.run(), name="dispatcher")

    async def check_health(self) -> None:
        """Serve replaces the dispatcher when its loop has ended."""
        if self._running.done():
            self._running.result()
            raise RuntimeError("The dispatcher's loop has ended.")

    async def __del__(self) -> None:
        self._running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._running
        await self._dispatcher.close()
        await self._farm.close()


def dispatcher_app() -> serve.Application:
    """The application that plans."""
    deployment = serve.deployment(
        name="Dispatcher",
        num_replicas=1,
        ray_actor_options={"num_cpus": 0},
        graceful_shutdown_timeout_s=10,
        graceful_shutdown_wait_loop_s=0.1,
        health_check_period_s=2,
        health_check_timeout_s=10,
    )(DispatcherDeployment)
    return deployment.bind()
