"""The page of the API: its objectives, their budgets, and how fast it answers."""

from __future__ import annotations

from collections.abc import Iterator

from cluster import applications
from cluster.metrics import catalogue as metrics
from observability.dashboards.json_model import Dashboard, Kind, Panel, Query, Unit
from observability.names import exposed
from observability.slo import AVAILABILITY, LATENCY, PAGES, PERIOD, Slo, ratio_series

_REQUESTS = f'ray_serve_num_http_requests_total{{application="{applications.API}"}}'


def _of(slo: Slo, title: str) -> Iterator[Panel]:
    three_days = ratio_series(slo, "3d")
    yield Panel(
        title=f"{title}: good over three days",
        words=f"Share of good requests. The aim: {slo.objective * 100:g} % {slo.words}.",
        queries=(Query(promql=f"1 - {three_days}", legend="good"),),
        kind=Kind.NUMBER,
        unit=Unit.SHARE,
        width=6,
        height=6,
        bad_below=slo.objective,
    )
    yield Panel(
        title=f"{title}: how fast the budget goes",
        words=f"1: it lasts for just its {PERIOD.days} days. Somebody is called at "
        + ", or ".join(f"{way.rate:g} over {way.long}" for way in PAGES)
        + ".",
        queries=tuple(
            Query(promql=f"{ratio_series(slo, window)} / {slo.budget:.4g}", legend=f"over {window}")
            for window in ("5m", "1h", "6h", "3d")
        ),
        width=18,
        height=6,
        bad_above=PAGES[0].rate,
    )


API = Dashboard(
    uid="rayfarm-api",
    title="Rayfarm: API",
    words="Objectives of the API, and how fast it answers.",
    panels=(
        *_of(AVAILABILITY, "Availability"),
        *_of(LATENCY, "Latency"),
        Panel(
            title="Requests",
            words="By status, as the proxy counts them: also those that no process of the API lived to answer.",
            queries=(Query(promql=f"sum by (status_code) (rate({_REQUESTS}[5m]))", legend="{{status_code}}"),),
            unit=Unit.PER_SECOND,
            stacked=True,
        ),
        Panel(
            title="Until the answer begins (median, 99 %)",
            words="`waits` and `upload` take as long as their clients want.",
            queries=tuple(
                Query(
                    promql=f"histogram_quantile({share}, sum by (kind, le) "
                    f"(rate({exposed(metrics.REQUESTS, 'bucket')}[5m])))",
                    legend=f"{{{{kind}}}} {share * 100:g} %",
                )
                for share in (0.5, 0.99)
            ),
            unit=Unit.SECONDS,
        ),
        Panel(
            title="Turned away",
            words="For their number (429) or for an outage (503), by the code of the problem.",
            queries=(Query(promql=f"sum by (code) (rate({exposed(metrics.REFUSALS)}[5m])) > 0", legend="{{code}}"),),
            unit=Unit.PER_SECOND,
        ),
        Panel(
            title="Healthy replicas",
            words="Of Serve's deployments: the API, the dispatcher, the renderers.",
            queries=(
                Query(promql="sum by (deployment) (ray_serve_deployment_replica_healthy)", legend="{{deployment}}"),
            ),
        ),
    ),
)
"""Its objectives first."""
