"""The meters in Ray's own metrics, which the agent of each node serves to Prometheus."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from ray.util import metrics

from cluster.metrics import catalogue
from cluster.metrics.catalogue import Metric
from db.loops.measure import FarmMeasures
from jobs.states import EndReason

_Series = tuple[str, tuple[tuple[str, str], ...]]
"""Name and labels."""


def _counter(metric: Metric) -> metrics.Counter:
    return metrics.Counter(metric.name, description=metric.words, tag_keys=metric.labels)


def _gauge(metric: Metric) -> metrics.Gauge:
    return metrics.Gauge(metric.name, description=metric.words, tag_keys=metric.labels)


def _histogram(metric: Metric) -> metrics.Histogram:
    return metrics.Histogram(
        metric.name, description=metric.words, boundaries=list(metric.boundaries), tag_keys=metric.labels
    )


class RayLoopMeter:
    """Of the loops."""

    def __init__(self) -> None:
        self._took = _histogram(catalogue.LOOP_TICK)
        self._handled = _counter(catalogue.LOOP_HANDLED)
        self._failures = _gauge(catalogue.LOOP_FAILURES)
        self._told: set[str] = set()

    def observe(self, name: str, *, took_s: float, handled: int, failures: int) -> None:
        tags = {"loop": name}
        self._took.observe(took_s, tags=tags)
        self._failures.set(failures, tags=tags)
        self._told.add(name)
        if handled:
            self._handled.inc(handled, tags=tags)

    def clear(self) -> None:
        for name in self._told:
            self._failures.set(0, tags={"loop": name})
        self._told.clear()


class RayDispatchMeter:
    """Of the dispatcher."""

    def __init__(self) -> None:
        self._ticks = _histogram(catalogue.DISPATCH_TICK)
        self._starts = _histogram(catalogue.DISPATCH)
        self._database_up = _gauge(catalogue.DATABASE_UP)

    def ticked(self, took_s: float) -> None:
        self._ticks.observe(took_s)

    def reached(self, database: bool) -> None:
        self._database_up.set(int(database))

    def started(self, priority_class: str, waited_s: float) -> None:
        self._starts.observe(waited_s, tags={"class": priority_class})


class RayFarmMeter:
    """Of the farm as a whole. What is there no more is told as 0, so that no series keeps its last value: Ray forgets
    no series of a process that lives. 0 adds nothing to a sum, and is no maximum beside the one that is so."""

    def __init__(self) -> None:
        self._expired = _counter(catalogue.LEASES_EXPIRED)
        self._gauges = {
            metric.name: _gauge(metric)
            for metric in (
                catalogue.QUEUE_FRAMES,
                catalogue.QUEUE_AGE,
                catalogue.JOBS,
                catalogue.REPLICAS,
                catalogue.ENGINES,
                catalogue.ENGINE_MEMORY,
                catalogue.GPU_MEMORY,
                catalogue.COST,
                catalogue.PROJECT_COST,
                catalogue.OUTBOX_WAITING,
                catalogue.OUTBOX_LAG,
                catalogue.DELIVERY_WAITING,
                catalogue.DELIVERY_LAG,
                catalogue.DATABASE_CONNECTIONS,
                catalogue.DATABASE_BYTES,
            )
        }
        self._shown: set[_Series] = set()

    def expired(self, leases: int) -> None:
        if leases:
            self._expired.inc(leases)

    def show(self, measures: FarmMeasures) -> None:
        values = {
            (metric.name, tuple(zip(metric.labels, labels, strict=True))): value
            for metric, of_labels in (
                (catalogue.QUEUE_FRAMES, measures.frames),
                (catalogue.QUEUE_AGE, measures.oldest_s),
                (catalogue.JOBS, measures.jobs),
                (catalogue.REPLICAS, measures.replicas),
                (catalogue.ENGINES, measures.engines),
                (catalogue.ENGINE_MEMORY, measures.engine_bytes),
                (catalogue.GPU_MEMORY, measures.gpu_bytes),
                (catalogue.COST, measures.cost),
                (catalogue.PROJECT_COST, measures.project_cost),
                (catalogue.OUTBOX_WAITING, measures.outbox_waiting),
                (catalogue.OUTBOX_LAG, measures.outbox_lag_s),
                (catalogue.DELIVERY_WAITING, {(): measures.delivery_waiting}),
                (catalogue.DELIVERY_LAG, {(): measures.delivery_lag_s}),
                (catalogue.DATABASE_CONNECTIONS, measures.connections),
                (catalogue.DATABASE_BYTES, {(): measures.database_bytes}),
            )
            for labels, value in of_labels.items()
        }
        self._tell(values)

    def clear(self) -> None:
        self._tell({})

    def _tell(self, values: Mapping[_Series, float]) -> None:
        for name, tags in self._shown - values.keys():
            self._gauges[name].set(0, tags=dict(tags))
        for (name, tags), value in values.items():
            self._gauges[name].set(value, tags=dict(tags))
        self._shown = set(values)


class RayReplicaMeter:
    """Of one replica, by the pool that it is of and what it renders on."""

    def __init__(self, *, pool: str, device: str) -> None:
        self._pool = {"pool": pool}
        self._device = {**self._pool, "device": device}
        self._hand_outs = _histogram(catalogue.HAND_OUT)
        self._frames = _counter(catalogue.FRAMES)
        self._failures = _counter(catalogue.FRAME_FAILURES)
        self._seconds = _counter(catalogue.RENDER_SECONDS)
        self._lost = _counter(catalogue.CHUNKS_LOST)

    def claimed(self, waited_s: float) -> None:
        self._hand_outs.observe(max(0.0, waited_s), tags=self._pool)

    def committed(self, frames: Sequence[tuple[bool, float]]) -> None:
        for warm, count in Counter(warm for warm, _ in frames).items():
            self._frames.inc(count, tags=self._tags("committed", warm=warm))
        seconds = sum(seconds for _, seconds in frames)
        if seconds > 0:
            self._seconds.inc(seconds, tags=self._device)

    def failed(self, reason: EndReason, *, warm: bool) -> None:
        self._frames.inc(1, tags=self._tags("failed", warm=warm))
        self._failures.inc(1, tags={**self._pool, "reason": str(reason)})

    def lost(self) -> None:
        self._lost.inc(1, tags=self._pool)

    def _tags(self, outcome: str, *, warm: bool) -> dict[str, str]:
        return {**self._pool, "outcome": outcome, "start": "warm" if warm else "cold"}


class RayMachineMeter:
    """Of the machine that a process is on. ``pool``: of a replica, whose cards are told by it."""

    def __init__(self, *, pool: str = "") -> None:
        self._pool = {"pool": pool}
        self._free = _gauge(catalogue.DISK_FREE)
        self._size = _gauge(catalogue.DISK_SIZE)
        self._gpu_errors = _gauge(catalogue.GPU_ERRORS)

    def disk(self, place: str, *, free_bytes: int, size_bytes: int) -> None:
        self._free.set(free_bytes, tags={"place": place})
        self._size.set(size_bytes, tags={"place": place})

    def gpu_errors(self, count: int) -> None:
        self._gpu_errors.set(count, tags=self._pool)


class RayApiMeter:
    """Of one process of the API."""

    def __init__(self) -> None:
        self._answers = _histogram(catalogue.REQUESTS)
        self._refusals = _counter(catalogue.REFUSALS)

    def refused(self, code: str) -> None:
        self._refusals.inc(1, tags={"code": code})

    def answered(self, kind: str, took_s: float) -> None:
        self._answers.observe(took_s, tags={"kind": kind})
