"""Bounds of worker groups: changed where they were read, whoever else writes the object."""

from __future__ import annotations

from typing import Any

import pytest

from cluster.kube.errors import ObjectAbsent, Outdated
from cluster.kube.gateway import Kind, KubeGateway
from cluster.kube.scaling import scale
from cluster.kube.views import Group, find_target, view_of
from jobs.errors import InvalidInput, NotFound
from tests.kube.fake_api.server import Asked, FakeKube, Fault
from tests.kube.fake_api.store import Json
from tests.kube.world import NAMESPACE, QUICK, Operator, cluster_spec, ray_service


@pytest.fixture
def service(kube: FakeKube) -> Json:
    Operator(kube).start()
    return kube.store.create("rayservices", NAMESPACE, ray_service())


def groups(kube: FakeKube) -> list[Json]:
    config = kube.store.read("rayservices", NAMESPACE, "farm")["spec"]["rayClusterConfig"]
    return list(config["workerGroupSpecs"])


def running(kube: FakeKube, name: str = "farm-1") -> list[Json]:
    """The groups of a RayCluster: what Ray's autoscaler goes by."""
    return list(kube.store.read("rayclusters", NAMESPACE, name)["spec"]["workerGroupSpecs"])


def rewrite_running(kube: FakeKube, **values: int) -> None:
    """The autoscaler's write, or somebody's, of the spot group of the cluster that runs."""

    def make(now: Json) -> Json:
        now["spec"]["workerGroupSpecs"][1].update(values)
        return now

    kube.store.update("rayclusters", NAMESPACE, "farm-1", make)


def rewrite(kube: FakeKube, change: Any) -> None:
    """Somebody else's write of the groups."""

    def make(now: Json) -> Json:
        change(now["spec"]["rayClusterConfig"]["workerGroupSpecs"])
        return now

    kube.store.update("rayservices", NAMESPACE, "farm", make)


def before_each_patch(kube: FakeKube, act: Any, *, times: int) -> None:
    left = [times]

    def on_call(asked: Asked) -> None:
        if asked.verb == "patch" and left[0]:
            left[0] -= 1
            act()

    kube.on_call = on_call


def test_the_bounds_of_one_group_change_and_nothing_else(service: Json, kube: FakeKube, gateway: KubeGateway) -> None:
    done = scale(gateway, group="spot", maximum=20, minimum=1)
    assert (done.before.maximum, done.after, done.observed) == (8, Group("spot", 0, 1, 20), True)
    expected = service["spec"]["rayClusterConfig"]["workerGroupSpecs"]
    expected[1] |= {"maxReplicas": 20, "minReplicas": 1}
    assert groups(kube) == expected
    assert running(kube) == expected
    assert done.clusters == ("farm-1",)
    assert [each.content_type for each in kube.asked if each.verb == "patch"] == ["application/json-patch+json"] * 2


def test_the_cluster_that_runs_and_the_one_that_is_prepared_get_the_bounds(
    service: Json, kube: FakeKube, gateway: KubeGateway
) -> None:
    """KubeRay copies bounds to no cluster that is there already."""
    kube.store.reactions.clear()
    Operator(kube, never_ready=True, made=1).start()

    def upgraded(now: Json) -> Json:
        return {**now, "spec": {**now["spec"], "rayClusterConfig": cluster_spec("rayfarm-renderer:2")}}

    kube.store.update("rayservices", NAMESPACE, "farm", upgraded)
    assert scale(gateway, group="spot", maximum=20, minimum=None).clusters == ("farm-1", "farm-2")
    assert [running(kube, name)[1]["maxReplicas"] for name in ("farm-1", "farm-2")] == [20, 20]


def test_a_cluster_that_was_left_behind_gets_the_bounds_that_its_service_has(
    service: Json, kube: FakeKube, gateway: KubeGateway
) -> None:
    rewrite(kube, lambda listed: listed[1].update(maxReplicas=20))
    done = scale(gateway, group="spot", maximum=20, minimum=None)
    assert (done.before.maximum, done.changed, running(kube)[1]["maxReplicas"]) == (8, True, 20)


def test_a_cluster_whose_bounds_somebody_changes_before_every_try_is_told_beside_its_service(
    service: Json, kube: FakeKube, gateway: KubeGateway
) -> None:
    numbers = iter(range(100, 200))

    def on_call(asked: Asked) -> None:
        if (asked.verb, asked.resource) == ("patch", "rayclusters"):
            rewrite_running(kube, maxReplicas=next(numbers))

    kube.on_call = on_call
    with pytest.raises(Outdated, match="farm has the new bounds; its cluster farm-1"):
        scale(gateway, group="spot", maximum=20, minimum=None)
    kube.on_call = lambda _: None
    assert scale(gateway, group="spot", maximum=20, minimum=None).changed
    assert running(kube)[1]["maxReplicas"] == 20


def test_a_group_that_moved_meanwhile_is_found_again_and_the_other_one_is_not_scaled(
    service: Json, kube: FakeKube, gateway: KubeGateway
) -> None:
    rewrite(kube, lambda listed: listed[0].update(maxReplicas=8))  # as the other one: its name alone tells them apart
    before_each_patch(kube, lambda: rewrite(kube, lambda listed: listed.reverse()), times=1)
    scale(gateway, group="spot", maximum=20, minimum=None)
    assert {each["groupName"]: each["maxReplicas"] for each in groups(kube)} == {"spot": 20, "on-demand": 8}
    assert kube.calls("patch", "rayservices") == 2


def test_what_the_autoscaler_writes_beside_it_is_no_conflict(
    service: Json, kube: FakeKube, gateway: KubeGateway
) -> None:
    before_each_patch(kube, lambda: rewrite_running(kube, replicas=5), times=2)
    scale(gateway, group="spot", maximum=20, minimum=None)
    assert (running(kube)[1]["maxReplicas"], running(kube)[1]["replicas"]) == (20, 5)
    assert kube.calls("patch", "rayclusters") == 1


def test_a_bound_that_changes_before_every_try_is_told_after_the_last(
    service: Json, kube: FakeKube, gateway: KubeGateway
) -> None:
    numbers = iter(range(100, 200))
    before_each_patch(kube, lambda: rewrite(kube, lambda g: g[1].update(maxReplicas=next(numbers))), times=99)
    with pytest.raises(Outdated, match="nothing was changed in farm"):
        scale(gateway, group="spot", maximum=20, minimum=None)
    assert kube.calls("patch", "rayservices") == QUICK.conflict_tries


def test_a_patch_whose_answer_was_lost_is_not_done_twice_and_still_told_right(
    service: Json, kube: FakeKube, gateway: KubeGateway
) -> None:
    kube.faults.append(Fault("PATCH", "rayservices", done=True))
    done = scale(gateway, group="spot", maximum=20, minimum=None)
    assert (done.before.maximum, done.after.maximum, done.changed) == (8, 20, True)
    assert kube.store.read("rayservices", NAMESPACE, "farm")["metadata"]["generation"] == 2


def test_bounds_that_are_so_already_ask_for_no_change(service: Json, kube: FakeKube, gateway: KubeGateway) -> None:
    assert not scale(gateway, group="spot", maximum=8, minimum=None).changed
    assert kube.calls("patch", "rayservices") + kube.calls("patch", "rayclusters") == 0


def test_a_smaller_maximum_says_how_many_workers_are_over(service: Json, kube: FakeKube, gateway: KubeGateway) -> None:
    rewrite_running(kube, replicas=6)  # the autoscaler writes the cluster, never the service
    assert scale(gateway, group="spot", maximum=2, minimum=None).over == 4


def test_an_operator_that_does_not_see_it_is_told_not_waited_for_for_ever(kube: FakeKube, gateway: KubeGateway) -> None:
    kube.store.create("rayservices", NAMESPACE, ray_service())
    gateway.settings = QUICK.model_copy(update={"observed_within": QUICK.watch_for})
    assert scale(gateway, group="spot", maximum=20, minimum=None).observed is False


def test_a_cluster_that_no_service_owns_is_scaled_itself(kube: FakeKube, gateway: KubeGateway) -> None:
    kube.store.create("rayclusters", NAMESPACE, {"metadata": {"name": "alone"}, "spec": cluster_spec()})
    gateway.settings = QUICK.model_copy(update={"observed_within": QUICK.watch_for})
    assert scale(gateway, group="spot", maximum=20, minimum=None).target == "alone"
    found = kube.store.read("rayclusters", NAMESPACE, "alone")["spec"]["workerGroupSpecs"]
    assert [each["maxReplicas"] for each in found] == [2, 20]


def test_a_group_that_is_not_there_is_answered_with_those_that_are(service: Json, gateway: KubeGateway) -> None:
    with pytest.raises(NotFound) as told:
        scale(gateway, group="gpu", maximum=1, minimum=None)
    assert told.value.remedy == "There are: on-demand, spot."


def test_a_minimum_above_the_maximum_is_refused_before_anything_is_asked(
    service: Json, kube: FakeKube, gateway: KubeGateway
) -> None:
    with pytest.raises(InvalidInput, match="9 to 8"):
        scale(gateway, group="spot", maximum=None, minimum=9)
    assert kube.calls("patch", "rayservices") == 0


def test_two_services_have_to_be_told_apart_by_name(service: Json, kube: FakeKube, gateway: KubeGateway) -> None:
    kube.store.create("rayservices", NAMESPACE, ray_service("other"))
    with pytest.raises(ObjectAbsent, match="several: farm, other"):
        find_target(gateway, None)
    kind, thing = find_target(gateway, "other")
    assert (kind, thing["metadata"]["name"]) == (Kind.SERVICE, "other")


def test_a_status_of_before_the_last_change_is_not_taken_for_current(kube: FakeKube, gateway: KubeGateway) -> None:
    operator = Operator(kube).start()
    kube.store.create("rayservices", NAMESPACE, ray_service())
    seen = view_of(Kind.SERVICE, gateway.get(Kind.SERVICE, "farm"))
    assert (seen.is_current, seen.active, seen.holds("Ready")) == (True, "farm-1", True)
    operator.is_lazy = True
    rewrite(kube, lambda listed: listed[1].update(maxReplicas=9))
    late = view_of(Kind.SERVICE, gateway.get(Kind.SERVICE, "farm"))
    assert (late.is_current, late.generation, late.observed) == (False, 2, 1)
