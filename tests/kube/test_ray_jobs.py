"""RayJobs of tenants: submitted once, followed to a verdict, suspended and resumed."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from cluster.kube.errors import KubeRefused, NotInTime
from cluster.kube.gateway import KubeGateway
from cluster.kube.ray_jobs import LONGEST_NAME, follow, name_for, resume, submit, suspend
from jobs.errors import Conflict, InvalidInput
from tests.kube.fake_api.server import FakeKube, Fault
from tests.kube.world import NAMESPACE, ray_job


def tell_status(kube: FakeKube, name: str, **status: Any) -> None:
    kube.store.update("rayjobs", NAMESPACE, name, lambda now: {**now, "status": status}, part="status")


def submitted(gateway: KubeGateway, **options: Any) -> str:
    return submit(gateway, ray_job(), **{"tenant": "acme", "key": "shot-10", **options})[0]


def test_a_submit_that_is_given_again_finds_the_job_that_there_is(kube: FakeKube, gateway: KubeGateway) -> None:
    name, is_new = submit(gateway, ray_job(), tenant="acme", key="shot-10")
    assert (submit(gateway, ray_job(), tenant="acme", key="shot-10"), is_new) == ((name, False), True)
    [only] = kube.store.all("rayjobs", NAMESPACE)
    assert only["metadata"]["labels"]["rayfarm.dev/tenant"] == "acme"


def test_a_submit_whose_answer_was_lost_makes_one_job(kube: FakeKube, gateway: KubeGateway) -> None:
    kube.faults.append(Fault("POST", "rayjobs", done=True))
    submitted(gateway)
    assert len(kube.store.all("rayjobs", NAMESPACE)) == 1


def test_a_key_that_was_used_for_another_job_is_refused(gateway: KubeGateway) -> None:
    submitted(gateway)
    other = ray_job()
    other["spec"]["entrypoint"] = "python -m serve_app.batch render other.yaml"
    with pytest.raises(Conflict, match="another RayJob"):
        submit(gateway, other, tenant="acme", key="shot-10")


def test_two_tenants_may_use_the_same_key(kube: FakeKube, gateway: KubeGateway) -> None:
    assert submitted(gateway) != submitted(gateway, tenant="umbrella")


def test_a_tenants_cluster_ends_with_its_job(kube: FakeKube, gateway: KubeGateway) -> None:
    """KubeRay keeps the cluster, and not only the object, for the time to live."""
    spec = kube.store.read("rayjobs", NAMESPACE, submitted(gateway))["spec"]
    assert (spec["shutdownAfterJobFinishes"], spec["ttlSecondsAfterFinished"], spec["backoffLimit"]) == (True, 0, 0)


def test_a_cluster_stays_for_as_long_as_the_manifest_says(kube: FakeKube, gateway: KubeGateway) -> None:
    job = ray_job()
    job["spec"]["ttlSecondsAfterFinished"] = 600
    name, _ = submit(gateway, job, tenant="acme", key="shot-10")
    assert kube.store.read("rayjobs", NAMESPACE, name)["spec"]["ttlSecondsAfterFinished"] == 600


def test_its_driver_reads_one_name_from_its_pod_however_often_its_cluster_is_made(
    kube: FakeKube, gateway: KubeGateway
) -> None:
    names = [submitted(gateway), submitted(gateway, key="shot-20")]
    for name in names:
        head = kube.store.read("rayjobs", NAMESPACE, name)["spec"]["rayClusterSpec"]["headGroupSpec"]
        assert head["template"]["metadata"]["labels"]["rayfarm.dev/rayjob"] == name
    assert len(set(names)) == 2


def test_a_job_on_somebody_elses_cluster_is_refused(gateway: KubeGateway) -> None:
    shared = ray_job()
    shared["spec"]["clusterSelector"] = {"ray.io/cluster": "farm-1"}
    with pytest.raises(InvalidInput, match="own cluster"):
        submit(gateway, shared, tenant="acme", key="x")


def test_a_misspelt_field_of_a_job_is_refused(gateway: KubeGateway) -> None:
    wrong = ray_job()
    wrong["spec"]["entryPoint"] = "true"
    with pytest.raises(KubeRefused, match=r"spec\.entryPoint"):
        submit(gateway, wrong, tenant="acme", key="x")


@pytest.mark.parametrize("tenant", ["", "Acme", "a_b", "-a", "a" * 21])
def test_a_tenant_that_makes_no_name_is_refused(tenant: str) -> None:
    with pytest.raises(InvalidInput):
        name_for(tenant, "key")


def test_the_longest_name_is_one_that_kuberay_takes() -> None:
    assert len(name_for("a" * 20, "key")) <= LONGEST_NAME


@pytest.mark.parametrize(
    ("status", "succeeded", "reason"),
    [
        ({"jobDeploymentStatus": "Complete", "jobStatus": "SUCCEEDED"}, True, "SUCCEEDED"),
        ({"jobDeploymentStatus": "Failed", "jobStatus": "FAILED", "reason": "AppFailed"}, False, "AppFailed"),
        (
            {"jobDeploymentStatus": "Failed", "jobStatus": "RUNNING", "reason": "DeadlineExceeded"},
            False,
            "DeadlineExceeded",
        ),
        ({"jobDeploymentStatus": "ValidationFailed", "reason": "ValidationFailed"}, False, "ValidationFailed"),
        ({"jobDeploymentStatus": "Complete", "jobStatus": "STOPPED"}, False, "STOPPED"),
    ],
)
def test_the_verdict_follows_from_what_kuberay_says(
    kube: FakeKube, gateway: KubeGateway, status: dict[str, str], succeeded: bool, reason: str
) -> None:
    name = submitted(gateway)
    tell_status(kube, name, **status)
    ended = follow(gateway, name, within=timedelta(seconds=5), tell=lambda _: None)
    assert (ended.succeeded, ended.reason) == (succeeded, reason)


def test_following_tells_each_state_once_and_lasts_over_a_suspension(kube: FakeKube, gateway: KubeGateway) -> None:
    name = submitted(gateway)
    states = iter([("Initializing", ""), ("Running", "RUNNING"), ("Suspended", ""), ("Complete", "SUCCEEDED")])
    told: list[str] = []

    def on_call(asked: Any) -> None:
        if asked.verb == "watch" and (state := next(states, None)):
            tell_status(kube, name, jobDeploymentStatus=state[0], jobStatus=state[1])

    kube.on_call = on_call
    assert follow(gateway, name, within=timedelta(seconds=20), tell=told.append).succeeded
    expected = ["Initializing", "Running, RUNNING", "Suspended", "Complete, SUCCEEDED"]
    assert told == [f"{name}: {words}" for words in expected]


def test_following_ends_at_its_limit_and_the_job_does_not(kube: FakeKube, gateway: KubeGateway) -> None:
    name = submitted(gateway)
    tell_status(kube, name, jobDeploymentStatus="Running", jobStatus="RUNNING")
    with pytest.raises(NotInTime):
        follow(gateway, name, within=timedelta(seconds=1), tell=lambda _: None)
    assert kube.store.read("rayjobs", NAMESPACE, name)["status"]["jobStatus"] == "RUNNING"


def test_a_job_that_is_deleted_while_followed_is_told(kube: FakeKube, gateway: KubeGateway) -> None:
    name = submitted(gateway)

    def on_call(asked: Any) -> None:
        if asked.verb == "watch":
            kube.on_call = lambda _: None
            kube.store.delete("rayjobs", NAMESPACE, name)

    kube.on_call = on_call
    with pytest.raises(NotInTime, match="deleted"):
        follow(gateway, name, within=timedelta(seconds=20), tell=lambda _: None)


def test_suspend_and_resume_change_that_field_alone_and_only_where_it_differs(
    kube: FakeKube, gateway: KubeGateway
) -> None:
    name = submitted(gateway)
    before = kube.store.read("rayjobs", NAMESPACE, name)["spec"]
    suspend(gateway, name)
    suspend(gateway, name)
    assert kube.store.read("rayjobs", NAMESPACE, name)["spec"] == {**before, "suspend": True}
    assert kube.calls("patch", "rayjobs") == 1
    resume(gateway, name)
    assert kube.store.read("rayjobs", NAMESPACE, name)["spec"]["suspend"] is False


def test_a_job_that_is_over_is_neither_suspended_nor_resumed(kube: FakeKube, gateway: KubeGateway) -> None:
    name = submitted(gateway)
    tell_status(kube, name, jobDeploymentStatus="Complete", jobStatus="SUCCEEDED")
    for command in (suspend, resume):
        with pytest.raises(Conflict, match="is over"):
            command(gateway, name)
