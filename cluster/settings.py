"""Settings of the dispatcher and of the replicas, each with its unit and the reason for its value."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Annotated

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from jobs.settings import FarmSettings


class ClusterSettings(FarmSettings):
    """Read from ``RAYFARM_CLUSTER_*``."""

    model_config = SettingsConfigDict(env_prefix="RAYFARM_CLUSTER_", frozen=True)

    id: str = "local"
    """Names this Ray cluster in every lease; two clusters may share one database."""

    device_class: str | None = None
    """What the replicas render on; part of a frame's fingerprint. None: `cpu`, or the backend and the cards that are
    found. One that says `cpu` where engines find a card, or a card where they find none, is refused at the start."""

    node: str | None = None
    """Name of this machine in lists, blocklists and when it is drained or disabled; None: its host name."""

    pool: str = "default"
    """The kind of slot that the replicas of this cluster's one pool are."""

    labels: dict[str, str] = Field(default_factory=dict)
    """Labels of every replica of the pool; jobs may ask for them. Each has `device` beside them, `gpu` or `cpu`, as
    it is: one that is given here does not count."""

    # --- dispatcher ---
    tick_every: timedelta = timedelta(seconds=1)
    """Longest pause between two ticks; a NOTIFY wakes the dispatcher at once."""

    tick_pause: timedelta = timedelta(milliseconds=2)
    """Shortest pause between two ticks, so that a burst of NOTIFYs becomes one tick."""

    reuse_slice: timedelta = timedelta(milliseconds=300)
    """Longest that one tick looks for frames that starting jobs may reuse, however many they are; what is left goes on
    in the next tick. Well below a chunk's run time, so that no replica waits for its next one meanwhile."""

    gate_slice: timedelta = timedelta(milliseconds=100)
    """Longest that one tick lets frames through that waited for the same frames of another job; what is left goes on in
    the next tick, in turn. One look costs up to 30 ms (4,096 frames)."""

    leader_ttl: timedelta = timedelta(seconds=3)
    """A leader that has not renewed for this long is replaced; a killed dispatcher's work goes on within 5 s."""

    expire_every: timedelta = timedelta(seconds=1)
    """How often jobs past a deadline are looked for; one indexed statement. A deadline is kept to within this."""

    release_every: timedelta = timedelta(seconds=10)
    """How often blocked jobs are looked at; only a net, as the end of a job releases what waits for it itself."""

    control_batch: int = 200
    """Jobs that one pass over deadlines or blocked jobs ends or releases at most."""

    drains_every: timedelta = timedelta(seconds=2)
    """How often Ray is asked which nodes drain; a spot notice leaves 30 to 120 s. One call to Ray's head."""

    machine_every: timedelta = timedelta(seconds=30)
    """How often dispatcher and replicas look at the disks and cards of their machine for the metrics; one look takes
    milliseconds. A disk that fills at 1 GB/s gives away 30 GB in between."""

    max_parallel_tasks: int = 2
    """Ray tasks (probe, merge, preview, video) in flight at once. Projects take turns at them."""

    previews_every: timedelta = timedelta(seconds=20)
    """Previews wait for each other this long and share a task: its process costs some seconds of CPU to start."""

    previews_at_once: int = 64
    """Commits whose previews one task makes at most."""

    task_lease: timedelta = timedelta(seconds=30)
    """Lease of a task, renewed by the dispatcher that submitted it."""

    probe_limit: timedelta = timedelta(hours=1)
    """Longest that a probe may run before it is stopped, which costs it a try. Opening a model has
    `RAYFARM_ENGINE_PROBE_TIMEOUT` of it; the rest is for fetching its files, many GB of them."""

    merge_limit: timedelta = timedelta(hours=1)
    """Longest that joining the parts of one frame may run before it is stopped. Seconds to minutes are usual."""

    preview_limit: timedelta = timedelta(minutes=15)
    """Longest that the previews of one commit may take before they are stopped. Seconds are usual."""

    output_limit: timedelta = timedelta(days=1)
    """Longest that a film, a contact sheet or a step may run before it is stopped."""

    step_frame_limit: timedelta = timedelta(minutes=10)
    """What a step of many frames may take for each of them, where that is more than `output_limit` in all."""

    # --- replica ---
    cache_dir: Path = Path(".rayfarm/cache")
    """Materialised models of this node, shared by its replicas."""

    cache_bytes: int = 50 * 2**30
    """Bytes of materialised models to keep on the node's disk."""

    kernel_cache_bytes: int = 4 * 2**30
    """Bytes of kernels, compiled for this node's cards, to keep for one project; a folder that holds more is emptied
    when the project's next engine starts. Drivers bound their own caches; this is for what else an engine may write
    there."""

    kernel_cache_projects: Annotated[int, Field(ge=1)] = 64
    """Projects of which compiled kernels are kept; those that rendered longest ago go first."""

    scratch_dir: Path | None = None
    """Where engines write frames before upload; None: a folder in the cache."""

    engine_memory_bytes: int = 0
    """Bytes of RAM that the resident engines of one replica may hold together; 0: 60 % of the machine's."""

    engine_vram_bytes: int = 0
    """Bytes of video memory that the resident engines of one replica may hold together; 0: 80 % of what its cards have.
    Without meaning where the driver tells nothing (no NVIDIA card, or no `nvidia-ml-py`)."""

    max_engines: int = 4
    """Engines resident in one replica."""

    keep_warm_every: timedelta = timedelta(seconds=5)
    """How often a replica looks which models are marked `keep_warm`, and, while it has nothing to render, loads those
    that are missing. One small indexed statement."""

    unclaimed_poll: timedelta = timedelta(seconds=5)
    """How often an idle replica looks for assigned work without having been notified; only a fallback."""

    progress_every: timedelta = timedelta(seconds=1)
    """How often a replica tells at most how far its frame is. A frame that takes no longer is told of when it is done.
    One small statement and one NOTIFY each."""

    live_preview_every: timedelta | None = timedelta(seconds=5)
    """How often a picture of a frame that renders is made at most, where its engine can; None: never. A frame that
    takes no longer makes none. Each is a JPEG of 320 pixels at most, in storage until the frame has ended."""

    use_every: timedelta = timedelta(seconds=10)
    """How often a replica looks whether people use its machine, for schedules with `only_when_idle_min`."""

    busy_cpu: float = 0.2
    """Part of all cores that processes of normal priority take while somebody works with the machine, 0 to 1; engines
    run at a lower one and do not count. An idle desktop takes a few hundredths."""

    # --- back-off against a database or storage that does not answer ---
    retry_first: timedelta = timedelta(milliseconds=200)
    """First pause; doubles."""
    retry_longest: timedelta = timedelta(seconds=5)
    """Longest pause: how late a replica notices that the database is back."""

    commit_queue: int = 64
    """Finished frames that may wait for upload in one replica before it stops rendering."""

    commit_batch: int = 256
    """Frames in one commit at most."""

    commit_pause: timedelta = timedelta(milliseconds=250)
    """Shortest time between two commits of a replica; the last frame of a chunk does not wait. A commit costs the
    machine 20 ms of CPU in all. What waits here is rendered again if the replica is killed."""

    check_decode_bytes: int = 2**30
    """Bytes that decoding a finished OpenEXR frame for its check may take: a larger one is not searched for NaN."""

    # --- pool ---
    min_replicas: int = 0
    """Replicas that stay when there is no work."""
    max_replicas: int = 1
    """Replicas of the pool at most."""
    gpus_per_replica: Annotated[float, Field(ge=0)] = 0
    """Cards that Ray keeps for one replica, and asks the autoscaler for; 0 takes none into account, and replicas share
    what their machine shows. On Kubernetes 1: a pod of a GPU group has one card and one replica."""
    keep_warm: timedelta = timedelta(minutes=10)
    """An idle replica and its loaded scenes are kept this long."""

    drain_timeout: timedelta = timedelta(hours=5)
    """Grace of a stopping replica: above the longest frame (4 h by default) plus its upload."""
