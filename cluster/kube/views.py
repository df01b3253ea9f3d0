"""What KubeRay says of its objects: conditions and the generation they speak of, never the deprecated states."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from cluster.kube.errors import ObjectAbsent
from cluster.kube.gateway import Json, Kind, KubeGateway

READY, UPGRADING = "Ready", "UpgradeInProgress"
"""Of a RayService."""
PROVISIONED, HEAD_READY = "RayClusterProvisioned", "HeadPodReady"
"""Of a RayCluster."""
UNBOUNDED = 2**31 - 1
"""``maxReplicas`` where a manifest names none."""


@dataclass(frozen=True, slots=True)
class Condition:
    """One statement of the operator."""

    type: str
    status: str
    reason: str
    message: str

    @property
    def holds(self) -> bool:
        return self.status == "True"


@dataclass(frozen=True, slots=True)
class Group:
    """A worker group as it is asked for."""

    name: str
    replicas: int | None
    """What the autoscaler wants now; None: nobody has said."""
    minimum: int
    maximum: int

    def bounds_words(self) -> tuple[str, str]:
        """(least, most) for people."""
        return str(self.minimum), "unbounded" if self.maximum >= UNBOUNDED else str(self.maximum)


@dataclass(frozen=True, slots=True)
class ObjectView:
    """A RayService or RayCluster."""

    kind: Kind
    name: str
    generation: int
    observed: int
    conditions: tuple[Condition, ...]
    groups: tuple[Group, ...]
    active: str | None = None
    """RayCluster that serves; of a RayCluster itself."""
    pending: str | None = None
    """RayCluster that an upgrade prepares."""
    workers: tuple[int, int] | None = None
    """(ready, wanted)."""

    @property
    def is_current(self) -> bool:
        """The operator has seen the newest change: what the conditions say is of it."""
        return self.observed >= self.generation

    def condition(self, name: str) -> Condition | None:
        return next((each for each in self.conditions if each.type == name), None)

    def holds(self, name: str) -> bool:
        found = self.condition(name)
        return found is not None and found.holds

    def record(self) -> dict[str, Any]:
        """For programs."""
        kind = "RayService" if self.kind is Kind.SERVICE else "RayCluster"
        return {
            "kind": kind,
            "name": self.name,
            "generation": self.generation,
            "observed_generation": self.observed,
            "is_current": self.is_current,
            "conditions": [asdict(each) for each in self.conditions],
            "groups": [asdict(each) for each in self.groups],
            "active_cluster": self.active,
            "pending_cluster": self.pending,
            "workers_ready": self.workers[0] if self.workers else None,
            "workers_wanted": self.workers[1] if self.workers else None,
        }


def view_of(kind: Kind, thing: Json) -> ObjectView:
    """Of one object as the API server sends it."""
    about, status = thing["metadata"], thing.get("status") or {}
    active = (status.get("activeServiceStatus") or {}) if kind is Kind.SERVICE else {}
    pending = (status.get("pendingServiceStatus") or {}) if kind is Kind.SERVICE else {}
    counted = active.get("rayClusterStatus") or {} if kind is Kind.SERVICE else status
    has_counts = "desiredWorkerReplicas" in counted or "readyWorkerReplicas" in counted
    return ObjectView(
        kind=kind,
        name=about["name"],
        generation=int(about.get("generation") or 0),
        observed=int(status.get("observedGeneration") or 0),
        conditions=tuple(
            Condition(each["type"], each["status"], each.get("reason", ""), each.get("message", ""))
            for each in status.get("conditions") or ()
        ),
        groups=tuple(_group_of(each) for each in group_specs(kind, thing)),
        active=(active.get("rayClusterName") or None) if kind is Kind.SERVICE else about["name"],
        pending=pending.get("rayClusterName") or None,
        workers=(int(counted.get("readyWorkerReplicas") or 0), int(counted.get("desiredWorkerReplicas") or 0))
        if has_counts
        else None,
    )


def group_specs(kind: Kind, thing: Json) -> list[Json]:
    """The worker groups in an object's specification."""
    spec = thing["spec"].get("rayClusterConfig") or {} if kind is Kind.SERVICE else thing["spec"]
    return list(spec.get("workerGroupSpecs") or ())


def groups_path(kind: Kind) -> str:
    """JSON pointer of the worker groups."""
    return "/spec/rayClusterConfig/workerGroupSpecs" if kind is Kind.SERVICE else "/spec/workerGroupSpecs"


def find_target(gateway: KubeGateway, name: str | None) -> tuple[Kind, Json]:
    """The farm's object: a RayService before a RayCluster that nothing else owns. Raises ``ObjectAbsent``."""
    services = gateway.list(Kind.SERVICE).items
    clusters = [each for each in gateway.list(Kind.CLUSTER).items if not each["metadata"].get("ownerReferences")]
    found = [(Kind.SERVICE, each) for each in services] + [(Kind.CLUSTER, each) for each in clusters]
    if name is not None:
        found = [each for each in found if each[1]["metadata"]["name"] == name][:1]
    if len(found) == 1 or (len(services) == 1 and name is None):
        return found[0]
    names = ", ".join(sorted(each[1]["metadata"]["name"] for each in found))
    what = f"no RayService or RayCluster{f' {name}' if name else ''}" if not found else f"several: {names}"
    raise ObjectAbsent(
        f"In the namespace {gateway.namespace} there is {what}.",
        remedy="Name one with --name (RAYFARM_KUBE_NAME), or its namespace with --namespace (RAYFARM_KUBE_NAMESPACE).",
    )


def _group_of(spec: Json) -> Group:
    replicas = spec.get("replicas")
    return Group(
        name=str(spec.get("groupName") or ""),
        replicas=None if replicas is None else int(replicas),
        minimum=int(spec.get("minReplicas") or 0),
        maximum=int(spec.get("maxReplicas", UNBOUNDED)),
    )
