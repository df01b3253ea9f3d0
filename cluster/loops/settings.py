"""Settings of the loops, each with its unit and the reason for its value."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import Field, field_validator
from pydantic_settings import SettingsConfigDict

from jobs.settings import FarmSettings

Wait = Annotated[timedelta, Field(gt=timedelta(0))]


class LoopSettings(FarmSettings):
    """Read from ``RAYFARM_LOOPS_*``."""

    model_config = SettingsConfigDict(env_prefix="RAYFARM_LOOPS_", frozen=True)

    tick_timeout: Wait = timedelta(seconds=60)
    """A tick that takes longer is stopped and counted as failed. Ticks are bounded to a few seconds of work; what is
    left then stands in the rows for the next one."""

    rescue_every: Wait = timedelta(seconds=2)
    """How often expired leases are looked for; one indexed statement."""

    measure_every: Wait = timedelta(seconds=15)
    """How often queue, replicas and outbox are counted for the metrics: as often as Prometheus usually asks. Seven
    statements, which read the live rows of the queue, and of each project its sums of the month."""

    cost_projects: Annotated[int, Field(ge=0, le=100)] = 10
    """Projects whose cost of the month the metrics tell by name, the dearest first; the others are one sum. Each is a
    series of its own in Prometheus, and whoever reads the metrics reads its slug. 0: none by name."""

    finish_every: Wait = timedelta(seconds=2)
    """How often jobs are looked for whose last writer died before the verdict."""

    schedules_every: Wait = timedelta(seconds=10)
    """How often machines are held against their schedules: how late a workstation is given back to who comes to it,
    beside what its replica takes to notice them (``RAYFARM_CLUSTER_USE_EVERY``)."""

    # --- money ---
    bill_every: Wait = timedelta(seconds=5)
    """How often budgets are looked at for thresholds to tell of: how late such an event comes at most. Work stops
    without it."""

    storage_every: Wait = timedelta(hours=1)
    """Pause between two measurements of what projects store: each reads every row of an artifact once, some seconds for
    ten million."""

    # --- events to receivers outside ---
    event_targets: tuple[str, ...] = ()
    """URLs that every event of every job is posted to as JSON. Each is told a job's events in their order, and some
    twice: the header ``X-Rayfarm-Event-Id`` tells them apart."""

    delivery_every: Wait = timedelta(seconds=1)
    """Pause between two looks at what is due for a target."""

    delivery_timeout: Wait = timedelta(seconds=10)
    """A receiver that has not answered by then did not take the event."""

    delivery_jobs: Annotated[int, Field(ge=1)] = 16
    """Jobs whose events are posted to one target at a time."""

    delivery_first_pause: Wait = timedelta(seconds=5)
    """Before an event that was not taken is posted again; doubles each time."""

    delivery_longest_pause: Wait = timedelta(hours=6)
    """Longest of these pauses: how late a receiver that was away for long is noticed to be back."""

    delivery_attempts: Annotated[int, Field(ge=1)] = 24
    """Posts of one event before it is given up: about three days with these pauses, a weekend's outage."""

    # --- rows that have served their time ---
    prune_every: Wait = timedelta(minutes=10)
    """How often rows past their retention are looked for."""

    replicas_kept: timedelta | None = timedelta(days=30)
    """How long the row of a replica stays after it was gone; None: for ever."""

    leaders_kept: timedelta | None = timedelta(days=7)
    """How long the row of a reign stays after it expired; None: for ever."""

    health_kept: timedelta | None = timedelta(days=7)
    """How long a loop that runs no more is still shown; None: for ever."""

    deliveries_kept: timedelta | None = timedelta(days=7)
    """How long it is known that an event was told, or given up; None: for ever."""

    events_kept: timedelta | None = None
    """How long a job's events stay after it ended; None: for ever."""

    logins_kept: timedelta | None = timedelta(days=7)
    """How long refresh tokens and invitations are known after they expired, and failed logins; None: for ever."""

    # --- outputs of jobs ---
    outputs_kept: Wait | None = None
    """How long the files of a job stay after it ended, where nobody gave the job an end of its own; None: for ever. The
    rows of the job and of its files stay."""

    outputs_notice: Wait = timedelta(days=7)
    """How long before the end of its outputs a job's ``job.expiring`` is told, and how long at least old jobs stay on a
    farm that begins to keep outputs for a time."""

    outputs_every: Wait = timedelta(minutes=10)
    """How often outputs that end are looked for. Their files go with the next walk of ``collect_every``."""

    # --- the audit log ---
    audit_every: Wait = timedelta(seconds=2)
    """How often new entries of the audit log are sealed into its chain: for so long one could be taken out unseen."""

    audit_kept: timedelta | None = None
    """How long entries of the audit log stay; None: for ever. What goes leaves a checkpoint of the chain."""

    # --- files that no row names ---
    collect_every: Wait = timedelta(hours=24)
    """Pause between two walks through storage; a walk costs a listing request per 1,000 files."""

    collect_pause: Wait = timedelta(seconds=10)
    """Pause between two steps of a walk."""

    collect_page: Annotated[int, Field(ge=1, le=10_000)] = 1000
    """Files looked at in one step."""

    leftovers_kept: timedelta = timedelta(days=1)
    """How long an artifact that no row names is left alone: results that lost, parts after their merge. Their rows
    decide, not their age; this only spares what a person may want to look at."""

    ownerless_blobs_kept: Annotated[timedelta, Field(ge=timedelta(hours=1))] = timedelta(days=1)
    """How long the bytes of an upload stay that became no project's: refused for its quota, or cut short by a crash
    before their row. At least an hour, as bytes lie there for a moment before each row. Whatever lies below ``blobs/``
    and has no row in this database is taken for such: farms must not share a prefix."""

    unused_blobs_kept: timedelta | None = None
    """How long an uploaded blob stays that no model names; None: for ever."""

    @field_validator("event_targets")
    @classmethod
    def _are_http(cls, urls: tuple[str, ...]) -> tuple[str, ...]:
        for url in urls:
            parts = urlsplit(url)
            if parts.scheme not in ("http", "https") or not parts.hostname:
                raise ValueError(f"An event target is an http:// or https:// URL; one of them begins {url[:12]!r}.")
        if len(set(urls)) < len(urls):
            raise ValueError("An event target is named twice.")
        return urls
