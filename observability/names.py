"""Every metric that a rule or a dashboard may name: the farm's own, Ray's, and those of exporters beside the farm.

A rule that names a metric which nobody tells never fires, and nobody notices. So a test holds each expression against
these names, and another one these names against what a running farm serves.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from cluster.metrics.catalogue import METRICS, Kind, Metric

RAY_LABELS = frozenset({"NodeAddress", "WorkerId", "Component", "SessionName", "Version", "job", "instance"})
"""That Ray and Prometheus put beside ours."""

RAY = {
    "ray_serve_num_http_requests_total": frozenset({"application", "status_code", "method", "route"}),
    "ray_node_cpu_utilization": frozenset({"ip"}),
    "ray_node_cpu_count": frozenset({"ip"}),
    "ray_node_mem_used": frozenset({"ip"}),
    "ray_node_mem_total": frozenset({"ip"}),
    "ray_component_rss_bytes": frozenset({"ip"}),
    "ray_serve_deployment_replica_healthy": frozenset({"application", "deployment", "replica"}),
}
"""Of Ray 2.60, and their labels. What a request came to is counted by the proxy, which also sees those that no process
of the API lived to answer."""

RAY_WITH_CARDS = {
    "ray_node_gpus_utilization": frozenset({"ip", "GpuIndex", "GpuDeviceName"}),
    "ray_node_gram_used": frozenset({"ip", "GpuIndex", "GpuDeviceName"}),
    "ray_node_gram_available": frozenset({"ip", "GpuIndex", "GpuDeviceName"}),
}
"""Told by nodes with NVIDIA cards alone."""

EXPORTERS = {
    "up": frozenset({"job", "instance"}),  # Prometheus itself
    "DCGM_FI_DEV_XID_ERRORS": frozenset({"gpu", "Hostname", "UUID"}),  # NVIDIA's dcgm-exporter, one to a GPU node
}
"""Of programs beside the farm."""

_KEYWORDS = frozenset({"and", "or", "unless", "bool", "offset", "by", "without", "on", "ignoring"})
_AGGREGATIONS = frozenset({"sum", "min", "max", "avg", "count", "topk", "quantile"})
_GROUPING = re.compile(r"\b(by|without|on|ignoring|group_left|group_right)\s*\(([^)]*)\)")
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"')
_SELECTOR = re.compile(r"([a-zA-Z_:][a-zA-Z0-9_:]*)\s*\{([^}]*)\}")
_NAME = re.compile(r"(?<![\w:$.])([a-zA-Z_:][a-zA-Z0-9_:]*)(?!\w|:|\s*\()")


def exposed(metric: Metric, part: str = "") -> str:
    """The name that Prometheus sees. ``part`` of a histogram: `bucket`, `count` or `sum`."""
    if (metric.kind is Kind.HISTOGRAM) != (part in ("bucket", "count", "sum")):
        raise ValueError(f"{metric.name} is a {metric.kind} and has no part {part!r}.")
    return f"ray_{metric.name}_{part}" if part else f"ray_{metric.name}"


def own() -> dict[str, frozenset[str]]:
    """The farm's own names as they are served, and their labels."""
    found: dict[str, frozenset[str]] = {}
    for metric in METRICS:
        labels = frozenset(metric.labels)
        if metric.kind is Kind.HISTOGRAM:
            found |= {exposed(metric, part): labels for part in ("count", "sum")}
            found[exposed(metric, "bucket")] = labels | {"le"}
        else:
            found[exposed(metric)] = labels
    return found


def names_in(expression: str) -> set[str]:
    """Metrics (and recorded series) that a PromQL expression names."""
    bare = _STRING.sub('""', expression)
    bare = re.sub(r"\{[^}]*\}|\[[^\]]*\]", " ", _GROUPING.sub(r"\1 ", bare))
    return set(_NAME.findall(bare)) - _KEYWORDS - _AGGREGATIONS


def labels_in(expression: str) -> Iterator[tuple[str, str]]:
    """(metric, label) of each matcher."""
    for name, matchers in _SELECTOR.findall(_STRING.sub('""', expression)):
        for label in re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", matchers):
            yield name, label
