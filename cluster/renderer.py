"""The Serve deployment of a pool: a replica is a slot, and Serve keeps it alive, replaces and scales it.

Work does not come through Serve (``docs/adr/0001-hand-out.md``): the replica claims its own chunks. Serve's graceful
shutdown awaits ``__del__`` up to ``graceful_shutdown_timeout_s``, on scale-down, rolling update and delete alike; that
is where the replica drains.
"""

from __future__ import annotations

import asyncio
import contextlib
import platform
from collections.abc import Mapping
from typing import Any

import ray
from ray import serve

from cluster.applications import RENDERER
from cluster.autoscaling import autoscaling_config
from cluster.composition import open_farm
from cluster.device_class import device_class_here, labels_here
from cluster.metrics.machine import MachineTeller
from cluster.metrics.ray_meters import RayMachineMeter, RayReplicaMeter
from cluster.observing import observe_process
from cluster.replica import Replica, ReplicaIdentity
from cluster.settings import ClusterSettings
from cluster.told_environment import ToldEnvironment
from pipelines.video_memory import NvmlReader

RENDER_SLOT = "render_slot"
"""Custom Ray resource: one per renderer that a node may hold; CPUs stay for the tasks behind the frames."""

_STOPPED = "Serve stopped the worker: a scale-down, an upgrade, or its node is drained."


class Renderer:
    """One slot. Named ``Renderer`` in the Ray dashboard."""

    async def __init__(self, told: ToldEnvironment) -> None:  # type: ignore[misc]  # Serve awaits it
        told.enter()
        observe_process(RENDERER)
        self._farm = open_farm()
        context = ray.get_runtime_context()
        device_class = device_class_here(self._farm.settings.device_class)
        labels = labels_here(self._farm.settings.labels, device_class=device_class)
        self._replica = Replica(
            identity=ReplicaIdentity(
                cluster_id=self._farm.settings.id,
                pool=self._farm.settings.pool,
                node=self._farm.settings.node or platform.node(),
                ray_node=context.get_node_id(),
                serve_id=serve.get_replica_context().replica_tag,
                device_class=device_class,
                labels=labels,
            ),
            database=self._farm.database,
            database_settings=self._farm.database_settings,
            storage=self._farm.storage,
            settings=self._farm.settings,
            limits=self._farm.limits,
            engine_settings=self._farm.engine_settings,
            meter=RayReplicaMeter(pool=self._farm.settings.pool, device=labels["device"]),
        )
        self._machine = MachineTeller(
            places={"cache": self._farm.settings.cache_dir},
            cards=NvmlReader.open(),
            meter=RayMachineMeter(pool=self._farm.settings.pool),
            every=self._farm.settings.machine_every,
        )
        self._running = asyncio.create_task(self._replica.run(), name="replica")
        self._watching = asyncio.create_task(self._machine.run(), name="machine")

    async def check_health(self) -> None:
        """Serve replaces the replica when this raises."""
        if self._running.done():
            self._running.result()
            raise RuntimeError("The replica has left the farm.")

    async def __del__(self) -> None:
        if not self._running.done():
            await self._replica.drain(_STOPPED)
        self._running.cancel()
        self._watching.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._running
        with contextlib.suppress(asyncio.CancelledError):
            await self._watching
        await self._farm.close()


def renderer_app(
    settings: ClusterSettings,
    *,
    resources: Mapping[str, Any] | None = None,
    environment: Mapping[str, str] | None = None,
    keeper: str | None = None,
) -> serve.Application:
    """The application of this cluster's pool.

    ``resources``: what a renderer takes of the cluster; None: a render slot, which the nodes of a farm offer.
    ``environment``: what its processes are told where Ray itself was not started with it. ``keeper``: the actor that
    Serve's controller then asks (``cluster.batch_keeper``).
    """
    usual = {"num_cpus": 0, "num_gpus": settings.gpus_per_replica, "resources": {RENDER_SLOT: 1}}
    taken = usual if resources is None else dict(resources)
    told = ToldEnvironment(dict(environment or {}))
    deployment = serve.deployment(
        name="Renderer",
        autoscaling_config=autoscaling_config(settings, keeper=keeper),
        ray_actor_options={**taken, **told.actor_options()},
        graceful_shutdown_timeout_s=settings.drain_timeout.total_seconds(),
        graceful_shutdown_wait_loop_s=0.1,
        health_check_period_s=5,
        health_check_timeout_s=30,
    )(Renderer)
    return deployment.bind(told)
