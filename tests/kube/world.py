"""What the tests put into the fake cluster: a RayService with its pods, an operator, a farm, and time."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from kubernetes import client

from cluster.kube.gateway import KubeGateway
from cluster.kube.retrying import Clock
from cluster.kube.settings import KubeSettings
from tests.kube.fake_api.server import FakeKube
from tests.kube.fake_api.store import Change, Json

NAMESPACE = "rayfarm"
WORKER = "farm-1-spot-a"
INCREMENTAL = "NewClusterWithIncrementalUpgrade"
QUICK = KubeSettings(
    retry_first=timedelta(milliseconds=10),
    retry_longest=timedelta(milliseconds=40),
    request_timeout=timedelta(minutes=1),
    watch_for=timedelta(seconds=1),
    observed_within=timedelta(seconds=5),
    ready_within=timedelta(seconds=10),
    poll_every=timedelta(seconds=2),
    hand_over_within=timedelta(minutes=1),
    drain_within=timedelta(minutes=1),
    evict_within=timedelta(minutes=1),
)


class TickingClock:
    """Sleeping takes no time, moves this clock on, and lets the world go on by what tests add to ``ticks``."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.slept: list[float] = []
        self.ticks: list[Callable[[float], None]] = []
        self.clock = Clock(now=lambda: self.now_s, sleep=self.sleep, wall=lambda: 1_800_000_000 + self.now_s)

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now_s += seconds
        for tick in list(self.ticks):
            tick(self.now_s)


def gateway_of(kube: FakeKube, *, clock: Clock | None = None, settings: KubeSettings = QUICK) -> KubeGateway:
    made = client.Configuration()
    made.host, made.retries = kube.url, False
    return KubeGateway(api=client.ApiClient(made), settings=settings, clock=clock)


def template(image: str) -> Json:
    return {"spec": {"containers": [{"name": "ray", "image": image}]}}


def cluster_spec(image: str = "rayfarm-renderer:1") -> Json:
    groups = [
        {"groupName": name, "replicas": 0, "minReplicas": 0, "maxReplicas": most, "rayStartParams": {}}
        for name, most in (("on-demand", 2), ("spot", 8))
    ]
    return {
        "rayVersion": "2.60.0",
        "headGroupSpec": {"rayStartParams": {"num-cpus": "0"}, "template": template(image)},
        "workerGroupSpecs": [{**group, "template": template(image)} for group in groups],
    }


def ray_service(name: str = "farm", *, image: str = "rayfarm-renderer:1", **spec: Any) -> Json:
    config = {"serveConfigV2": "applications: []\n", "rayClusterConfig": cluster_spec(image), **spec}
    return {"apiVersion": "ray.io/v1", "kind": "RayService", "metadata": {"name": name}, "spec": config}


def ray_job(name: str = "shot") -> Json:
    spec = {"entrypoint": "python -m serve_app.batch render spec.yaml", "rayClusterSpec": cluster_spec()}
    return {"apiVersion": "ray.io/v1", "kind": "RayJob", "metadata": {"name": name}, "spec": spec}


def pod(name: str, *, node: str, labels: Json | None = None, owner: str | None = "ReplicaSet", **about: Any) -> Json:
    owners = [{"kind": owner, "name": "owner", "uid": f"of-{name}", "apiVersion": "v1", "controller": True}]
    metadata = {"name": name, "labels": labels or {}, "ownerReferences": owners if owner else [], **about}
    spec = {"nodeName": node, "containers": [{"name": "main", "image": "any"}]}
    return {"metadata": metadata, "spec": spec, "status": {"phase": "Running"}}


def ray_pod(name: str, *, cluster: str, node: str) -> Json:
    labels = {"ray.io/cluster": cluster, "ray.io/node-type": "worker", "app": "ray"}
    return pod(name, node=node, labels=labels, owner="RayCluster")


@dataclass
class Operator:
    """KubeRay's part: makes the clusters of a RayService and tells of them in its status."""

    kube: FakeKube
    is_lazy: bool = False
    """It sees nothing until ``work``."""
    never_ready: bool = False
    made: int = 0

    def start(self) -> Operator:
        self.kube.store.reactions.append(self._react)
        return self

    def _react(self, change: Change) -> None:
        if change.key[0] == "rayservices" and change.type != "DELETED" and not self.is_lazy:
            before = (change.before or {}).get("metadata", {}).get("generation")
            if before != change.after["metadata"]["generation"]:
                self.work(change.key[2])

    def work(self, name: str) -> None:
        """One reconcile as KubeRay 1.7.0 does it: in place, back to the cluster that serves, or with a new one."""
        store = self.kube.store
        service = store.read("rayservices", NAMESPACE, name)
        config, strategy = service["spec"]["rayClusterConfig"], service["spec"].get("upgradeStrategy") or {}
        status: Json = copy.deepcopy(service.get("status") or {})
        active = (status.get("activeServiceStatus") or {}).get("rayClusterName")
        pending = (status.get("pendingServiceStatus") or {}).get("rayClusterName")
        newest = pending or active
        status["observedGeneration"] = service["metadata"]["generation"]
        if pending and strategy.get("type") == INCREMENTAL and self._is_of(active, config):
            del status["pendingServiceStatus"]
        elif newest and self._is_of(newest, config, appended=True):
            if not self._is_of(newest, config):
                about = {"annotations": _annotations(config)}
                store.update(
                    "rayclusters",
                    NAMESPACE,
                    newest,
                    lambda now: {**now, "metadata": {**now["metadata"], **about}, "spec": config},
                )
        else:
            self.made += 1
            made = f"{name}-{self.made}"
            owner = {"apiVersion": "ray.io/v1", "kind": "RayService", "name": name, "uid": service["metadata"]["uid"]}
            new = {"name": made, "annotations": _annotations(config), "ownerReferences": [owner]}
            store.create("rayclusters", NAMESPACE, {"metadata": new, "spec": config})
            status["pendingServiceStatus"] = {"rayClusterName": made}
            status["conditions"] = [_condition("Ready", bool(active)), _condition("UpgradeInProgress", True)]
            self._write(name, status)
        if "pendingServiceStatus" in status and not self.never_ready:
            status["activeServiceStatus"] = status.pop("pendingServiceStatus")
        if "pendingServiceStatus" not in status:
            status["conditions"] = [_condition("Ready", True), _condition("UpgradeInProgress", False)]
        self._write(name, status)

    def _is_of(self, cluster: str, config: Json, *, appended: bool = False) -> bool:
        """Whether a cluster was made from this; ``appended``: but for groups that were added at the end."""
        about = self.kube.store.read("rayclusters", NAMESPACE, cluster)["metadata"]["annotations"]
        groups = config["workerGroupSpecs"]
        if appended:
            groups = groups[: int(about["ray.io/num-worker-groups"])]
        wanted = _annotations({**config, "workerGroupSpecs": groups})
        return bool(wanted == about)

    def _write(self, name: str, status: Json) -> None:
        store = self.kube.store
        store.update("rayservices", NAMESPACE, name, lambda now: {**now, "status": status}, part="status")


def _annotations(config: Json) -> Json:
    """GenerateHashWithoutReplicasAndWorkersToDelete of KubeRay 1.7.0, and the number of groups."""
    muted = copy.deepcopy(config)
    muted.pop("upgradeStrategy", None)
    for group in (muted["headGroupSpec"], *muted["workerGroupSpecs"]):
        for field_ in ("replicas", "minReplicas", "maxReplicas", "scaleStrategy"):
            group.pop(field_, None)
        for field_ in ("tolerations", "schedulingGates"):
            group["template"]["spec"].pop(field_, None)
    text = json.dumps(muted, sort_keys=True)
    return {"ray.io/hash": text, "ray.io/num-worker-groups": str(len(muted["workerGroupSpecs"]))}


def _condition(name: str, holds: bool) -> Json:
    return {
        "type": name,
        "status": "True" if holds else "False",
        "reason": "Told",
        "message": "" if holds else f"{name} is not there yet",
        "lastTransitionTime": "2026-11-28T12:00:00Z",
    }


@dataclass
class FakeFarm:
    """The farm's API as its routes answer: replicas drain when their frame is done, and Serve starts others."""

    machines: list[Json] = field(default_factory=list)
    drains: list[tuple[str, str, float | None]] = field(default_factory=list)
    enabled: list[str] = field(default_factory=list)
    stubborn: bool = False
    """Replicas keep their frames whatever they are told."""
    respawn: bool = True

    def machine(self, name: str, *, cluster: str = "local", busy_ticks: int | None = 0) -> None:
        """``busy_ticks``: how many looks its frame takes; None: for ever."""
        replica = {"id": f"{name}@{cluster}", "ticks": busy_ticks, "draining": False, "within": None}
        self.machines.append({"name": name, "cluster": cluster, "disabled": False, "reason": None, "slots": [replica]})

    def tick(self, _now: float) -> None:
        for machine in self.machines:
            for slot in list(machine["slots"]):
                if slot["ticks"]:
                    slot["ticks"] -= 1
                is_told = slot["draining"] and not self.stubborn
                if is_told and (slot["ticks"] == 0 or slot["within"] is not None):
                    machine["slots"].remove(slot)
                    if self.respawn:
                        machine["slots"].append({"id": slot["id"] + "+", "ticks": 0, "draining": False, "within": None})

    def nodes(self) -> list[Json]:
        return [
            {
                **{key: each[key] for key in ("name", "cluster", "disabled", "reason")},
                "replicas": [s["id"] for s in each["slots"]],
            }
            for each in self.machines
        ]

    def replicas(self) -> list[Json]:
        return [
            {
                "id": slot["id"],
                "node": machine["name"],
                "cluster": machine["cluster"],
                "draining": slot["draining"],
                "current": {"frame": 1} if slot["ticks"] != 0 else None,
            }
            for machine in self.machines
            for slot in machine["slots"]
        ]

    def drain(self, worker: str, *, reason: str, within_s: float | None) -> bool:
        self.drains.append((worker, reason, within_s))
        found = False
        for machine in self.machines:
            slots = [slot for slot in machine["slots"] if worker in (machine["name"], slot["id"])]
            if worker == machine["name"]:
                machine.update(disabled=True, reason=reason)
            for slot in slots:
                slot.update(draining=True, within=within_s)
                found = True
            found = found or worker == machine["name"]
        return found

    def enable(self, worker: str) -> bool:
        here = [machine for machine in self.machines if machine["name"] == worker]
        for machine in here:
            machine.update(disabled=False, reason=None)
        self.enabled += [worker] if here else []
        return bool(here)

    def disable(self, worker: str, *, reason: str | None, cluster: str = "local") -> None:
        """What an operator, or a schedule for one cluster, says."""
        for machine in self.machines:
            if (machine["name"], machine["cluster"]) == (worker, cluster):
                machine.update(disabled=True, reason=reason)
