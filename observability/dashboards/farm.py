"""The first page: whether the farm does its work, and whether somebody waits."""

from __future__ import annotations

from cluster.metrics import catalogue as metrics
from observability.dashboards.json_model import Dashboard, Kind, Panel, Query, Unit
from observability.names import exposed

_FRAMES = exposed(metrics.FRAMES)

FARM = Dashboard(
    uid="rayfarm-farm",
    title="Rayfarm: farm",
    words="Whether the farm does its work, and whether somebody waits.",
    panels=(
        Panel(
            title="Alerts",
            words="What fires now. Each alert has a link to its page.",
            kind=Kind.ALERTS,
            width=8,
            height=10,
        ),
        Panel(
            title="Frames a second",
            words="Tries with an outcome; `failed` are tried again where that may help.",
            queries=(Query(promql=f"sum by (outcome) (rate({_FRAMES}[5m]))", legend="{{outcome}}"),),
            unit=Unit.PER_SECOND,
            width=16,
            height=10,
        ),
        Panel(
            title="Oldest job that has not begun",
            words="By class. An interactive one should begin within a minute.",
            queries=(Query(promql=f"max by (class) ({exposed(metrics.QUEUE_AGE)})", legend="{{class}}"),),
            unit=Unit.SECONDS,
        ),
        Panel(
            title="Frames in the queue",
            words="Frames of live jobs without an outcome, by where they stand.",
            queries=(Query(promql=f"sum by (state) ({exposed(metrics.QUEUE_FRAMES)})", legend="{{state}}"),),
            stacked=True,
        ),
        Panel(
            title="From submit to start (median, 95 %)",
            words="Waiting for a fitting replica, others' frames and an approval included.",
            queries=tuple(
                Query(
                    promql=f"histogram_quantile({share}, sum by (class, le) "
                    f"(rate({exposed(metrics.DISPATCH, 'bucket')}[15m])))",
                    legend=f"{{{{class}}}} {share * 100:g} %",
                )
                for share in (0.5, 0.95)
            ),
            unit=Unit.SECONDS,
        ),
        Panel(
            title="Replicas",
            words="That beat, by pool and state.",
            queries=(Query(promql=f"sum by (pool, state) ({exposed(metrics.REPLICAS)})", legend="{{pool}} {{state}}"),),
            stacked=True,
        ),
        Panel(
            title="Warm frames",
            words="Share of the committed frames whose scene was loaded already.",
            queries=(
                Query(
                    promql=f'sum(rate({_FRAMES}{{outcome="committed",start="warm"}}[15m]))'
                    f' / sum(rate({_FRAMES}{{outcome="committed"}}[15m]))',
                    legend="warm",
                ),
            ),
            unit=Unit.SHARE,
            bad_below=0.5,
        ),
        Panel(
            title="Failed tries by reason",
            words="`engine_error`, `timeout`, `stalled`, `bad_output` are the scene's; the others are the farm's.",
            queries=(
                Query(promql=f"sum by (reason) (rate({exposed(metrics.FRAME_FAILURES)}[5m])) > 0", legend="{{reason}}"),
            ),
            unit=Unit.PER_SECOND,
        ),
        Panel(
            title="Jobs",
            words="That have not ended, by state.",
            queries=(Query(promql=f"sum by (state) ({exposed(metrics.JOBS)})", legend="{{state}}"),),
            stacked=True,
        ),
        Panel(
            title="Engines at work",
            words="Seconds of rendering that were committed in a second: how many engines have been busy for good.",
            queries=(
                Query(
                    promql=f"sum by (pool, device) (rate({exposed(metrics.RENDER_SECONDS)}[15m]))",
                    legend="{{pool}} {{device}}",
                ),
            ),
        ),
        Panel(
            title="Cost of the month",
            words="Of all projects, from the ledger; from 0 again with each month (UTC).",
            queries=(
                Query(promql=f"max by (currency, kind) ({exposed(metrics.COST)})", legend="{{kind}} in {{currency}}"),
            ),
            stacked=True,
        ),
        Panel(
            title="Cost of the month by project",
            words="The dearest ones; the rest as (other).",
            queries=(
                Query(
                    promql=f"max by (currency, project) ({exposed(metrics.PROJECT_COST)})",
                    legend="{{project}} in {{currency}}",
                ),
            ),
        ),
    ),
)
"""Opened first."""
