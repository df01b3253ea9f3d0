"""Which replicas can render a job. Replicas and jobs that look alike are compared once, as kinds.

A farm of 8,000 replicas has a handful of kinds (pool, labels, engines, device), and so have thousands of jobs: whoever
fits is looked up, and never searched for.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field

from jobs.labels import has_labels
from jobs.planning import CrowdView, JobView, ReplicaView, Snapshot, WaitReason


def fits(job: JobView, replica: ReplicaView | CrowdView) -> bool:
    """Whether this replica can render this job: pipeline, pinned engine version and device, labels."""
    return renders(
        pipeline=job.pipeline,
        engine_version=job.engine_version,
        device_class=job.device_class,
        labels=job.labels,
        on=replica,
    )


def renders(
    *,
    pipeline: str,
    engine_version: str | None,
    device_class: str | None,
    labels: Mapping[str, str],
    on: ReplicaView | CrowdView,
) -> bool:
    """``fits`` for what a job asks for; a version or a device of None is not pinned yet."""
    version = on.engines.get(pipeline)
    if version is None or engine_version not in (None, version):
        return False
    if device_class not in (None, on.device_class):
        return False
    return has_labels(labels, on.labels)


@dataclass(slots=True, eq=False)
class ReplicaKind:
    """Replicas that differ in nothing that a job may ask for."""

    sample: ReplicaView | CrowdView
    replicas: list[ReplicaView] = field(default_factory=list)
    count: int = 0
    """Of all, also of those that a plan cannot use."""
    nodes: set[str] = field(default_factory=set)


@dataclass(slots=True, eq=False)
class JobKind:
    """What fits a job and all that ask for the same. An order of kinds follows from the ids of their replicas."""

    kinds: tuple[ReplicaKind, ...]
    replicas: int
    other_version: bool
    """Whether replicas would fit but for their engine version."""

    pools: frozenset[str]
    _nodes: frozenset[str] | None = None

    @property
    def nodes(self) -> frozenset[str]:
        """Of all replicas that fit."""
        if self._nodes is None:
            self._nodes = frozenset[str]().union(*(kind.nodes for kind in self.kinds))
        return self._nodes

    @property
    def reason(self) -> WaitReason:
        """Why a job waits that nothing fits."""
        return WaitReason.ENGINE_VERSION if self.other_version else WaitReason.NO_REPLICA_FITS


class Fitting:
    """Who fits whom among the replicas that take work, in the order of their ids."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.kinds: list[ReplicaKind] = []
        self._jobs: dict[Hashable, JobKind] = {}
        self._seen: dict[Hashable, JobKind] = {}
        self._known = _Identities()
        self._by_key: dict[Hashable, ReplicaKind] = {}
        taking = [each for each in snapshot.replicas if each.accepts_work]
        for replica in sorted(taking, key=lambda each: each.id.int):
            kind = self._kind(replica)
            kind.replicas.append(replica)
            kind.count += 1
            kind.nodes.add(replica.node)
        for crowd in snapshot.crowds:
            kind = self._kind(crowd)
            kind.count += crowd.replicas
            kind.nodes |= crowd.nodes

    def _kind(self, view: ReplicaView | CrowdView) -> ReplicaKind:
        key = (view.pool, view.device_class, self._known.of(view.labels), self._known.of(view.engines))
        kind = self._by_key.get(key)
        if kind is None:
            kind = self._by_key[key] = ReplicaKind(view)
            self.kinds.append(kind)
        return kind

    def of(self, job: JobView) -> JobKind:
        """The replicas that fit this job, without regard to its blocklist."""
        labels = job.labels
        seen = (job.pipeline, job.engine_version, job.device_class, id(labels))  # most share one object
        found = self._seen.get(seen)
        if found is None:
            key = (job.pipeline, job.engine_version, job.device_class, self._known.of(labels))
            found = self._jobs.get(key)
            if found is None:
                found = self._jobs[key] = self._look(job)
            self._seen[seen] = found
        return found

    def _look(self, job: JobView) -> JobKind:
        kinds = tuple(kind for kind in self.kinds if fits(job, kind.sample))
        any_version = job._replace(engine_version=None)
        return JobKind(
            kinds=kinds,
            replicas=sum(kind.count for kind in kinds),
            pools=frozenset(kind.sample.pool for kind in kinds),
            other_version=not kinds and any(fits(any_version, kind.sample) for kind in self.kinds),
        )

    def blocked_nodes(self, job: JobView) -> frozenset[str]:
        """Nodes that this job must not use: its blocklist, or none of it where only one node fits at all."""
        if not job.blocked_nodes:
            return frozenset()
        return job.blocked_nodes if len(self.of(job).nodes) > 1 else frozenset()


class _Identities:
    """A number for each distinct mapping; the same object is looked at once."""

    def __init__(self) -> None:
        self._by_object: dict[int, int] = {}
        self._by_value: dict[frozenset[tuple[str, str]], int] = {}
        self._kept: list[Mapping[str, str]] = []

    def of(self, mapping: Mapping[str, str]) -> int:
        number = self._by_object.get(id(mapping))
        if number is None:
            number = self._by_value.setdefault(frozenset(mapping.items()), len(self._by_value))
            self._by_object[id(mapping)] = number
            self._kept.append(mapping)  # an id means nothing once its object is gone
        return number
