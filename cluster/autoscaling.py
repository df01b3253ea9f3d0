"""How many replicas a pool has: what the leader asked for in ``pool.desired``, read beside the controller's loop.

The policy runs in Serve's controller, which must not block: each read is one short task that ends by itself (an
endless one would keep a replaced policy alive, see Serve's own ``AsyncInferenceAutoscalingPolicy``). A stale or failed
read keeps the count; Serve picks the victim of a scale-in blindly, so the count never drops below the busy ones.
"""

from __future__ import annotations

import asyncio
import time
from typing import Any

from pydantic import SecretStr
from ray.serve.config import AutoscalingConfig, AutoscalingContext, AutoscalingPolicy

from cluster.settings import ClusterSettings
from cluster.told_environment import HiddenText
from db.pools import read_desired
from db.settings import DatabaseSettings
from jobs.errors import Unavailable

READ_EVERY_S = 0.5
"""Seconds between reads; an indexed row."""

STALE_AFTER_S = 15.0
"""Seconds after which a desire that nobody renewed is no longer believed."""


class BacklogPolicy:
    """Class-based Serve policy; made by the controller from JSON arguments."""

    def __init__(self, *, cluster_id: str, pool: str, database_url: str | None = None) -> None:
        """``database_url``: of a controller whose environment is not the farm's; None: it is."""
        self._database_url = database_url
        self._cluster_id = cluster_id
        self._pool = pool
        self._desired: int | None = None
        self._read_at = 0.0
        self._reading: asyncio.Task[None] | None = None

    def __call__(self, context: AutoscalingContext) -> tuple[int, dict[str, Any]]:
        now = time.monotonic()
        if self._reading is not None and self._reading.done():
            self._reading = None
        if self._reading is None and now - self._read_at >= READ_EVERY_S:
            self._read_at = now
            self._reading = asyncio.get_running_loop().create_task(self._read(), name="pool-desired")
        keep = context.target_num_replicas
        return (keep if self._desired is None else self._desired), {}

    async def _read(self) -> None:
        url = self._database_url
        try:
            self._desired = await asyncio.to_thread(
                read_desired,
                DatabaseSettings() if url is None else DatabaseSettings(url=SecretStr(url)),
                cluster_id=self._cluster_id,
                pool=self._pool,
                stale_after_s=STALE_AFTER_S,
            )
        except (Unavailable, OSError):
            self._desired = None


def autoscaling_config(settings: ClusterSettings, *, database_url: str | None = None) -> AutoscalingConfig:
    """Scale out at once, in only after ``keep_warm``: loaded scenes are worth their memory."""
    known = {} if database_url is None else {"database_url": HiddenText(database_url)}
    return AutoscalingConfig(
        min_replicas=settings.min_replicas,
        max_replicas=settings.max_replicas,
        upscale_delay_s=0,
        downscale_delay_s=settings.keep_warm.total_seconds(),
        metrics_interval_s=1.0,
        look_back_period_s=2.0,
        policy=AutoscalingPolicy(  # type: ignore[no-untyped-call]
            policy_function=BacklogPolicy, policy_kwargs={"cluster_id": settings.id, "pool": settings.pool, **known}
        ),
    )
