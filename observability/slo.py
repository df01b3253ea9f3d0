"""What the farm promises, as data: rules, dashboards and `docs/operations/slo.md` are written from it.

Burn rates and windows as in the Google SRE Workbook, chapter 5 ("multiwindow, multi-burn-rate alerts").
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from cluster import applications
from cluster.metrics.catalogue import REQUESTS
from observability.names import exposed

PERIOD = timedelta(days=30)
"""Over which an objective holds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Burn:
    """How fast a budget may go before somebody is told."""

    rate: float
    """Times as fast as would use the budget up in just its period."""
    long: str
    short: str
    """Window that must burn as well, so that the alert ends soon after the trouble does."""
    spent: str
    """Of the budget of the period, when the long window is full."""


PAGES = (Burn(rate=14.4, long="1h", short="5m", spent="2 %"), Burn(rate=6, long="6h", short="30m", spent="5 %"))
TICKETS = (Burn(rate=3, long="1d", short="2h", spent="10 %"), Burn(rate=1, long="3d", short="6h", spent="10 %"))

_UNITS = {"m": "minutes", "h": "hours", "d": "days"}


def length(window: str) -> timedelta:
    """Of a window as PromQL writes it."""
    return timedelta(**{_UNITS[window[-1]]: int(window[:-1])})


WINDOWS = tuple(sorted({window for way in (*PAGES, *TICKETS) for window in (way.long, way.short)}, key=length))
"""Over which each share of bad requests is recorded: those that `PAGES` and `TICKETS` look at."""

LEAST_BAD = 10
"""Bad requests in the long window below which no alert fires: on a farm that is asked twice an hour, one error is 50 %
of all and nobody's night."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Slo:
    """An objective of requests."""

    name: str
    """Of the recorded series."""
    alert: str
    """Of its alerts, without `BurnsFast` and `BurnsSlowly`."""
    objective: float
    """Share of good requests over `PERIOD`."""
    words: str
    bad: str
    """Counter of bad requests, with ``[WINDOW]`` in the place of the window: events in that time by second."""
    total: str

    @property
    def budget(self) -> float:
        return 1 - self.objective


_HTTP = f'ray_serve_num_http_requests_total{{application="{applications.API}"'
_FAST_S = 0.5
if _FAST_S not in REQUESTS.boundaries:
    raise ValueError("The objective of latency is no boundary of its histogram.")
_ASKED = 'kind=~"read|write"'

AVAILABILITY = Slo(
    name="api_errors",
    alert="ApiAvailability",
    objective=0.999,
    words="of requests to the API are answered, and not with a server error (5xx)",
    bad=f'sum(rate({_HTTP},status_code=~"5.."}}[WINDOW]))',
    total=f"sum(rate({_HTTP}}}[WINDOW]))",
)
LATENCY = Slo(
    name="api_slow",
    alert="ApiLatency",
    objective=0.99,
    words=f"of reads and writes of the API are answered within {_FAST_S:g} s",
    bad=f"sum(rate({exposed(REQUESTS, 'count')}{{{_ASKED}}}[WINDOW]))"
    f' - sum(rate({exposed(REQUESTS, "bucket")}{{{_ASKED},le="{_FAST_S:g}"}}[WINDOW]))',
    total=f"sum(rate({exposed(REQUESTS, 'count')}{{{_ASKED}}}[WINDOW]))",
)
SLOS = (AVAILABILITY, LATENCY)


def ratio_series(slo: Slo, window: str) -> str:
    return f"rayfarm:{slo.name}:ratio_rate{window}"


def ratio(slo: Slo, window: str) -> str:
    """Share of bad requests; 0 where none was bad, nothing where none came."""
    bad, total = slo.bad.replace("WINDOW", window), slo.total.replace("WINDOW", window)
    return f"(({bad}) or 0 * {total}) / ({total} > 0)"


def burns(slo: Slo, ways: tuple[Burn, ...]) -> str:
    """Whether the budget goes too fast in one of these ways, and enough requests were bad for somebody to care."""
    return "\nor\n".join(
        f"({ratio_series(slo, way.long)} > {way.rate:g} * {slo.budget:.4g}"
        f" and {ratio_series(slo, way.short)} > {way.rate:g} * {slo.budget:.4g}"
        f" and ({slo.bad.replace('WINDOW', way.long)}) * {length(way.long).total_seconds():g} >= {LEAST_BAD})"
        for way in ways
    )
