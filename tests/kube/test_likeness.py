"""Specifications that say the same in other words, and those that only look alike."""

from __future__ import annotations

import copy

import pytest

from cluster.kube.likeness import are_like, are_of_one_cluster
from tests.kube.fake_api.store import Json
from tests.kube.world import cluster_spec


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"limits": {"cpu": "1000m"}}, {"limits": {"cpu": "1"}}),
        ({"limits": {"memory": "1024Mi"}}, {"limits": {"memory": "1Gi"}}),
        ({"cpu": 1}, {"cpu": "1"}),
        ({"name": "ray"}, {"name": "ray", "resources": {}, "env": [], "metadata": {"creationTimestamp": None}}),
    ],
)
def test_what_an_operator_in_go_writes_back_is_the_same(one: Json, other: Json) -> None:
    assert are_like(one, other)
    assert are_like(other, one)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"limits": {"cpu": "100m"}}, {"limits": {"cpu": "100M"}}),
        ({"automountServiceAccountToken": False}, {}),
        ({"groups": [{"name": "a"}, {}]}, {"groups": [{"name": "a"}]}),
        ({"replicas": 0}, {}),
        ({"groups": ["a", "b"]}, {"groups": ["b", "a"]}),
    ],
)
def test_what_means_something_else_is_not(one: Json, other: Json) -> None:
    assert not are_like(one, other)


def test_what_kuberays_hash_leaves_out_makes_no_other_cluster() -> None:
    other = copy.deepcopy(cluster_spec())
    other |= {"upgradeStrategy": {"type": "Recreate"}, "suspend": True}
    other["headGroupSpec"]["template"]["spec"]["schedulingGates"] = [{"name": "kueue"}]
    group = other["workerGroupSpecs"][1]
    group |= {"replicas": 7, "minReplicas": 1, "maxReplicas": 9, "scaleStrategy": {"workersToDelete": ["a"]}}
    group["template"]["spec"]["tolerations"] = [{"operator": "Exists"}]
    assert are_of_one_cluster(cluster_spec(), other)


@pytest.mark.parametrize("name", ["idleTimeoutSeconds", "numOfHosts"])
def test_and_what_it_counts_does(name: str) -> None:
    other = copy.deepcopy(cluster_spec())
    other["workerGroupSpecs"][1][name] = 300
    assert not are_of_one_cluster(cluster_spec(), other)
