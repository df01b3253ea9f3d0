"""Every metric of the farm as data: ``docs/operations/metrics.md`` is written from it, and the meters are made of it.

Names as https://prometheus.io/docs/practices/naming/ asks. Labels have few values each and never an id, an address,
or a name that somebody chose freely, but for a handful of slugs of projects: a farm of a million jobs has as many
series as one of ten.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

_FAST = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
"""Seconds: what the farm does by itself takes milliseconds, and half a minute is an outage."""
_WAITS = (0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3600.0, 14400.0)
"""Seconds: what waits for a free slot may wait for hours."""


class Kind(StrEnum):
    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """One metric."""

    name: str
    kind: Kind
    words: str
    labels: tuple[str, ...] = ()
    boundaries: tuple[float, ...] = ()
    """Of a histogram, in the unit of its name."""
    teller: str
    """The process that tells it."""


def _of(teller: str, kind: Kind, name: str, words: str, *labels: str, boundaries: tuple[float, ...] = ()) -> Metric:
    return Metric(name=f"rayfarm_{name}", kind=kind, words=words, labels=labels, boundaries=boundaries, teller=teller)


_DISPATCHER, _RENDERER, _API = "dispatcher", "renderer", "API"
_COUNTER, _GAUGE, _HISTOGRAM = Kind.COUNTER, Kind.GAUGE, Kind.HISTOGRAM

QUEUE_FRAMES = _of(
    _DISPATCHER,
    _GAUGE,
    "queue_frames",
    "Frames of live jobs without an outcome. `state`: `waiting` (for a replica), `assigned` (to one), `rendering`, or "
    "`held` (the job is paused, blocked or waits for an approval). Each part of a split frame counts.",
    "class",
    "state",
)
QUEUE_AGE = _of(
    _DISPATCHER,
    _GAUGE,
    "queue_oldest_seconds",
    "For how long the oldest job that has not started has waited; 0 where none does.",
    "class",
)
JOBS = _of(_DISPATCHER, _GAUGE, "jobs", "Jobs that have not ended.", "class", "state")
REPLICAS = _of(
    _DISPATCHER,
    _GAUGE,
    "replicas",
    "Replicas that beat. `state`: `accepting`, `disabled` or `draining`.",
    "pool",
    "state",
)
ENGINE_MEMORY = _of(_DISPATCHER, _GAUGE, "engine_memory_bytes", "RAM that resident engines hold.", "pool")
GPU_MEMORY = _of(_DISPATCHER, _GAUGE, "engine_gpu_memory_bytes", "Video memory that resident engines hold.", "pool")
ENGINES = _of(_DISPATCHER, _GAUGE, "engines", "Engines with a model loaded.", "pool")
OUTBOX_WAITING = _of(
    _DISPATCHER,
    _GAUGE,
    "outbox_waiting",
    "Events that receivers outside have not taken yet. `receiver`: `webhook` (of a project) or `target` (of the farm).",
    "receiver",
)
OUTBOX_LAG = _of(
    _DISPATCHER,
    _GAUGE,
    "outbox_lag_seconds",
    "Age of the oldest event that a receiver has not taken; 0: none waits.",
    "receiver",
)
DELIVERY_WAITING = _of(
    _DISPATCHER, _GAUGE, "delivery_waiting", "Files that are not in the bucket of their project yet, and shall be."
)
DELIVERY_LAG = _of(
    _DISPATCHER, _GAUGE, "delivery_lag_seconds", "For how long the oldest of them has waited; 0: none waits."
)
DATABASE_UP = _of(
    _DISPATCHER,
    _GAUGE,
    "database_up",
    "Whether the dispatcher's last tick had an answer from PostgreSQL: 1 or 0. Also told by those that do not lead.",
)
DATABASE_CONNECTIONS = _of(
    _DISPATCHER,
    _GAUGE,
    "database_connections",
    "Of PostgreSQL. `state`: `open` (clients of all programs together) or `limit` (for those that are no superuser).",
    "state",
)
DATABASE_BYTES = _of(_DISPATCHER, _GAUGE, "database_bytes", "Size of the farm's database on PostgreSQL's disk.")
DISK_FREE = _of(
    "dispatcher, renderer",
    _GAUGE,
    "disk_free_bytes",
    "Room on a disk of the farm. `place`: `storage` (where storage is a folder) or `cache` (of one that renders).",
    "place",
)
DISK_SIZE = _of("dispatcher, renderer", _GAUGE, "disk_size_bytes", "Size of that disk.", "place")
DISPATCH_TICK = _of(
    _DISPATCHER, _HISTOGRAM, "dispatcher_tick_seconds", "How long a tick of the dispatcher took.", boundaries=_FAST
)
DISPATCH = _of(
    _DISPATCHER,
    _HISTOGRAM,
    "dispatch_seconds",
    "From a job's submit to its first start, waiting for a fitting replica, others' frames and an approval included.",
    "class",
    boundaries=_WAITS,
)
LEASES_EXPIRED = _of(
    _DISPATCHER, _COUNTER, "leases_expired_total", "Leases that ran out: their work went back to the queue."
)
LOOP_TICK = _of(
    _DISPATCHER, _HISTOGRAM, "loop_tick_seconds", "How long a tick of a loop took.", "loop", boundaries=_FAST
)
LOOP_HANDLED = _of(_DISPATCHER, _COUNTER, "loop_handled_total", "Rows that a loop has handled.", "loop")
LOOP_FAILURES = _of(_DISPATCHER, _GAUGE, "loop_failures", "Ticks of a loop that have failed in a row.", "loop")
COST = _of(
    _DISPATCHER,
    _GAUGE,
    "cost_month",
    "What all projects have spent in the month that runs (UTC), from the ledger; from 0 again with each month. "
    "`currency`: of the price list, without which there is none. `kind`: `rendering` (frames, merges, steps) or "
    "`storage` (days that are over).",
    "currency",
    "kind",
)
PROJECT_COST = _of(
    _DISPATCHER,
    _GAUGE,
    "project_cost_month",
    "The same by project, of the `RAYFARM_LOOPS_COST_PROJECTS` that have spent most; `(other)`: the rest.",
    "currency",
    "project",
)
HAND_OUT = _of(
    _RENDERER,
    _HISTOGRAM,
    "hand_out_seconds",
    "From a chunk's assignment to the replica's claim. A chunk that is staged behind another waits for that one.",
    "pool",
    boundaries=_FAST,
)
FRAMES = _of(
    _RENDERER,
    _COUNTER,
    "frames_total",
    "Tries at frames (and parts) with an outcome. `outcome`: `committed` or `failed`; `start`: `warm` or `cold`.",
    "pool",
    "outcome",
    "start",
)
FRAME_FAILURES = _of(_RENDERER, _COUNTER, "frame_failures_total", "Tries that failed, by end reason.", "pool", "reason")
RENDER_SECONDS = _of(
    _RENDERER,
    _COUNTER,
    "render_seconds_total",
    "Time that engines spent on frames that were committed: what is charged. `device`: `cpu` or `gpu`.",
    "pool",
    "device",
)
CHUNKS_LOST = _of(
    _RENDERER,
    _COUNTER,
    "chunks_lost_total",
    "Chunks that were taken from a replica while it rendered them: its lease had run out.",
    "pool",
)
GPU_ERRORS = _of(
    _RENDERER,
    _GAUGE,
    "gpu_memory_errors",
    "Errors that the video memory of the replica's cards could not correct, since their driver was loaded; none where "
    "the cards count none.",
    "pool",
)
REQUESTS = _of(
    _API,
    _HISTOGRAM,
    "api_request_seconds",
    "From a request's head to the head of its answer. `kind`: `read`, `write`, `upload` (files, at the pace of the "
    "line) or `waits` (until something has happened, as the client asked). Probes are left out.",
    "kind",
    boundaries=_FAST,
)
REFUSALS = _of(
    _API,
    _COUNTER,
    "api_refusals_total",
    "Requests that were turned away for their number (429) or for an outage (503). `code`: of the problem.",
    "code",
)

METRICS = tuple(value for value in list(globals().values()) if isinstance(value, Metric))
"""All of them, in the order of the page."""
