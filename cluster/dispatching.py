"""The Serve deployment of the dispatcher and the loops beside it: background tasks, so that no request owns them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from uuid import uuid4

from ray import serve

from cluster.applications import DISPATCHER
from cluster.calm_memory import calm_garbage_collector
from cluster.composition import loop_parts, open_farm
from cluster.dispatcher import Dispatcher
from cluster.fanout.launch import RayLauncher
from cluster.fanout.runner import TaskRunner
from cluster.intake.ports import Admission
from cluster.loops.farm import farm_loops
from cluster.loops.runner import LoopRunner
from cluster.metrics.machine import MachineTeller
from cluster.metrics.ray_meters import RayDispatchMeter, RayFarmMeter, RayLoopMeter, RayMachineMeter
from cluster.observing import observe_process
from cluster.ray_drains import draining_ray_nodes
from cluster.told_environment import ToldEnvironment
from storage.settings import StorageSettings


class DispatcherDeployment:
    """One of any number; a row decides which one plans, another which one runs the loops."""

    async def __init__(  # type: ignore[misc]  # Serve awaits it
        self, admission: Callable[[], Admission], told: ToldEnvironment
    ) -> None:
        told.enter()
        observe_process(DISPATCHER)
        calm_garbage_collector()
        parts = loop_parts()
        self._farm = open_farm()
        holder = uuid4()
        self._dispatcher = Dispatcher(
            database=self._farm.database,
            database_settings=self._farm.database_settings,
            settings=self._farm.settings,
            limits=self._farm.limits,
            plan_settings=self._farm.plan_settings,
            tasks=TaskRunner(
                database=self._farm.database,
                settings=self._farm.settings,
                holder=holder,
                launcher=RayLauncher(told=told),
            ),
            holder=holder,
            meter=RayDispatchMeter(),
        )
        self._loops = LoopRunner(
            database=self._farm.database,
            settings=self._farm.settings,
            loop_settings=parts.settings,
            loops=farm_loops(self._farm, parts, drains=draining_ray_nodes, admission=admission(), meter=RayFarmMeter()),
            meter=RayLoopMeter(),
            holder=holder,
        )
        storage = StorageSettings()
        self._machine = MachineTeller(
            places={} if storage.is_s3 else {"storage": storage.root},
            cards=None,
            meter=RayMachineMeter(),
            every=self._farm.settings.machine_every,
        )
        self._watching = asyncio.create_task(self._machine.run(), name="machine")
        self._running = (
            asyncio.create_task(self._dispatcher.run(), name="dispatcher"),
            asyncio.create_task(self._loops.run(), name="loops"),
        )

    async def check_health(self) -> None:
        """Serve replaces the process when one of the tasks that do its work has ended."""
        for task in self._running:
            if task.done():
                task.result()
                raise RuntimeError(f"The task {task.get_name()} has ended.")

    async def __del__(self) -> None:
        tasks = (self._watching, *self._running)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._dispatcher.close()
        await self._loops.close()
        await self._farm.close()


def dispatcher_app(
    admission: Callable[[], Admission], *, environment: Mapping[str, str] | None = None
) -> serve.Application:
    """The application that plans. ``admission``: builds what admits the jobs of messages, in the process itself.

    ``environment``: what its process and its tasks are told where Ray itself was not started with it.
    """
    told = ToldEnvironment(dict(environment or {}))
    deployment = serve.deployment(
        name="Dispatcher",
        num_replicas=1,
        ray_actor_options={"num_cpus": 0, **told.actor_options()},
        graceful_shutdown_timeout_s=10,
        graceful_shutdown_wait_loop_s=0.1,
        health_check_period_s=2,
        health_check_timeout_s=10,
    )(DispatcherDeployment)
    return deployment.bind(admission, told)
