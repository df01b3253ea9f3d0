"""Interruption notices: what is written on a node reaches the farm's workers there, in time and once."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from cluster.kube.notices import pass_on
from jobs.errors import Conflict, RayfarmError, Unavailable
from tests.kube.fake_api.server import FakeKube, Fault
from tests.kube.fake_api.store import Json
from tests.kube.world import NAMESPACE, QUICK, FakeFarm, gateway_of, ray_pod

SPOT = "aws-node-termination-handler/spot-itn"


class Watched:
    """Two GPU nodes with a worker each."""

    def __init__(self, kube: FakeKube) -> None:
        self.kube, self.farm = kube, FakeFarm()
        for number in (1, 2):
            kube.store.create("nodes", "", {"metadata": {"name": f"gpu-{number}"}, "spec": {}})
            kube.store.create("pods", NAMESPACE, ray_pod(f"worker-{number}", cluster="farm-1", node=f"gpu-{number}"))
            self.farm.machine(f"worker-{number}", busy_ticks=None)
        self.told: list[str] = []

    def taint(self, node: str, *keys: str, **more: Any) -> None:
        taints = [{"key": key, "effect": "NoSchedule", **more} for key in keys]
        self.kube.store.update("nodes", "", node, lambda now: {**now, "spec": {**now["spec"], "taints": taints}})

    def watch(self, seconds: float = 1) -> int:
        return pass_on(gateway_of(self.kube), self.farm, for_s=seconds, tell=self.told.append)


@pytest.fixture
def watched(kube: FakeKube) -> Watched:
    return Watched(kube)


def event(node: str, *, age_s: float) -> Json:
    when = datetime.fromtimestamp(datetime.now(UTC).timestamp() - age_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {
        "metadata": {"name": f"{node}.interrupted", "namespace": "default"},
        "reason": "SpotInterrupted",
        "involvedObject": {"kind": "Node", "name": node},
        "lastTimestamp": when,
    }


def test_a_spot_interruption_reaches_the_workers_of_that_node_with_its_time(watched: Watched) -> None:
    watched.taint("gpu-1", SPOT)
    assert watched.watch() == 1
    [(worker, reason, within)] = watched.farm.drains
    assert (worker, reason) == ("worker-1", "Node notice: AWS takes the spot instance back.")
    assert within == pytest.approx(QUICK.spot_notice.total_seconds(), abs=5)


def test_a_notice_that_comes_while_one_watches_is_passed_on_at_once(watched: Watched) -> None:
    def on_call(asked: Any) -> None:
        if asked.verb == "watch":
            watched.kube.on_call = lambda _: None
            watched.taint("gpu-2", SPOT)

    watched.kube.on_call = on_call
    assert watched.watch() == 1
    assert [worker for worker, _, _ in watched.farm.drains] == ["worker-2"]


def test_of_a_notice_that_is_a_minute_old_a_minute_is_left(watched: Watched) -> None:
    a_minute_ago = datetime.fromtimestamp(datetime.now(UTC).timestamp() - 60, UTC)
    watched.taint("gpu-1", SPOT, timeAdded=a_minute_ago.strftime("%Y-%m-%dT%H:%M:%SZ"))
    watched.watch()
    assert watched.farm.drains[0][2] == pytest.approx(60, abs=8)


def test_an_autoscaler_that_waits_for_pods_lets_frames_finish(watched: Watched) -> None:
    watched.taint("gpu-1", "ToBeDeletedByClusterAutoscaler")
    watched.taint("gpu-2", "karpenter.sh/disrupted")
    watched.watch()
    assert [(worker, within) for worker, _, within in watched.farm.drains] == [("worker-1", None), ("worker-2", None)]


def test_karpenters_taint_after_its_interruption_event_is_an_interruption(watched: Watched) -> None:
    watched.kube.store.create("events", "default", event("gpu-1", age_s=30))
    watched.taint("gpu-1", "karpenter.sh/disrupted")
    watched.watch()
    assert watched.farm.drains[0][2] == pytest.approx(90, abs=8)


def test_of_two_notices_the_nearer_end_counts(watched: Watched) -> None:
    watched.taint("gpu-1", "aws-node-termination-handler/rebalance-recommendation", SPOT)
    watched.watch()
    [(_, reason, within)] = watched.farm.drains
    assert (reason, within is None) == ("Node notice: AWS takes the spot instance back.", False)


def test_a_notice_is_passed_on_once_however_often_the_node_changes(watched: Watched) -> None:
    watched.taint("gpu-1", SPOT)
    changes = iter(range(5))

    def on_call(asked: Any) -> None:
        if asked.verb == "watch" and next(changes, None) is not None:
            labels = {"seen": str(watched.kube.store.version)}
            watched.kube.store.update(
                "nodes", "", "gpu-1", lambda now: {**now, "metadata": {**now["metadata"], "labels": labels}}
            )

    watched.kube.on_call = on_call
    assert watched.watch() == 1
    assert len(watched.farm.drains) == 1


def test_taints_of_other_matters_are_no_notice(watched: Watched) -> None:
    watched.taint("gpu-1", "nvidia.com/gpu", "node.kubernetes.io/unschedulable")
    assert watched.watch() == 0
    assert watched.farm.drains == []


def test_a_notice_outlasts_an_outage_of_the_farm(watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    watched.taint("gpu-1", SPOT)
    outages = iter(range(3))
    nodes = watched.farm.nodes

    def away() -> list[Json]:
        if next(outages, None) is not None:
            raise Unavailable("the farm is away")
        return nodes()

    monkeypatch.setattr(watched.farm, "nodes", away)
    watched.watch(8)
    assert [worker for worker, _, _ in watched.farm.drains] == ["worker-1"]


def refusing(watched: Watched, monkeypatch: pytest.MonkeyPatch, worker: str, error: RayfarmError) -> list[str]:
    """The farm answers each drain of this worker with the error; the list holds who was asked for."""
    asked: list[str] = []
    drain = watched.farm.drain

    def refuse(name: str, *, reason: str, within_s: float | None) -> bool:
        asked.append(name)
        if name == worker:
            raise error
        return drain(name, reason=reason, within_s=within_s)

    monkeypatch.setattr(watched.farm, "drain", refuse)
    return asked


def test_a_notice_that_cannot_be_passed_on_holds_no_other_up(watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    watched.taint("gpu-1", "ToBeDeletedByClusterAutoscaler")
    watched.taint("gpu-2", SPOT)
    asked = refusing(watched, monkeypatch, "worker-1", Unavailable("its database restarts"))
    assert watched.watch(3) == 2
    assert [worker for worker, _, _ in watched.farm.drains] == ["worker-2"]
    assert asked.count("worker-1") > 1  # and it was tried again meanwhile
    assert "not told before the end" in watched.told[-1]


def test_a_notice_that_the_farm_refuses_is_told_once_and_not_tried_for_hours(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    watched.taint("gpu-1", "ToBeDeletedByClusterAutoscaler")
    watched.taint("gpu-2", SPOT)
    asked = refusing(watched, monkeypatch, "worker-1", Conflict("it is another farm's"))
    labels = iter(range(3))

    def on_call(call: Any) -> None:
        if call.verb == "watch" and (seen := next(labels, None)) is not None:
            about = {"labels": {"seen": str(seen)}}
            watched.kube.store.update(
                "nodes", "", "gpu-1", lambda now: {**now, "metadata": {**now["metadata"], **about}}
            )

    watched.kube.on_call = on_call
    watched.watch(3)
    assert asked.count("worker-1") == 1
    assert [words for words in watched.told if "gpu-1" in words] == [
        "gpu-1: the cluster autoscaler removes the node; the farm could not be told: it is another farm's"
    ]
    assert [worker for worker, _, _ in watched.farm.drains] == ["worker-2"]


def test_a_node_whose_events_may_not_be_read_is_told_and_the_others_are_passed_on(watched: Watched) -> None:
    watched.kube.rules = [{"apiGroups": [""], "resources": ["nodes", "pods"], "verbs": ["list", "watch"]}]
    watched.taint("gpu-1", "karpenter.sh/disrupted")
    watched.taint("gpu-2", SPOT)
    assert watched.watch() == 1
    assert [worker for worker, _, _ in watched.farm.drains] == ["worker-2"]
    assert "gpu-1: nobody can say whether it goes" in watched.told[0]
    assert "events is forbidden" in watched.told[0]


def test_events_that_are_not_answered_for_now_are_asked_for_again(watched: Watched) -> None:
    watched.kube.faults.append(Fault("GET", "events", times=QUICK.tries, status=503))
    watched.kube.store.create("events", "default", event("gpu-1", age_s=30))
    watched.taint("gpu-1", "karpenter.sh/disrupted")
    watched.watch(4)
    assert [worker for worker, _, _ in watched.farm.drains] == ["worker-1"]


def test_a_notice_outlasts_an_expired_watch(watched: Watched) -> None:
    def on_call(asked: Any) -> None:
        if asked.verb == "watch":
            watched.kube.on_call = lambda _: None
            with watched.kube.store.changed:
                watched.taint("gpu-2", SPOT)
                watched.kube.store.compact()

    watched.kube.on_call = on_call
    watched.kube.faults.append(Fault("WATCH", "nodes"))
    assert watched.watch(2) == 1
