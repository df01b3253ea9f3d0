"""Every manifest is what its kind's schema says, and nothing more: unknown fields fail."""

from __future__ import annotations

import copy
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.kuberay.crds import crd_schemas
from tests.kuberay.manifests import (
    EVERYTHING,
    KUEUE,
    Document,
    groups,
    of_kind,
    other_schemas,
    pod_templates,
    ray_spec,
    rendered,
    the_service,
)

KUBERNETES = "1.33"
VALIDATE = ("tool", "run", "--from", "kubernetes-validate==1.37.0", "kubernetes-validate")
"""Bundles the schemas of Kubernetes' own kinds, so it needs no server; run by uv, as its dependencies are not ours."""

CUSTOM = {*crd_schemas(), *other_schemas()}


def faults(document: Document) -> list[str]:
    key = (document["apiVersion"], document["kind"])
    return (crd_schemas() | other_schemas())[key].faults(document)


def kubernetes_says(documents: list[Document], folder: Path) -> subprocess.CompletedProcess[str]:
    file = folder / "documents.yaml"
    file.write_text(yaml.safe_dump_all(documents))
    command = [str(Path(sys.executable).parent / "uv"), *VALIDATE, "--strict", "--no-warn", "-k", KUBERNETES, str(file)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("name", EVERYTHING)
def test_custom_kinds_are_what_their_schemas_say(name: str) -> None:
    documents = [each for each in rendered(name) if (each["apiVersion"], each["kind"]) in CUSTOM]
    assert documents or name in ("components/storage-class", "batch/once")
    assert {f"{each['kind']}/{each['metadata']['name']}": found for each in documents if (found := faults(each))} == {}


@pytest.mark.parametrize("name", EVERYTHING)
def test_kubernetes_own_kinds_and_every_pod_are_what_their_schemas_say(name: str, tmp_path: Path) -> None:
    own = [each for each in rendered(name) if (each["apiVersion"], each["kind"]) not in CUSTOM]
    unknown = [f"{each['apiVersion']} {each['kind']}" for each in own if "." in each["apiVersion"].partition("/")[0]]
    assert set(unknown) <= {"networking.k8s.io/v1 NetworkPolicy", "networking.k8s.io/v1 Ingress",
                            "rbac.authorization.k8s.io/v1 Role", "rbac.authorization.k8s.io/v1 ClusterRole",
                            "rbac.authorization.k8s.io/v1 ClusterRoleBinding",
                            "storage.k8s.io/v1 StorageClass"}, "a kind without a schema"  # fmt: skip
    pods = [
        {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": f"pod-{number}"}, "spec": template["spec"]}
        for number, (_, template) in enumerate(pod_templates(name))
    ]
    if not own and not pods:
        return
    done = kubernetes_says([*own, *pods], tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr


def test_each_kind_of_ours_is_among_them() -> None:
    """Nothing is green because it was left out."""
    kinds = {document["kind"] for name in EVERYTHING for document in rendered(name)}
    assert {
        "RayService", "RayJob", "NetworkPolicy", "PodDisruptionBudget", "ServiceAccount", "ExternalSecret", "Gateway",
        "HTTPRoute", "Ingress", "PrometheusRule", "PodMonitor", "Job", "LocalQueue", "ClusterQueue", "Role",
        "ClusterRole", "ClusterRoleBinding", "Deployment", "StorageClass",
    } <= kinds  # fmt: skip


# -- the validator bites ----------------------------------------------------------------------------------------------


def _worker(document: Document) -> Any:
    return ray_spec(document)["workerGroupSpecs"][0]


BREAKAGES: dict[str, tuple[Callable[[Document], Any], str]] = {
    "an unknown field": (lambda d: d["spec"].update(serveConfig="x"), "'serveConfig' was unexpected"),
    "a misspelt one, deep down": (
        lambda d: _worker(d)["template"]["spec"]["containers"][0]["resources"].update(limit={}),
        "'limit' was unexpected",
    ),
    "a misspelt one in the group": (lambda d: _worker(d).update(rayStartParam={}), "'rayStartParam' was unexpected"),
    "text for a number": (lambda d: _worker(d).update(replicas="2"), "'2' is not of type 'integer'"),
    "a number for text": (lambda d: _worker(d)["rayStartParams"].update(port=1), "1 is not of type 'string'"),
    "a number that is too large": (lambda d: _worker(d).update(maxReplicas=2**31), "greater than the maximum"),
    "a value outside of its list": (
        lambda d: ray_spec(d)["autoscalerOptions"].update(version="v3"),
        "'v3' is not one of ['v1', 'v2']",
    ),
    "a required field that lacks": (lambda d: _worker(d).pop("template"), "'template' is a required property"),
    "no quantity": (
        lambda d: _worker(d)["template"]["spec"]["containers"][0]["resources"]["limits"].update(cpu="two"),
        "does not match",
    ),
    "two containers of one name": (
        lambda d: _worker(d)["template"]["spec"]["containers"].append(
            copy.deepcopy(_worker(d)["template"]["spec"]["containers"][0])
        ),
        "two entries with {'name': 'ray-worker'}",
    ),
    "a manager that the rule in CEL forbids": (
        lambda d: d["spec"].update(managedBy="somebody"),
        "must be either 'ray.io/kuberay-operator'",
    ),
    "a status": (lambda d: d.update(status={}), "'status' was unexpected"),
    "a name with capitals": (lambda d: d["metadata"].update(name="Rayfarm"), "does not match"),
}


@pytest.mark.parametrize("name", BREAKAGES)
def test_a_ray_service_is_refused_with(name: str) -> None:
    broken = copy.deepcopy(the_service("overlays/production"))
    change, words = BREAKAGES[name]
    change(broken)
    assert any(words in fault for fault in faults(broken)), faults(broken)


def test_a_ray_job_is_refused_by_each_rule_in_cel() -> None:
    (job,) = of_kind("batch", "RayJob")
    for strategy, words in (
        ({}, "requires either BOTH"),
        ({"onSuccess": {"policy": "DeleteCluster"}}, "requires either BOTH"),
        (
            {
                "onSuccess": {"policy": "DeleteCluster"},
                "onFailure": {"policy": "DeleteCluster"},
                "deletionRules": [{"policy": "DeleteCluster", "condition": {"jobStatus": "FAILED", "ttlSeconds": 1}}],
            },
            "cannot be used together",
        ),
        (
            {
                "deletionRules": [
                    {
                        "policy": "DeleteCluster",
                        "condition": {"jobStatus": "FAILED", "jobDeploymentStatus": "Failed", "ttlSeconds": 1},
                    }
                ]
            },
            "cannot be used together within the same deletion condition",
        ),
        ({"deletionRules": [{"policy": "DeleteCluster", "condition": {"ttlSeconds": 1}}]}, "requires either the"),
    ):
        broken = copy.deepcopy(job)
        broken["spec"]["deletionStrategy"] = strategy
        assert any(words in fault for fault in faults(broken)), (strategy, faults(broken))


def test_defaults_are_filled_in_and_nulls_dropped_before_anything_is_judged() -> None:
    bare = copy.deepcopy(the_service("overlays/production"))
    _worker(bare).pop("maxReplicas")  # required, and has a default
    bare["metadata"]["annotations"] = None
    for _, group in groups(bare):
        group["template"]["metadata"]["annotations"] = None
    bare["metadata"].pop("annotations")
    assert faults(bare) == []


@pytest.mark.parametrize("kind", ["ExternalSecret", "HTTPRoute", "Gateway", "PrometheusRule", "PodMonitor"])
def test_another_custom_kind_is_refused_with_an_unknown_field_and_a_wrong_type(kind: str) -> None:
    document = of_kind("overlays/production", kind)[0]
    unknown, wrong = copy.deepcopy(document), copy.deepcopy(document)
    unknown["spec"]["nonsense"] = 1
    assert any("'nonsense' was unexpected" in fault for fault in faults(unknown))
    wrong["spec"][next(iter(wrong["spec"]))] = 7
    assert any("7 is not of type" in fault for fault in faults(wrong))


def test_a_queue_of_kueue_is_refused_without_its_cluster_queue() -> None:
    broken = copy.deepcopy(of_kind(KUEUE, "LocalQueue")[0])
    broken["spec"] = {}
    assert any("'clusterQueue' is a required property" in fault for fault in faults(broken))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("spec", "podSelectors"), {}),  # unknown
        (("spec", "policyTypes"), "Egress"),  # a wrong type
    ],
    ids=["an unknown field", "a wrong type"],
)
def test_a_network_policy_is_refused_with(path: tuple[str, str], value: object, tmp_path: Path) -> None:
    broken = copy.deepcopy(of_kind("overlays/production", "NetworkPolicy")[0])
    broken[path[0]][path[1]] = value
    done = kubernetes_says([broken], tmp_path)
    assert done.returncode != 0
    assert path[1] in done.stdout + done.stderr
