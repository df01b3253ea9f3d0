"""The page of what keeps the farm going: dispatcher, loops, database, and what goes out."""

from __future__ import annotations

from cluster.metrics import catalogue as metrics
from observability.alerts import FAILED_TICKS
from observability.dashboards.json_model import Dashboard, Panel, Query, Unit
from observability.names import exposed

PLANNER = Dashboard(
    uid="rayfarm-planner",
    title="Rayfarm: dispatcher, loops, database",
    words="What keeps the farm going.",
    panels=(
        Panel(
            title="Ticks of the dispatcher",
            words="One a second at least. None: nothing is handed out.",
            queries=(Query(promql=f"sum(rate({exposed(metrics.DISPATCH_TICK, 'count')}[2m]))", legend="ticks"),),
            unit=Unit.PER_SECOND,
        ),
        Panel(
            title="A tick takes (median, 99 %)",
            words="Long ticks are a slow database, or a plan of very many jobs.",
            queries=tuple(
                Query(
                    promql=f"histogram_quantile({share}, sum by (le) "
                    f"(rate({exposed(metrics.DISPATCH_TICK, 'bucket')}[5m])))",
                    legend=f"{share * 100:g} %",
                )
                for share in (0.5, 0.99)
            ),
            unit=Unit.SECONDS,
        ),
        Panel(
            title="From assignment to claim (median, 95 %)",
            words="A chunk that is staged behind another waits for that one.",
            queries=tuple(
                Query(
                    promql=f"histogram_quantile({share}, sum by (pool, le) "
                    f"(rate({exposed(metrics.HAND_OUT, 'bucket')}[5m])))",
                    legend=f"{{{{pool}}}} {share * 100:g} %",
                )
                for share in (0.5, 0.95)
            ),
            unit=Unit.SECONDS,
        ),
        Panel(
            title="Leases and chunks that were lost",
            words="Each is a worker that died or lost the database.",
            queries=(
                Query(promql=f"sum(increase({exposed(metrics.LEASES_EXPIRED)}[10m]))", legend="leases that ran out"),
                Query(promql=f"sum(increase({exposed(metrics.CHUNKS_LOST)}[10m]))", legend="chunks taken away"),
            ),
        ),
        Panel(
            title="Failed ticks in a row",
            words="By loop; what each does: docs/operations/loops.md.",
            queries=(Query(promql=f"max by (loop) ({exposed(metrics.LOOP_FAILURES)}) > 0", legend="{{loop}}"),),
            bad_above=FAILED_TICKS,
        ),
        Panel(
            title="Rows that loops handle",
            words="By loop.",
            queries=(
                Query(promql=f"sum by (loop) (rate({exposed(metrics.LOOP_HANDLED)}[5m])) > 0", legend="{{loop}}"),
            ),
            unit=Unit.PER_SECOND,
        ),
        Panel(
            title="A tick of a loop takes (99 %)",
            words="One that takes longer than RAYFARM_LOOPS_TICK_TIMEOUT is stopped.",
            queries=(
                Query(
                    promql=f"histogram_quantile(0.99, sum by (loop, le) "
                    f"(rate({exposed(metrics.LOOP_TICK, 'bucket')}[10m])))",
                    legend="{{loop}}",
                ),
            ),
            unit=Unit.SECONDS,
        ),
        Panel(
            title="Connections of PostgreSQL",
            words="Clients of all programs together, and how many there may be.",
            queries=(Query(promql=f"max by (state) ({exposed(metrics.DATABASE_CONNECTIONS)})", legend="{{state}}"),),
        ),
        Panel(
            title="Size of the database",
            words="On PostgreSQL's disk.",
            queries=(Query(promql=f"max({exposed(metrics.DATABASE_BYTES)})", legend="bytes"),),
            unit=Unit.BYTES,
        ),
        Panel(
            title="PostgreSQL answers",
            words="1 or 0, by dispatcher.",
            queries=(Query(promql=f"min by (NodeAddress) ({exposed(metrics.DATABASE_UP)})", legend="{{NodeAddress}}"),),
            bad_below=1,
        ),
        Panel(
            title="How late events and files are",
            words="Age of the oldest that a receiver, or a bucket of a project, has not taken.",
            queries=(
                Query(promql=f"max by (receiver) ({exposed(metrics.OUTBOX_LAG)})", legend="events: {{receiver}}"),
                Query(promql=f"max({exposed(metrics.DELIVERY_LAG)})", legend="delivery"),
            ),
            unit=Unit.SECONDS,
        ),
        Panel(
            title="Events and files that wait",
            words="To be taken by receivers and buckets.",
            queries=(
                Query(promql=f"max by (receiver) ({exposed(metrics.OUTBOX_WAITING)})", legend="events: {{receiver}}"),
                Query(promql=f"max({exposed(metrics.DELIVERY_WAITING)})", legend="delivery"),
            ),
        ),
    ),
)
"""For who is called at night."""
