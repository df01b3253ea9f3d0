"""What a notice disabled gets work again when the notice is over, and nothing that others disabled does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from cluster.kube.notices import pass_on
from jobs.errors import Unavailable
from tests.kube.fake_api.server import FakeKube
from tests.kube.world import NAMESPACE, FakeFarm, gateway_of, ray_pod

SPOT, SCALE_DOWN = "aws-node-termination-handler/spot-itn", "ToBeDeletedByClusterAutoscaler"
NODE = "ip-10-0-1-23.ec2.internal"
"""Clouds name machines after their addresses, and give these again."""


class Marked:
    """A node that the farm knows by its own name, and how it changes while somebody watches."""

    def __init__(self, kube: FakeKube) -> None:
        self.kube, self.farm, self.told = kube, FakeFarm(), list[str]()
        self.join()
        self.farm.machine(NODE, busy_ticks=None)

    def join(self, *keys: str) -> None:
        self.kube.store.create("nodes", "", {"metadata": {"name": NODE}, "spec": {"taints": taints(*keys)}})

    def taint(self, *keys: str) -> None:
        self.kube.store.update("nodes", "", NODE, lambda now: {**now, "spec": {**now["spec"], "taints": taints(*keys)}})

    def leave(self) -> None:
        self.kube.store.delete("nodes", "", NODE)

    def watch(self, *meanwhile: Callable[[], None], seconds: float = 2) -> None:
        """``meanwhile``: one of these as each stream of changes begins."""
        left = list(meanwhile)

        def on_call(asked: Any) -> None:
            if asked.verb == "watch" and left:
                left.pop(0)()

        self.kube.on_call = on_call
        pass_on(gateway_of(self.kube), self.farm, for_s=seconds, tell=self.told.append)
        self.kube.on_call = lambda _: None

    @property
    def is_disabled(self) -> bool:
        return bool(self.farm.nodes()[0]["disabled"])


def taints(*keys: str) -> list[dict[str, str]]:
    return [{"key": key, "effect": "NoSchedule"} for key in keys]


@pytest.fixture
def marked(kube: FakeKube) -> Marked:
    return Marked(kube)


def test_while_the_notice_stands_the_machine_gets_no_work(marked: Marked) -> None:
    marked.taint(SPOT)
    marked.watch()
    assert marked.is_disabled
    assert marked.farm.enabled == []


def test_a_scale_down_that_is_called_off_gives_the_machine_work_again(marked: Marked) -> None:
    marked.taint(SCALE_DOWN)
    marked.watch(marked.taint)
    assert [worker for worker, _, _ in marked.farm.drains] == [NODE]
    assert not marked.is_disabled
    assert marked.told[-1] == f"{NODE}: no notice is on it; {NODE} gets work again"


def test_a_node_that_is_deleted_leaves_no_name_disabled(marked: Marked) -> None:
    marked.taint(SPOT)
    marked.watch(marked.leave)
    assert marked.farm.enabled == [NODE]
    assert marked.told[-1] == f"{NODE}: it is gone; {NODE} gets work again"


def test_another_machine_by_the_name_gets_work_though_nobody_watched_when_the_first_one_went(marked: Marked) -> None:
    marked.taint(SPOT)
    marked.watch()
    marked.leave()
    marked.join()
    marked.watch()
    assert not marked.is_disabled


def test_another_machine_by_the_name_that_goes_too_gets_none(marked: Marked) -> None:
    def replaced() -> None:
        with marked.kube.store.changed:
            marked.leave()
            marked.join(SPOT)

    marked.taint(SPOT)
    marked.watch(replaced)
    assert len(marked.farm.drains) == 2
    assert marked.is_disabled


def test_a_second_notice_of_the_same_machine_is_taken_back_as_the_first(marked: Marked) -> None:
    marked.taint(SCALE_DOWN)
    marked.watch(lambda: marked.taint(SCALE_DOWN, SPOT), marked.taint, seconds=3)
    assert [within is None for _, _, within in marked.farm.drains] == [True, False]
    assert not marked.is_disabled


@pytest.mark.parametrize("reason", [None, "Its fan is loud."])
def test_a_machine_that_an_operator_disabled_before_the_notice_stays_so(marked: Marked, reason: str | None) -> None:
    """Its replicas are told one by one, so that the operator's reason stays."""
    marked.farm.disable(NODE, reason=reason)
    marked.taint(SCALE_DOWN)
    marked.watch(marked.taint)
    assert [worker for worker, _, _ in marked.farm.drains] == [f"{NODE}@local"]
    assert (marked.is_disabled, marked.farm.nodes()[0]["reason"]) == (True, reason)


def test_a_machine_that_an_operator_disables_after_the_notice_stays_so(marked: Marked) -> None:
    marked.taint(SCALE_DOWN)

    def repaired() -> None:
        marked.farm.disable(NODE, reason="Its fan is loud.")
        marked.taint()

    marked.watch(repaired)
    assert marked.is_disabled
    assert marked.farm.enabled == []


def test_a_name_that_a_schedule_disables_in_another_cluster_stays_the_schedules(marked: Marked) -> None:
    """The farm enables a machine in all its clusters at once."""
    marked.taint(SCALE_DOWN)
    marked.farm.machine(NODE, cluster="farm-2")

    def scheduled() -> None:
        marked.farm.disable(NODE, reason="At night.", cluster="farm-2")
        marked.taint()

    marked.watch(scheduled)
    assert marked.farm.enabled == []


def test_what_is_taken_back_outlasts_an_outage_of_the_farm(marked: Marked, monkeypatch: pytest.MonkeyPatch) -> None:
    enable, outages = marked.farm.enable, iter(range(3))

    def away(worker: str) -> bool:
        if next(outages, None) is not None:
            raise Unavailable("the farm is away")
        return enable(worker)

    monkeypatch.setattr(marked.farm, "enable", away)
    marked.taint(SPOT)
    marked.watch(marked.leave, seconds=4)
    assert marked.farm.enabled == [NODE]


def test_machines_that_are_known_by_their_pods_get_work_again_too(marked: Marked) -> None:
    marked.kube.store.create("pods", NAMESPACE, ray_pod("worker-1", cluster="farm-1", node=NODE))
    marked.farm.machine("worker-1", busy_ticks=None)
    marked.taint(SCALE_DOWN)
    marked.watch(marked.taint)
    assert sorted(marked.farm.enabled) == [NODE, "worker-1"]
