"""Calls of the Kubernetes API: one retry policy, errors in words, watches that go on."""

from __future__ import annotations

import threading
import time
from datetime import timedelta

import pytest

from cluster.kube.errors import (
    AlreadyThere,
    KubeForbidden,
    KubeRayAbsent,
    KubeRefused,
    KubeUnavailable,
    NotInTime,
    ObjectAbsent,
    Outdated,
)
from cluster.kube.gateway import Kind, KubeGateway
from cluster.kube.watching import changes, until_true
from tests.kube.fake_api.server import FakeKube, Fault, serving
from tests.kube.world import NAMESPACE, QUICK, TickingClock, gateway_of, pod, ray_service


class TestRetries:
    def test_a_throttled_call_waits_as_long_as_the_server_asks_and_is_made_again(
        self, kube: FakeKube, ticking: TickingClock
    ) -> None:
        kube.store.create("rayservices", NAMESPACE, ray_service())
        kube.faults.append(Fault("GET", "rayservices", times=2, status=429, headers={"Retry-After": "7"}))
        gateway = gateway_of(kube, clock=ticking.clock)
        assert gateway.get(Kind.SERVICE, "farm")["metadata"]["name"] == "farm"
        assert ticking.slept == [7.0, 7.0]

    def test_a_server_error_is_met_with_pauses_that_grow_to_a_limit(
        self, kube: FakeKube, ticking: TickingClock
    ) -> None:
        kube.faults.append(Fault("GET", "rayservices", times=99, status=503))
        with pytest.raises(KubeUnavailable, match="tried 6 times"):
            gateway_of(kube, clock=ticking.clock).list(Kind.SERVICE)
        assert len(ticking.slept) == QUICK.tries - 1
        assert ticking.slept[0] < ticking.slept[2]
        assert max(ticking.slept) <= QUICK.retry_longest.total_seconds() * 1.3

    def test_a_server_that_asks_for_an_hour_is_told_of_at_once(self, kube: FakeKube, ticking: TickingClock) -> None:
        kube.faults.append(Fault("GET", "rayservices", status=429, headers={"Retry-After": "3600"}))
        with pytest.raises(KubeUnavailable) as told:
            gateway_of(kube, clock=ticking.clock).list(Kind.SERVICE)
        assert (told.value.retry_after_s, ticking.slept) == (3600.0, [])

    def test_a_cut_connection_is_tried_again(self, kube: FakeKube, gateway: KubeGateway) -> None:
        kube.faults.append(Fault("GET", "rayservices", times=2))
        assert gateway.list(Kind.SERVICE).items == ()

    def test_a_create_whose_answer_was_lost_says_that_the_object_is_there(
        self, kube: FakeKube, gateway: KubeGateway
    ) -> None:
        kube.faults.append(Fault("POST", "rayservices", done=True))
        with pytest.raises(AlreadyThere):
            gateway.create(Kind.SERVICE, ray_service())

    def test_a_server_that_is_not_there_is_told_with_a_remedy(self, ticking: TickingClock) -> None:
        with serving() as server:
            gateway = gateway_of(server, clock=ticking.clock)
        with pytest.raises(KubeUnavailable, match="no answer") as told:
            gateway.list(Kind.SERVICE)
        assert "kubectl cluster-info" in str(told.value.remedy)


class TestErrors:
    def test_an_object_that_is_absent_is_told_from_a_kind_that_is(self, kube: FakeKube, gateway: KubeGateway) -> None:
        with pytest.raises(ObjectAbsent, match="nobody"):
            gateway.get(Kind.SERVICE, "nobody")
        with serving(kuberay=False) as bare, pytest.raises(KubeRayAbsent) as told:
            gateway_of(bare).get(Kind.SERVICE, "farm")
        assert "operator" in str(told.value.remedy)

    def test_a_missing_right_names_the_verb_and_the_page(self, kube: FakeKube, gateway: KubeGateway) -> None:
        kube.rules = []
        with pytest.raises(KubeForbidden, match="cannot list resource") as told:
            gateway.list(Kind.SERVICE)
        assert "cluster-commands.md" in str(told.value.remedy)

    def test_a_field_that_kuberay_does_not_know_is_refused_not_dropped(self, gateway: KubeGateway) -> None:
        body = ray_service(serveConfig="applications: []")
        with pytest.raises(KubeRefused, match=r'unknown field "spec.serveConfig"'):
            gateway.create(Kind.SERVICE, body)

    def test_a_value_of_the_wrong_type_is_refused_with_its_field(self, gateway: KubeGateway) -> None:
        body = ray_service()
        body["spec"]["rayClusterConfig"]["workerGroupSpecs"][0]["minReplicas"] = "two"
        with pytest.raises(KubeRefused, match="minReplicas"):
            gateway.create(Kind.SERVICE, body)

    def test_a_stale_version_is_a_conflict_and_changes_nothing(self, kube: FakeKube, gateway: KubeGateway) -> None:
        made = kube.store.create("rayservices", NAMESPACE, ray_service())
        gateway.patch(Kind.SERVICE, "farm", {"spec": {"suspend": True}})
        stale = {"metadata": {"resourceVersion": made["metadata"]["resourceVersion"]}, "spec": {"suspend": False}}
        with pytest.raises(Outdated):
            gateway.patch(Kind.SERVICE, "farm", stale)
        assert gateway.get(Kind.SERVICE, "farm")["spec"]["suspend"] is True


class TestLists:
    def test_every_page_of_a_long_list_is_read(self, kube: FakeKube, gateway: KubeGateway) -> None:
        for number in range(1203):
            kube.store.create("pods", NAMESPACE, pod(f"p{number}", node="n"))
        assert len(gateway.pods(node="n")) == 1203
        assert kube.calls("list", "pods") == 3


class TestWatches:
    def test_a_change_is_seen_by_a_watch_that_was_cut_before_it(self, kube: FakeKube, gateway: KubeGateway) -> None:
        kube.store.create("rayservices", NAMESPACE, ray_service())
        kube.faults.append(Fault("WATCH", "rayservices"))
        done = _later(kube, lambda: kube.calls("watch", "rayservices") >= 2, _suspend)
        assert until_true(gateway, Kind.SERVICE, "farm", _suspended, within=timedelta(seconds=20), what="it")
        done.join()
        assert kube.calls("list", "rayservices") == 1  # taken up where it was, not listed anew

    def test_a_watch_whose_version_is_gone_lists_anew_and_misses_nothing(
        self, kube: FakeKube, gateway: KubeGateway
    ) -> None:
        kube.store.create("rayservices", NAMESPACE, ray_service())

        def forget(server: FakeKube) -> None:
            with server.store.changed:  # changed and forgotten in one: no stream can tell of it
                _suspend(server)
                server.store.compact()

        done = _later(kube, lambda: kube.calls("watch", "rayservices") >= 1, forget)
        assert until_true(gateway, Kind.SERVICE, "farm", _suspended, within=timedelta(seconds=20), what="it")
        done.join()
        assert kube.calls("list", "rayservices") == 2

    def test_a_watch_that_is_refused_with_410_lists_anew(self, kube: FakeKube, gateway: KubeGateway) -> None:
        kube.store.create("rayservices", NAMESPACE, ray_service())
        kube.faults.append(Fault("GET", "watch=", status=410))
        done = _later(kube, lambda: kube.calls("list", "rayservices") >= 2, _suspend)
        assert until_true(gateway, Kind.SERVICE, "farm", _suspended, within=timedelta(seconds=20), what="it")
        done.join()

    def test_what_was_deleted_while_nobody_watched_is_told_after_the_new_list(
        self, kube: FakeKube, gateway: KubeGateway
    ) -> None:
        for name in ("a", "b"):
            kube.store.create("rayservices", NAMESPACE, ray_service(name))

        def delete(server: FakeKube) -> None:
            with server.store.changed:
                server.store.delete("rayservices", NAMESPACE, "a")
                server.store.compact()

        done = _later(kube, lambda: kube.calls("watch", "rayservices") >= 1, delete)
        told = []
        for happened, thing in changes(
            listing=lambda: gateway.list(Kind.SERVICE),
            streaming=lambda version, for_s: gateway.watch(Kind.SERVICE, version=version, name=None, for_s=for_s),
            settings=QUICK,
            until=time.monotonic() + 20,
            clock=gateway.clock,
        ):
            told.append((happened, thing["metadata"]["name"]))
            if happened == "DELETED":
                break
        done.join()
        assert told == [("ADDED", "a"), ("ADDED", "b"), ("DELETED", "a")]

    def test_bookmarks_move_a_quiet_watch_past_a_compaction(self, kube: FakeKube, gateway: KubeGateway) -> None:
        kube.store.create("rayservices", NAMESPACE, ray_service())
        version = gateway.list(Kind.SERVICE).version
        kube.store.create("configmaps", NAMESPACE, {"metadata": {"name": "other"}, "data": {}})
        events = list(gateway.watch(Kind.SERVICE, version=version, name="farm", for_s=1))
        assert {event["type"] for event in events} == {"BOOKMARK"}
        last = int(events[-1]["object"]["metadata"]["resourceVersion"])
        assert last > int(version)

    def test_waiting_ends_at_its_deadline_and_says_for_what(self, kube: FakeKube, gateway: KubeGateway) -> None:
        kube.store.create("rayservices", NAMESPACE, ray_service())
        with pytest.raises(NotInTime, match="the sun to rise"):
            until_true(
                gateway, Kind.SERVICE, "farm", lambda _: None, within=timedelta(seconds=1), what="the sun to rise"
            )


def _suspend(server: FakeKube) -> None:
    change = {"suspend": True}
    server.store.update("rayservices", NAMESPACE, "farm", lambda now: {**now, "spec": {**now["spec"], **change}})


def _suspended(thing: dict[str, dict[str, object]]) -> bool | None:
    return True if thing["spec"].get("suspend") else None


def _later(server: FakeKube, ready: object, act: object) -> threading.Thread:
    """``act`` once ``ready`` holds, in a thread that the test joins."""

    def run() -> None:
        end = time.monotonic() + 20
        while not ready() and time.monotonic() < end:  # type: ignore[operator]
            time.sleep(0.01)
        act(server)  # type: ignore[operator]

    thread = threading.Thread(target=run, name="later")
    thread.start()
    return thread
