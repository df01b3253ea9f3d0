"""The page of the machines: disks, memory, processors, cards, and what engines hold."""

from __future__ import annotations

from cluster.metrics import catalogue as metrics
from observability.alerts import DISK_FREE
from observability.dashboards.json_model import Dashboard, Panel, Query, Unit
from observability.names import exposed

_FREE, _SIZE = exposed(metrics.DISK_FREE), exposed(metrics.DISK_SIZE)

MACHINES = Dashboard(
    uid="rayfarm-machines",
    title="Rayfarm: machines",
    words="Disks, memory, processors and cards.",
    panels=(
        Panel(
            title="Free on disks",
            words="`storage`: where storage is a folder; `cache`: of a machine that renders.",
            queries=(
                Query(
                    promql=f"min by (NodeAddress, place) ({_FREE}) / min by (NodeAddress, place) ({_SIZE})",
                    legend="{{NodeAddress}} {{place}}",
                ),
            ),
            unit=Unit.SHARE,
            bad_below=DISK_FREE,
        ),
        Panel(
            title="Memory that is taken",
            words="Of the node, or of its pod's limit. Ray kills workers at 95 %.",
            queries=(Query(promql="max by (ip) (ray_node_mem_used / ray_node_mem_total)", legend="{{ip}}"),),
            unit=Unit.SHARE,
        ),
        Panel(
            title="Processors",
            words="Percent of all cores.",
            queries=(Query(promql="max by (ip) (ray_node_cpu_utilization)", legend="{{ip}}"),),
        ),
        Panel(
            title="Engines with a model loaded",
            words="By pool.",
            queries=(Query(promql=f"max by (pool) ({exposed(metrics.ENGINES)})", legend="{{pool}}"),),
        ),
        Panel(
            title="Memory that engines hold",
            words="RAM and video memory of resident engines, by pool.",
            queries=(
                Query(promql=f"max by (pool) ({exposed(metrics.ENGINE_MEMORY)})", legend="{{pool}} RAM"),
                Query(promql=f"max by (pool) ({exposed(metrics.GPU_MEMORY)})", legend="{{pool}} video memory"),
            ),
            unit=Unit.BYTES,
        ),
        Panel(
            title="Cards at work",
            words="Percent of each card, as Ray's agents ask NVIDIA's driver.",
            queries=(
                Query(promql="max by (ip, GpuIndex) (ray_node_gpus_utilization)", legend="{{ip}} GPU {{GpuIndex}}"),
            ),
        ),
        Panel(
            title="Video memory that is taken",
            words="Share of each card.",
            queries=(
                Query(
                    promql="max by (ip, GpuIndex) "
                    "(ray_node_gram_used / (ray_node_gram_used + ray_node_gram_available))",
                    legend="{{ip}} GPU {{GpuIndex}}",
                ),
            ),
            unit=Unit.SHARE,
        ),
        Panel(
            title="Errors of cards",
            words="Uncorrected errors of video memory, and the last Xid where dcgm-exporter runs.",
            queries=(
                Query(
                    promql=f"max by (NodeAddress, pool) ({exposed(metrics.GPU_ERRORS)})",
                    legend="{{NodeAddress}} memory",
                ),
                Query(promql="max by (Hostname, gpu) (DCGM_FI_DEV_XID_ERRORS)", legend="{{Hostname}} GPU {{gpu}} Xid"),
            ),
            bad_above=1,
        ),
    ),
)
"""By node."""
