"""The fake API server is as strict as the real one: it holds KubeRay's whole schemas, rules and widths too."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.kube.fake_api.server import FakeKube
from tests.kube.fake_api.store import Refusal
from tests.kube.world import NAMESPACE, ray_job, ray_service


def _workers(service: Any) -> Any:
    return service["spec"]["rayClusterConfig"]["workerGroupSpecs"][0]


def _twice_the_first_container(service: Any) -> None:
    containers = _workers(service)["template"]["spec"]["containers"]
    containers.append(dict(containers[0]))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda service: service["spec"].update(managedBy="somebody"), "must be either"),
        (lambda service: _workers(service).update(maxReplicas=2**31), "greater than the maximum"),
        (_twice_the_first_container, "two entries"),
    ],
    ids=["a rule in CEL", "an integer of 33 bits", "two items of one key"],
)
def test_a_service_is_refused_with(kube: FakeKube, change: Callable[[Any], None], words: str) -> None:
    service = ray_service()
    change(service)
    with pytest.raises(Refusal, match=words):
        kube.store.create("rayservices", NAMESPACE, service)


def test_a_job_is_refused_by_a_rule_in_cel_and_taken_without_what_breaks_it(kube: FakeKube) -> None:
    job = ray_job()
    job["spec"]["deletionStrategy"] = {}
    with pytest.raises(Refusal, match="requires either BOTH"):
        kube.store.create("rayjobs", NAMESPACE, job)
    kube.store.create("rayjobs", NAMESPACE, ray_job())


def test_what_is_stored_has_its_status_and_the_servers_metadata(kube: FakeKube) -> None:
    kube.store.create("rayservices", NAMESPACE, ray_service())
    told = {"numServeEndpoints": 1}
    kube.store.update("rayservices", NAMESPACE, "farm", lambda now: {**now, "status": told}, part="status")
    stored = kube.store.read("rayservices", NAMESPACE, "farm")
    assert stored["status"] == told
    assert stored["metadata"]["uid"]
