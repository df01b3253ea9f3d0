"""The farm's Serve applications, deployed together: ``python -m serve_app.deployments`` (what ``rayfarm up`` runs).

The API is built in its replica, in the builder form: engines, pools and exporters are never pickled. Running it again
is how a farm is upgraded: Serve rolls each application, renderers drain first.

Where Serve is told by a configuration file (a RayService of KubeRay), ``serve_api``, ``serve_dispatcher`` and
``serve_renderer`` are the import paths of the three; migrations and the first key come by ``db.migrate`` and
``db.bootstrap`` there.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import ray
import structlog
from fastapi import FastAPI
from ray import serve
from ray.exceptions import RayError

from cluster.applications import API, DISPATCHER, RENDERER
from cluster.composition import open_farm
from cluster.dispatching import dispatcher_app
from cluster.local.services import FAULT, say_ready
from cluster.metrics.ray_meters import RayApiMeter
from cluster.observing import observe_process
from cluster.production import dashboard_faults, refuse
from cluster.renderer import renderer_app
from cluster.settings import ClusterSettings
from db.bootstrap import ensure_admin_key
from jobs.errors import InvalidSettings, RayfarmError, Unavailable
from serve_app.app import build_app
from serve_app.jobs.messages import MessageAdmission
from serve_app.production import farm_faults

MAX_ONGOING = 5000
"""Requests that one API process may have open: far more than the event streams and uploads that its settings allow, so
that those never keep a status read or a cancel waiting."""

MAX_QUEUED = 1000
"""Requests that may wait for a place in one; what comes on top is refused at once (503)."""


def _build() -> FastAPI:
    observe_process(API)
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


def serve_api(arguments: dict[str, str]) -> serve.Application:
    """Import path of the API."""
    _refuse_arguments(arguments)
    return api_app()


def serve_dispatcher(arguments: dict[str, str]) -> serve.Application:
    """Import path of the dispatcher."""
    _refuse_arguments(arguments)
    return dispatcher_app(MessageAdmission)


def serve_renderer(arguments: dict[str, str]) -> serve.Application:
    """Import path of the pool; its size and its slots are settings of the node on which Serve builds it."""
    _refuse_arguments(arguments)
    return renderer_app(ClusterSettings())


def _refuse_arguments(arguments: dict[str, str]) -> None:
    """Serve hands over whatever ``args`` a file has; the farm is set by its environment alone."""
    if arguments:
        raise InvalidSettings(
            f"The Serve configuration gives arguments that nothing reads: {', '.join(sorted(arguments))}.",
            remedy="Set RAYFARM_* variables instead (docs/configuration.md).",
        )


class ServeNotReady(Unavailable):
    """Ray Serve did not get ready in time."""

    code: ClassVar[str] = "serve-not-ready"


def start_serve(*, http_host: str, http_port: int) -> None:
    """Once more where its proxy was not there in time, on a busy machine: Serve starts another one by itself, which the
    deployment of the applications waits for."""
    try:
        serve.start(proxy_location="HeadOnly", http_options={"host": http_host, "port": http_port})
    except (RayError, TimeoutError) as error:
        structlog.get_logger("deploy").warning("serve_start_failed", error=str(error)[:1000])
        serve.start(proxy_location="HeadOnly", http_options={"host": http_host, "port": http_port})


def deploy(*, http_host: str, http_port: int, admin_key: Path) -> None:
    """Deploy or roll all three applications on the Ray cluster at ``RAY_ADDRESS``; returns when they run.

    Raises ``ServeNotReady``.
    """
    farm = open_farm()
    asyncio.run(ensure_admin_key(farm.database, path=admin_key))
    with told_if_not_ready():
        start_serve(http_host=http_host, http_port=http_port)
        serve.run_many(
            [
                serve.RunTarget(dispatcher_app(MessageAdmission), name=DISPATCHER, route_prefix=None),
                serve.RunTarget(renderer_app(farm.settings), name=RENDERER, route_prefix=None),
                serve.RunTarget(api_app(), name=API, route_prefix="/"),
            ]
        )


@contextlib.contextmanager
def told_if_not_ready() -> Iterator[None]:
    """What Ray raises where Serve did not get ready becomes ``ServeNotReady``; the whole of it goes to the log."""
    try:
        yield
    except (RayError, TimeoutError) as error:
        structlog.get_logger("deploy").warning("serve_not_ready", exc_info=error)
        raise ServeNotReady(
            f"Ray Serve was not ready in time ({type(error).__name__}).",
            remedy="The machine may be too busy: call `rayfarm up` again when it is less so.",
        ) from error


def main() -> int:
    """Read where and how from the environment that the supervisor gives.

    A driver that a supervisor started stays: Serve's actors belong to the Ray job of the driver that started Serve, and
    Ray ends a job's idle workers at once when its driver has ended, so that every task would start a process anew.
    """
    try:
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
    except RayfarmError as error:
        sys.stderr.write(f"{FAULT}{error}\n")
        return 1
    if say_ready():
        signal.pause()
    return 0


if __name__ == "__main__":
    sys.exit(main())
