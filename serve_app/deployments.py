"""The farm's Serve applications, deployed together: ``python -m serve_app.deployments`` (what ``rayfarm up`` runs).

The API is built in its replica, in the builder form: engines, pools and exporters are never pickled. Running it again
is how a farm is upgraded: Serve rolls each application, renderers drain first.
"""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import ray
from fastapi import FastAPI
from ray import serve

from cluster.composition import open_farm
from cluster.dispatching import dispatcher_app
from cluster.local.services import say_ready
from cluster.metrics.ray_meters import RayApiMeter
from cluster.observing import observe_process
from cluster.production import dashboard_faults, refuse
from cluster.renderer import renderer_app
from db.bootstrap import ensure_admin_key
from serve_app.app import build_app
from serve_app.jobs.messages import MessageAdmission
from serve_app.production import farm_faults

API, DISPATCHER, RENDERER = "rayfarm-api", "rayfarm-dispatcher", "rayfarm-renderer"
"""Names of the applications, as the Ray dashboard shows them."""

MAX_ONGOING = 5000
"""Requests that one API process may have open: far more than the event streams and uploads that its settings allow, so
that those never keep a status read or a cancel waiting."""

MAX_QUEUED = 1000
"""Requests that may wait for a place in one; what comes on top is refused at once (503)."""


def _build() -> FastAPI:
    observe_process("rayfarm-api")
    return build_app(meter=RayApiMeter())


class Api:
    """The front door. Owns no Ray work: it reads and writes rows, and streams."""


def api_app(*, replicas: int = 1) -> serve.Application:
    """The application behind ``/``."""
    deployment = serve.deployment(
        name="Api",
        num_replicas=replicas,
        max_ongoing_requests=MAX_ONGOING,
        max_queued_requests=MAX_QUEUED,
        ray_actor_options={"num_cpus": 0},
        graceful_shutdown_timeout_s=10,
        graceful_shutdown_wait_loop_s=0.2,
        health_check_period_s=5,
    )(serve.ingress(_build)(Api))
    return deployment.bind()


def deploy(*, http_host: str, http_port: int, admin_key: Path) -> None:
    """Deploy or roll all three applications on the Ray cluster at ``RAY_ADDRESS``; returns when they run."""
    farm = open_farm()
    asyncio.run(ensure_admin_key(farm.database, path=admin_key))
    serve.start(proxy_location="HeadOnly", http_options={"host": http_host, "port": http_port})
    serve.run_many(
        [
            serve.RunTarget(dispatcher_app(MessageAdmission), name=DISPATCHER, route_prefix=None),
            serve.RunTarget(renderer_app(farm.settings), name=RENDERER, route_prefix=None),
            serve.RunTarget(api_app(), name=API, route_prefix="/"),
        ]
    )


def main() -> None:
    """Read where and how from the environment that the supervisor gives.

    A driver that a supervisor started stays: Serve's actors belong to the Ray job of the driver that started Serve, and
    Ray ends a job's idle workers at once when its driver has ended, so that every task would start a process anew.
    """
    observe_process("rayfarm-deploy")
    refuse(farm_faults())
    context = ray.init(address=os.environ["RAY_ADDRESS"], log_to_driver=False)
    if context.dashboard_url:
        refuse(dashboard_faults(context.dashboard_url))
    deploy(
        http_host=os.environ.get("RAYFARM_HTTP_HOST", "127.0.0.1"),
        http_port=int(os.environ.get("RAYFARM_HTTP_PORT") or 8700),
        admin_key=Path(os.environ.get("RAYFARM_HOME", ".rayfarm")) / "admin_key",
    )
    if say_ready():
        signal.pause()


if __name__ == "__main__":
    main()
