"""What KubeRay 1.7's operator refuses beyond its CRDs (ray-operator/controllers/ray/utils/validation.go at v1.7.0).

It would say so in an event of an object that was taken, and start nothing.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable

import pytest
from packaging.version import Version

from tests.kuberay.manifests import EVERYTHING, Document, groups, of_kind, ray_spec, the_service

OF_GROUPS = {"num-cpus", "num-gpus", "memory", "resources"}
SET_BY_KUBERAY = {
    "RAY_REDIS_ADDRESS", "REDIS_PASSWORD", "REDIS_USERNAME", "RAY_GCS_STORAGE", "RAY_GCS_STORAGE_PATH",
    "RAY_AUTH_MODE", "RAY_AUTH_TOKEN", "RAY_enable_autoscaler_v2",
}  # fmt: skip
BEHIND_GATES = ("networkPolicy", "tlsOptions", "historyServerOptions")
"""Alpha in 1.7.0: refused unless the operator was started with their gates. So is RocksDB, whose component says so."""


def operator_faults(document: Document) -> list[str]:
    spec = ray_spec(document)
    version = Version(spec["rayVersion"])
    is_v2 = (
        spec.get("enableInTreeAutoscaling", False) and spec.get("autoscalerOptions", {}).get("version", "v2") == "v2"
    )
    found = [f"{name} is behind a gate" for name in BEHIND_GATES if name in spec]
    for name, group in groups(document):
        found += _group_faults(name, group, is_v2=is_v2, version=version)
    found += _gcs_faults(spec.get("gcsFaultToleranceOptions"))
    if spec.get("authOptions", {}).get("mode") != "token" or not spec["authOptions"].get("secretName"):
        found.append("no token: the mode must be written out, with its secret")
    if version < Version("2.52.0"):
        found.append("tokens need Ray 2.52")
    ports = [port["name"] for port in spec["headGroupSpec"]["template"]["spec"]["containers"][0]["ports"]]
    if document["kind"] == "RayService":
        found += _upgrade_faults(document["spec"].get("upgradeStrategy", {}), spec)
        if "serve" not in ports:
            found.append("the head names no port `serve`")
    else:
        if document["spec"].get("suspend") and not document["spec"].get("shutdownAfterJobFinishes"):
            found.append("a job that is not shut down cannot be suspended")
        if document["spec"].get("submissionMode") == "SidecarMode" and "submitterPodTemplate" in document["spec"]:
            found.append("no submitter beside a sidecar")
    return found


def _group_faults(name: str, group: Document, *, is_v2: bool, version: Version) -> list[str]:
    found = []
    parameters, resources = group.get("rayStartParams", {}), group.get("resources", {})
    if resources and OF_GROUPS & set(parameters):
        found.append(f"{name}: resources in both places")
    if "labels" in parameters:
        found.append(f"{name}: labels in rayStartParams")
    for key, value in group.get("labels", {}).items():
        if not re.fullmatch(
            r"([a-z0-9.-]{1,253}/)?[A-Za-z0-9]([-_.A-Za-z0-9]{0,61}[A-Za-z0-9])?", key
        ) or not re.fullmatch(r"([A-Za-z0-9]([-_.A-Za-z0-9]{0,61}[A-Za-z0-9])?)?", value):
            found.append(f"{name}: no label {key}={value}")
    if group.get("minReplicas", 0) > group.get("maxReplicas", 2**31):
        found.append(f"{name}: more at least than at most")
    if group.get("priority") and (not is_v2 or version < Version("2.56.0")):
        found.append(f"{name}: priority needs the autoscaler v2 of Ray 2.56")
    if "idleTimeoutSeconds" in group and not is_v2:
        found.append(f"{name}: its own idle timeout needs the autoscaler v2")
    if is_v2 and group["template"]["spec"].get("restartPolicy", "Never") != "Never":
        found.append(f"{name}: the autoscaler v2 restarts no pod")
    names = {variable["name"] for each in group["template"]["spec"]["containers"] for variable in each.get("env", [])}
    found += [f"{name}: {variable} is KubeRay's to set" for variable in sorted(names & SET_BY_KUBERAY)]
    return found


def _gcs_faults(options: Document | None) -> list[str]:
    if options is None:
        return []
    if options.get("backend", "redis") == "redis":
        return ["Redis has no storage"] if "storage" in options else []
    of_redis = {"redisAddress", "redisUsername", "redisPassword", "externalStorageNamespace"} & set(options)
    storage = options.get("storage", {})
    both = "claimName" in storage and {"size", "storageClassName", "accessModes"} & set(storage)
    return [f"RocksDB has no {name}" for name in sorted(of_redis)] + (["a claim and its size"] if both else [])


def _upgrade_faults(strategy: Document, spec: Document) -> list[str]:
    if strategy.get("type", "NewCluster") not in ("NewCluster", "NewClusterWithIncrementalUpgrade", "None"):
        return [f"no strategy {strategy['type']}"]
    if strategy.get("type") != "NewClusterWithIncrementalUpgrade":
        return []
    options = strategy.get("clusterUpgradeOptions")
    if not spec.get("enableInTreeAutoscaling") or not options:
        return ["an incremental upgrade needs the autoscaler and its options"]
    surge, step = options.get("maxSurgePercent", 100), options["stepSizePercent"]
    if not 0 <= step <= surge <= 100 or options["intervalSeconds"] <= 0 or not options["gatewayClassName"]:
        return ["no such steps"]
    return []


@pytest.mark.parametrize("name", EVERYTHING)
def test_the_operator_takes_it(name: str) -> None:
    assert {
        document["metadata"]["name"]: found
        for kind in ("RayService", "RayJob")
        for document in of_kind(name, kind)
        if (found := operator_faults(document))
    } == {}


BREAKAGES: dict[str, tuple[Callable[[Document, Document], object], str]] = {
    "resources twice": (
        lambda d, s: s["workerGroupSpecs"][0]["rayStartParams"].update({"num-cpus": "1"}),
        "resources in both places",
    ),
    "a token by default": (lambda d, s: s["authOptions"].pop("mode"), "no token"),
    "a gated field": (lambda d, s: s.update(networkPolicy={"mode": "DenyAll"}), "behind a gate"),
    "an old Ray": (lambda d, s: s.update(rayVersion="2.51.0"), "tokens need"),
    "priority without v2": (lambda d, s: s["autoscalerOptions"].update(version="v1"), "priority needs"),
    "a pod that restarts": (
        lambda d, s: s["workerGroupSpecs"][0]["template"]["spec"].update(restartPolicy="Always"),
        "restarts no pod",
    ),
    "steps over the surge": (
        lambda d, s: d["spec"]["upgradeStrategy"]["clusterUpgradeOptions"].update(maxSurgePercent=10),
        "no such steps",
    ),
    "two stores": (lambda d, s: s["gcsFaultToleranceOptions"].update(backend="rocksdb"), "RocksDB has no redisAddress"),
    "a variable of KubeRay's": (
        lambda d, s: s["headGroupSpec"]["template"]["spec"]["containers"][0]["env"].append(
            {"name": "RAY_REDIS_ADDRESS", "value": "x"}
        ),
        "KubeRay's to set",
    ),
}


@pytest.mark.parametrize("name", BREAKAGES)
def test_it_refuses(name: str) -> None:
    broken = copy.deepcopy(the_service("overlays/production"))
    change, words = BREAKAGES[name]
    change(broken, ray_spec(broken))
    assert any(words in fault for fault in operator_faults(broken)), operator_faults(broken)
