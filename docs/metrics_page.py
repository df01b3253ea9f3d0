"""The page of the farm's own metrics, from their catalogue."""

from __future__ import annotations

from cluster.metrics.catalogue import METRICS


def metrics_page(*, written_by: str) -> str:
    """`docs/operations/metrics.md`."""
    lines = [
        f"<!-- Written by `{written_by}` from cluster/metrics/catalogue.py; edit that. -->",
        "# Metrics",
        "",
        "In Ray's own metrics: each node's agent serves them to Prometheus with Ray's, on the port `metrics` of",
        "`farm.json` (elsewhere: `ray start --metrics-export-port`). Ray puts `ray_` before each name, and labels",
        "of its own beside ours: node, session, worker process. The `_sum` of a histogram is Ray's estimate, from",
        "the middle of each bucket. No label of ours holds an id, an address, or a name that somebody chose for a",
        "job or a model; `pool`, `loop` and `project` are the operator's, and of projects only the dearest few are",
        "named. The gauges come from the process that leads the loops, every `RAYFARM_LOOPS_MEASURE_EVERY`; one that",
        "leads no more, or has lost the database for longer than `RAYFARM_CLUSTER_LEADER_TTL`, tells them all as 0.",
        "So add them up or take the largest, over all processes.",
        "",
        "| Metric | Kind | Labels | Told by | What it says |",
        "|---|---|---|---|---|",
    ]
    for metric in METRICS:
        labels = ", ".join(f"`{label}`" for label in metric.labels) or "–"
        lines.append(f"| `{metric.name}` | {metric.kind} | {labels} | {metric.teller} | {metric.words} |")
    lines += [
        "",
        "## What to alert on",
        "",
        "Rules for Prometheus, with unit tests, are in [`observability/`](../../observability/README.md), and each",
        "alert has a [page](runbooks/README.md). One that only you can set, in your currency: the farm spends more",
        "than it should in an hour (not by `increase`, which takes a new leader's first word for spending):",
        "",
        "```",
        "sum(max by (currency, kind) (max_over_time(ray_rayfarm_cost_month[10m])))",
        "  - sum(max by (currency, kind) (max_over_time(ray_rayfarm_cost_month[10m] offset 1h))) > 50",
        "```",
    ]
    return "\n".join(lines) + "\n"
