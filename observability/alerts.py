"""Every alert of the farm as data, thresholds with their units and reasons. Each has a page in
``docs/operations/runbooks``."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from cluster.metrics import catalogue as metrics
from cluster.metrics.catalogue import Metric
from jobs.states import REASONS, Fault
from observability.names import exposed
from observability.slo import PAGES, SLOS, TICKETS, burns


class Severity(StrEnum):
    """Whom it wakes."""

    PAGE = "page"
    """Somebody, now: work stands still, or soon will."""
    TICKET = "ticket"
    """Nobody tonight: it is looked at on the next working day."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """One alert."""

    name: str
    severity: Severity
    group: str
    """Of the rules file."""
    expression: str
    lasts: timedelta
    """How long it must hold first (`for`)."""
    summary: str
    """With Prometheus' templates."""


_INTERACTIVE_WAIT = timedelta(minutes=1)
"""A person looks at a progress bar; a replica that is up starts such a job within a second."""
_NORMAL_WAIT, _BATCH_WAIT = timedelta(hours=2), timedelta(hours=24)
"""Longer than a farm of its usual size needs for what is before it; one's own farm may know better."""
_FAILED_LEAST, _FAILED_SHARE, _SCENES_SHARE = 10, 0.1, 0.5
"""Tries in 15 minutes, and shares of all tries. Scenes of users may be broken: half of everything is not chance."""
_LEASES = 3
"""In ten minutes; one is a worker that was killed."""
_WARM_SHARE, _WARM_LEAST = 0.5, 200
"""Of the committed frames of an hour, and how many there must be: jobs of one frame are cold by nature."""
FAILED_TICKS = 5
"""In a row, above which a loop is broken: with the growing pauses between them at least half a minute."""
_CONNECTIONS_SHARE = 0.85
_TARGET_LAG, _WEBHOOK_LAG, _DELIVERY_LAG = timedelta(minutes=10), timedelta(hours=1), timedelta(hours=1)
DISK_FREE, _DISK_WATCHED, _DISK_AHEAD = 0.1, 0.4, timedelta(days=1)
"""Shares of the disk, and how far a trend of six hours is followed."""
_MEMORY_SHARE = 0.92
"""Ray kills workers at 95 % (``RAY_memory_usage_threshold``)."""


def of_farm(*faults: Fault) -> str:
    """A regular expression of the end reasons with these faults."""
    return "|".join(sorted(str(reason) for reason, facts in REASONS.items() if facts.fault in faults))


def counted(metric: Metric, window: str, matchers: str = "") -> str:
    """Events of a window, those of a series that began within it included: ``increase`` alone misses its first value,
    and Ray tells no counter before its first event."""
    series = exposed(metric) + (f"{{{matchers}}}" if matchers else "")
    return f"sum(({series} unless {series} offset {window}) or increase({series}[{window}]))"


def _of_slos() -> Iterator[Alert]:
    for slo in SLOS:
        for kind, severity, ways in (
            ("BurnsFast", Severity.PAGE, PAGES),
            ("BurnsSlowly", Severity.TICKET, TICKETS),
        ):
            yield Alert(
                name=f"{slo.alert}{kind}",
                severity=severity,
                group="rayfarm-slo",
                expression=burns(slo, ways),
                lasts=timedelta(minutes=2) if severity is Severity.PAGE else timedelta(minutes=15),
                summary="{{ $value | humanizePercentage }} of requests were bad; the aim: "
                f"{slo.objective * 100:g} % {slo.words}.",
            )


def _of_the_queue() -> Iterator[Alert]:
    oldest = exposed(metrics.QUEUE_AGE)
    yield Alert(
        name="InteractiveJobsWait",
        severity=Severity.PAGE,
        group="rayfarm-queue",
        expression=f'max({oldest}{{class="interactive"}}) > {_INTERACTIVE_WAIT.total_seconds():g}',
        lasts=timedelta(minutes=5),
        summary="An interactive job has waited for {{ $value | humanizeDuration }} and has not begun.",
    )
    yield Alert(
        name="JobsWaitTooLong",
        severity=Severity.TICKET,
        group="rayfarm-queue",
        expression=f'max by (class) ({oldest}{{class="normal"}}) > {_NORMAL_WAIT.total_seconds():g}\nor\n'
        f'max by (class) ({oldest}{{class="batch"}}) > {_BATCH_WAIT.total_seconds():g}',
        lasts=timedelta(minutes=15),
        summary="A job of the class {{ $labels.class }} has waited for {{ $value | humanizeDuration }}.",
    )
    frames, replicas = exposed(metrics.QUEUE_FRAMES), exposed(metrics.REPLICAS)
    yield Alert(
        name="NoReplicas",
        severity=Severity.PAGE,
        group="rayfarm-queue",
        expression=f'sum({frames}{{state="waiting"}}) > 0 unless sum({replicas}{{state="accepting"}}) > 0',
        lasts=timedelta(minutes=15),
        summary="{{ $value }} frames wait, and no replica takes work.",
    )


def _of_frames() -> Iterator[Alert]:
    tried = counted(metrics.FRAMES, "15m")
    for name, severity, faults, share, words in (
        ("FramesFail", Severity.PAGE, (Fault.WORKER, Fault.RESOURCE), _FAILED_SHARE, "by the farm's fault"),
        ("ScenesFail", Severity.TICKET, (Fault.TASK,), _SCENES_SHARE, "by their scenes' fault"),
    ):
        failed = counted(metrics.FRAME_FAILURES, "15m", f'reason=~"{of_farm(*faults)}"')
        yield Alert(
            name=name,
            severity=severity,
            group="rayfarm-frames",
            expression=f"{failed} / {tried} > {share:g}\nand {failed} >= {_FAILED_LEAST}",
            lasts=timedelta(minutes=5) if severity is Severity.PAGE else timedelta(minutes=30),
            summary=f"{{{{ $value | humanizePercentage }}}} of the tries at frames fail {words}.",
        )
    yield Alert(
        name="LeasesExpire",
        severity=Severity.TICKET,
        group="rayfarm-frames",
        expression=f"{counted(metrics.LEASES_EXPIRED, '10m')} > {_LEASES}",
        lasts=timedelta(),
        summary="{{ $value | humanize }} leases ran out in ten minutes: workers die, or lose the database.",
    )
    committed = counted(metrics.FRAMES, "1h", 'outcome="committed"')
    warm = counted(metrics.FRAMES, "1h", 'outcome="committed",start="warm"')
    yield Alert(
        name="WarmRateLow",
        severity=Severity.TICKET,
        group="rayfarm-frames",
        expression=f"{warm} / {committed} < {_WARM_SHARE}\nand {committed} > {_WARM_LEAST}",
        lasts=timedelta(minutes=30),
        summary="Only {{ $value | humanizePercentage }} of the frames found their scene loaded.",
    )


def _of_the_planner() -> Iterator[Alert]:
    ticks, loop_ticks = exposed(metrics.DISPATCH_TICK, "count"), exposed(metrics.LOOP_TICK, "count")
    yield Alert(
        name="DispatcherNotRunning",
        severity=Severity.PAGE,
        group="rayfarm-planner",
        expression=f"(sum(increase({ticks}[2m])) or vector(0)) == 0",
        lasts=timedelta(minutes=2),
        summary="No dispatcher plans: nothing is handed out.",
    )
    yield Alert(
        name="LoopsNotRunning",
        severity=Severity.PAGE,
        group="rayfarm-planner",
        expression=f"(sum(increase({loop_ticks}[5m])) or vector(0)) == 0",
        lasts=timedelta(minutes=2),
        summary="No loop runs: what dead workers held is not rendered again.",
    )
    failures = exposed(metrics.LOOP_FAILURES)
    yield Alert(
        name="RescuerFails",
        severity=Severity.PAGE,
        group="rayfarm-planner",
        expression=f'max({failures}{{loop="rescuer"}}) > {FAILED_TICKS}',
        lasts=timedelta(minutes=1),
        summary="The rescuer has failed {{ $value }} times in a row: what dead workers held is not rendered again.",
    )
    yield Alert(
        name="LoopFails",
        severity=Severity.TICKET,
        group="rayfarm-planner",
        expression=f'max by (loop) ({failures}{{loop!="rescuer"}}) > {FAILED_TICKS}',
        lasts=timedelta(minutes=10),
        summary="The loop {{ $labels.loop }} has failed {{ $value }} times in a row.",
    )
    up, connections = exposed(metrics.DATABASE_UP), exposed(metrics.DATABASE_CONNECTIONS)
    yield Alert(
        name="DatabaseUnreachable",
        severity=Severity.PAGE,
        group="rayfarm-planner",
        expression=f"max({up}) == 0",
        lasts=timedelta(minutes=1),
        summary="PostgreSQL does not answer the dispatcher.",
    )
    yield Alert(
        name="DatabaseConnectionsShort",
        severity=Severity.TICKET,
        group="rayfarm-planner",
        expression=f'max({connections}{{state="open"}}) / max({connections}{{state="limit"}}) > {_CONNECTIONS_SHARE}',
        lasts=timedelta(minutes=10),
        summary="{{ $value | humanizePercentage }} of PostgreSQL's connections are taken.",
    )


def _of_what_goes_out() -> Iterator[Alert]:
    lag = exposed(metrics.OUTBOX_LAG)
    for name, expression, limit, words in (
        ("EventsNotTaken", f'{lag}{{receiver="target"}}', _TARGET_LAG, "The farm's own receiver of events is"),
        ("WebhooksLag", f'{lag}{{receiver="webhook"}}', _WEBHOOK_LAG, "A webhook of a project is"),
        ("DeliveriesLag", exposed(metrics.DELIVERY_LAG), _DELIVERY_LAG, "Delivery into a project's bucket is"),
    ):
        yield Alert(
            name=name,
            severity=Severity.TICKET,
            group="rayfarm-out",
            expression=f"max({expression}) > {limit.total_seconds():g}",
            lasts=timedelta(minutes=10),
            summary=f"{words} {{{{ $value | humanizeDuration }}}} behind.",
        )


def _of_machines() -> Iterator[Alert]:
    free, size = (f"min by (NodeAddress, place) ({exposed(each)})" for each in (metrics.DISK_FREE, metrics.DISK_SIZE))
    yield Alert(
        name="DiskAlmostFull",
        severity=Severity.PAGE,
        group="rayfarm-machines",
        expression=f"{free} / {size} < {DISK_FREE}",
        lasts=timedelta(minutes=5),
        summary="{{ $value | humanizePercentage }} of the disk of {{ $labels.place }} on {{ $labels.NodeAddress }} is "
        "free.",
    )
    trend = f"predict_linear({exposed(metrics.DISK_FREE)}[6h], {_DISK_AHEAD.total_seconds():g})"
    yield Alert(
        name="DiskFillsUp",
        severity=Severity.TICKET,
        group="rayfarm-machines",
        expression=f"min by (NodeAddress, place) ({trend}) < 0\nand {free} / {size} < {_DISK_WATCHED}",
        lasts=timedelta(hours=1),
        summary="The disk of {{ $labels.place }} on {{ $labels.NodeAddress }} is full within a day.",
    )
    yield Alert(
        name="NodeMemoryShort",
        severity=Severity.TICKET,
        group="rayfarm-machines",
        expression=f"max by (ip) (ray_node_mem_used / ray_node_mem_total) > {_MEMORY_SHARE}",
        lasts=timedelta(minutes=15),
        summary="{{ $value | humanizePercentage }} of the memory of {{ $labels.ip }} is taken.",
    )
    yield Alert(
        name="GpuMemoryErrors",
        severity=Severity.TICKET,
        group="rayfarm-machines",
        expression=f"max by (NodeAddress, pool) ({exposed(metrics.GPU_ERRORS)}) > 0",
        lasts=timedelta(minutes=5),
        summary="The video memory of {{ $labels.NodeAddress }} met {{ $value }} errors that it could not correct.",
    )
    yield Alert(
        name="GpuXidErrors",
        severity=Severity.TICKET,
        group="rayfarm-machines",
        expression="max by (Hostname, gpu) (max_over_time(DCGM_FI_DEV_XID_ERRORS[10m])) > 0",
        lasts=timedelta(minutes=1),
        summary="The driver of GPU {{ $labels.gpu }} of {{ $labels.Hostname }} reported Xid {{ $value }}.",
    )
    yield Alert(
        name="TargetDown",
        severity=Severity.TICKET,
        group="rayfarm-machines",
        expression='up{job=~"rayfarm.*"} == 0',
        lasts=timedelta(minutes=10),
        summary="Prometheus cannot read {{ $labels.instance }} ({{ $labels.job }}).",
    )
    yield Alert(
        name="FarmNotScraped",
        severity=Severity.PAGE,
        group="rayfarm-machines",
        expression="absent(ray_node_mem_total)",  # each node tells it, however its target is named
        lasts=timedelta(minutes=5),
        summary="Prometheus reads no node of the farm: nothing else can alert.",
    )


ALERTS = (
    *_of_slos(),
    *_of_the_queue(),
    *_of_frames(),
    *_of_the_planner(),
    *_of_what_goes_out(),
    *_of_machines(),
)
"""All of them, in the order of the rules."""
