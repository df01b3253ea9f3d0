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

from cluster.batch_keeper import kept_url
from cluster.settings import ClusterSettings
from db.pools import read_desired
from db.settings import DatabaseSettings
from jobs.errors import Unavailable

READ_EVERY_S = 0.5
"""Seconds between reads; an indexed row."""

STALE_AFTER_S = 15.0
"""Seconds after which a desire that nobody renewed is no longer believed."""


class BacklogPolicy:
    """Class-based Serve policy; made by the controller from JSON arguments."""

    def __init__(self, *, cluster_id: str, pool: str, keeper: str | None = None) -> None:
        """``keeper``: who knows the database, where the controller's environment is not the farm's; None: it is.

        Serve logs and shows these arguments, so none may be a secret.
        """
        self._keeper = keeper
        self._database: DatabaseSettings | None = None
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
        try:
            self._desired = await asyncio.to_thread(self._read_desired)
        except (Unavailable, OSError):
            self._desired = None

    def _read_desired(self) -> int | None:
        if self._database is None:
            url = None if self._keeper is None else SecretStr(kept_url(self._keeper))
            self._database = DatabaseSettings() if url is None else DatabaseSettings(url=url)
        return read_desired(self._database, cluster_id=self._cluster_id, pool=self._pool, stale_after_s=STALE_AFTER_S)


def autoscaling_config(settings: ClusterSettings, *, keeper: str | None = None) -> AutoscalingConfig:
    """Scale out at once, in only after ``keep_warm``: loaded scenes are worth their memory."""
    known = {} if keeper is None else {"keeper": keeper}
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
