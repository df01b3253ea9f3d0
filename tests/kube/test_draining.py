"""Empties nodes: the farm's frames first, then pods within their budgets, and what is left is told with its reason."""

from __future__ import annotations

from datetime import timedelta

import pytest

from cluster.kube.draining import REASON, Drained, drain_node
from cluster.kube.errors import KubeForbidden, ObjectAbsent, Outdated
from tests.kube.fake_api.server import FakeKube, Fault
from tests.kube.fake_api.store import Json
from tests.kube.world import NAMESPACE, QUICK, FakeFarm, TickingClock, gateway_of, pod, ray_pod

NODE = "gpu-1"
GPU_POD = "farm-1-spot-a"


class Emptied:
    """A node with a busy GPU worker, and what the command tells."""

    def __init__(self, kube: FakeKube, farm: FakeFarm, ticking: TickingClock) -> None:
        self.kube, self.farm, self.ticking = kube, farm, ticking
        kube.store.create("nodes", "", {"metadata": {"name": NODE}, "spec": {}})
        kube.store.create("pods", NAMESPACE, ray_pod(GPU_POD, cluster="farm-1", node=NODE))
        self.told: list[str] = []

    def drain(self, **options: bool | timedelta) -> Drained:
        gateway = gateway_of(self.kube, clock=self.ticking.clock)
        return drain_node(gateway, self.farm, node=NODE, tell=self.told.append, **options)  # type: ignore[arg-type]

    def pods(self) -> list[str]:
        return [each["metadata"]["name"] for each in self.kube.store.all("pods", None)]

    def node(self) -> Json:
        return self.kube.store.read("nodes", "", NODE)


@pytest.fixture
def emptied(kube: FakeKube, farm: FakeFarm, ticking: TickingClock) -> Emptied:
    return Emptied(kube, farm, ticking)


def budget(kube: FakeKube, *, allowed: int) -> None:
    spec = {"selector": {"matchLabels": {"app": "ray"}}, "minAvailable": 1}
    kube.store.create("poddisruptionbudgets", NAMESPACE, {"metadata": {"name": "ray"}, "spec": spec})
    allow(kube, allowed)


def allow(kube: FakeKube, allowed: int) -> None:
    status = {"disruptionsAllowed": allowed}
    kube.store.update("poddisruptionbudgets", NAMESPACE, "ray", lambda now: {**now, "status": status}, part="status")


def test_nothing_is_evicted_before_the_frame_is_done(emptied: Emptied) -> None:
    emptied.farm.machine(GPU_POD, busy_ticks=5)
    while_busy: list[bool] = []
    emptied.ticking.ticks.append(lambda _: while_busy.append(GPU_POD in emptied.pods()))
    done = emptied.drain()
    assert done.is_complete
    assert done.evicted == (f"{NAMESPACE}/{GPU_POD}",)
    assert while_busy[:5] == [True] * 5
    assert emptied.farm.drains == [(GPU_POD, REASON, None)]
    assert emptied.node()["spec"]["unschedulable"] is True


def test_a_machine_that_is_named_after_the_node_is_drained_too(emptied: Emptied) -> None:
    emptied.farm.machine(NODE, busy_ticks=2)
    assert emptied.drain().is_complete
    assert emptied.farm.drains == [(NODE, REASON, None)]


def test_frames_past_the_deadline_are_given_back_and_the_node_is_emptied(emptied: Emptied) -> None:
    emptied.farm.machine(GPU_POD, busy_ticks=None)
    done = emptied.drain(within=timedelta(seconds=20))
    assert (done.is_complete, done.work.given_back) == (True, (GPU_POD,))
    assert [within for _, _, within in emptied.farm.drains] == [None, QUICK.give_back.total_seconds()]


def test_a_worker_that_begins_a_frame_as_the_time_ends_is_waited_for(emptied: Emptied) -> None:
    """It joins when the time is over, idle; its frame begins before it hears of the drain."""

    def join(now: float) -> None:
        if now >= 20 and len(emptied.farm.machines) == 1:
            emptied.farm.machine(NODE, busy_ticks=0)

    told = emptied.farm.drain

    def drain(worker: str, *, reason: str, within_s: float | None) -> bool:
        found = told(worker, reason=reason, within_s=within_s)
        if worker == NODE and within_s is None:
            emptied.farm.machines[1]["slots"][0]["ticks"] = 3
        return found

    emptied.farm.machine(GPU_POD, busy_ticks=None)
    emptied.ticking.ticks.append(join)
    emptied.farm.drain = drain  # type: ignore[method-assign]
    while_busy: list[bool] = []
    emptied.ticking.ticks.append(
        lambda _: while_busy.append(GPU_POD in emptied.pods()) if emptied.farm.replicas()[-1]["current"] else None
    )
    done = emptied.drain(within=timedelta(seconds=20))
    assert (done.is_complete, set(done.work.given_back)) == (True, {GPU_POD, NODE})
    assert all(while_busy)


def test_an_idle_worker_is_not_told_to_give_anything_back(emptied: Emptied) -> None:
    emptied.farm.machine(GPU_POD, busy_ticks=None)
    emptied.farm.machine(NODE, busy_ticks=0)
    emptied.drain(within=timedelta(seconds=0))
    assert [worker for worker, _, within in emptied.farm.drains if within is not None] == [GPU_POD]


def test_a_worker_that_keeps_its_frame_keeps_its_pod(emptied: Emptied) -> None:
    emptied.farm.machine(GPU_POD, busy_ticks=None)
    emptied.farm.stubborn = True
    done = emptied.drain()
    assert (done.is_complete, list(done.left)) == (False, [GPU_POD])
    assert GPU_POD in emptied.pods()
    assert emptied.kube.calls("create", "pods/eviction") == 0


def test_a_disruption_budget_is_waited_for_while_other_pods_leave(emptied: Emptied) -> None:
    budget(emptied.kube, allowed=0)
    emptied.kube.store.create("pods", NAMESPACE, pod("api", node=NODE))
    emptied.ticking.ticks.append(lambda now: allow(emptied.kube, 1) if 12 < now < 16 else None)
    done = emptied.drain()
    assert (done.is_complete, set(done.evicted)) == (True, {f"{NAMESPACE}/{GPU_POD}", f"{NAMESPACE}/api"})
    assert emptied.told[-1] == f"{NAMESPACE}/{GPU_POD} evicted"  # the other one did not wait for it


def test_a_budget_that_never_allows_it_ends_in_a_partial_result_that_says_why(emptied: Emptied) -> None:
    budget(emptied.kube, allowed=0)
    emptied.kube.store.create("pods", NAMESPACE, pod("api", node=NODE))
    done = emptied.drain()
    assert done.evicted == (f"{NAMESPACE}/api",)
    assert "disruption budget" in done.left[f"{NAMESPACE}/{GPU_POD}"]
    assert not done.is_complete


def test_daemons_mirrors_and_ended_pods_stay_and_are_no_trouble(emptied: Emptied) -> None:
    store = emptied.kube.store
    store.create("pods", "kube-system", pod("device-plugin", node=NODE, owner="DaemonSet"))
    mirror = {"kubernetes.io/config.mirror": "x"}
    store.create("pods", "kube-system", pod("kube-proxy", node=NODE, owner="Node", annotations=mirror))
    store.create("pods", NAMESPACE, {**pod("migration", node=NODE, owner="Job"), "status": {"phase": "Succeeded"}})
    done = emptied.drain()
    assert (done.is_complete, done.evicted) == (True, (f"{NAMESPACE}/{GPU_POD}",))
    assert set(emptied.pods()) == {"device-plugin", "kube-proxy", "migration"}


def test_a_pod_that_nothing_would_start_again_needs_force(emptied: Emptied) -> None:
    emptied.kube.store.create("pods", NAMESPACE, pod("by-hand", node=NODE, owner=None))
    assert "--force" in emptied.drain().left[f"{NAMESPACE}/by-hand"]
    assert emptied.drain(force=True).is_complete
    assert emptied.pods() == []


def test_a_pod_that_is_still_stopping_is_waited_for(emptied: Emptied) -> None:
    emptied.kube.store.lingering.add(GPU_POD)
    emptied.ticking.ticks.append(
        lambda now: (
            emptied.kube.store.end("pods", NAMESPACE, GPU_POD) if GPU_POD in emptied.pods() and now > 9 else None
        )
    )
    assert emptied.drain().is_complete
    assert emptied.kube.calls("create", "pods/eviction") == 1


def test_another_pod_that_took_the_name_is_not_evicted_for_the_old_one(emptied: Emptied) -> None:
    """A pod of a StatefulSet keeps its name; its new one is on another node."""
    old_uid = emptied.kube.store.read("pods", NAMESPACE, GPU_POD)["metadata"]["uid"]
    emptied.kube.store.delete("pods", NAMESPACE, GPU_POD)
    emptied.kube.store.create("pods", NAMESPACE, ray_pod(GPU_POD, cluster="farm-1", node="gpu-2"))
    gateway = gateway_of(emptied.kube)
    with pytest.raises(Outdated, match="UID"):
        gateway.evict(namespace=NAMESPACE, name=GPU_POD, uid=old_uid)
    assert emptied.pods() == [GPU_POD]


def test_throttling_in_the_middle_is_waited_out(emptied: Emptied) -> None:
    emptied.kube.faults.append(Fault("POST", "eviction", times=2, status=429, headers={"Retry-After": "3"}))
    emptied.kube.faults.append(Fault("GET", "pods", times=2, status=500))
    assert emptied.drain().is_complete
    assert emptied.ticking.slept.count(3.0) == 2


def test_a_missing_right_to_evict_is_told_for_each_pod(emptied: Emptied) -> None:
    emptied.kube.rules = [
        {"apiGroups": [""], "resources": ["nodes", "pods"], "verbs": ["get", "list", "patch"]},
    ]
    done = emptied.drain()
    assert "forbidden" in done.left[f"{NAMESPACE}/{GPU_POD}"]


def test_a_missing_right_to_cordon_stops_it_before_anything_is_done(emptied: Emptied) -> None:
    emptied.farm.machine(GPU_POD, busy_ticks=2)
    emptied.kube.rules = [{"apiGroups": [""], "resources": ["nodes", "pods"], "verbs": ["get", "list"]}]
    with pytest.raises(KubeForbidden, match="nodes"):
        emptied.drain()
    assert emptied.farm.drains == []


def test_a_node_that_is_not_there_is_told_by_its_name(emptied: Emptied) -> None:
    with pytest.raises(ObjectAbsent, match="gpu-9"):
        drain_node(gateway_of(emptied.kube), emptied.farm, node="gpu-9", tell=emptied.told.append)
