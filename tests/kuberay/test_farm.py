"""The manifests speak of this farm, its settings, import paths and times: read as the farm and Ray themselves read."""

from __future__ import annotations

import os
import re
import secrets
import shutil
import typing
from collections.abc import Iterator
from datetime import timedelta
from importlib import metadata
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml
from pydantic import BaseModel
from ray.autoscaler._private.kuberay import autoscaling_config
from ray.serve import Application
from ray.serve._private.api import call_user_app_builder_with_args_if_necessary
from ray.serve.schema import ServeDeploySchema

from cluster.batch_settings import BatchSettings
from cluster.composition import open_farm
from cluster.kube.ray_jobs import JOB_LABEL
from cluster.local.settings_check import READ_BY_THE_FARM
from cluster.settings import ClusterSettings
from docs.generate import CLIENT_VARIABLES, SECTIONS, settings_of
from jobs.errors import InvalidSettings
from jobs.limits import FarmLimits
from rayfarm.cli.commands import cluster
from serve_app import deployments
from serve_app.production import api_faults
from serve_app.settings import ApiSettings
from tests.kuberay.manifests import OVERLAYS, ROOT, Document, groups, kustomized, of_kind, ray_spec, the_service

GPU_OVERLAYS = ("overlays/staging", "overlays/production")
KNOWN = {setting.name for owner, _ in SECTIONS for setting in settings_of(owner)} | set(CLIENT_VARIABLES)
OF_OBSERVABILITY = {
    "RAYFARM_TRACES_OTLP_URL", "RAYFARM_LOGS_OTLP_URL", "RAYFARM_RAY_LOGS", "RAYFARM_DASHBOARDS",
    "RAYFARM_PROMETHEUS_URL",
}  # fmt: skip
"""Read by the collector's and Grafana's own files (observability/README.md), not by the farm."""
NAME = re.compile(r"\bRAYFARM_[A-Z0-9_]+")
FOLDERS = ("kuberay", "docker", ".github")


# -- settings ---------------------------------------------------------------------------------------------------------


def texts() -> Iterator[Path]:
    for folder in FOLDERS:
        yield from (path for path in sorted((ROOT / folder).rglob("*")) if path.is_file())


def test_every_variable_is_a_setting_of_the_farm() -> None:
    used = {
        (str(path.relative_to(ROOT)), name)
        for path in texts()
        for name in NAME.findall(path.read_text(errors="replace"))
    }
    assert {name for _, name in used} >= {"RAYFARM_DATABASE_URL", "RAYFARM_CLUSTER_ID", "RAYFARM_STORAGE_URL"}
    assert {(path, name) for path, name in used if name not in KNOWN | OF_OBSERVABILITY} == set()


def environment_of(name: str, group: str) -> dict[str, str]:
    """What a process of the group finds, with secrets as an operator would make them."""
    configs = {each["metadata"]["name"]: each["data"] for each in of_kind(name, "ConfigMap")}
    by_name = dict(groups(the_service(name)))
    (container,) = by_name[group]["template"]["spec"]["containers"]
    made: dict[str, str] = {"RAY_AUTH_MODE": "token"}  # by KubeRay
    for source in container["envFrom"]:
        if "configMapRef" in source:
            made |= configs[source["configMapRef"]["name"]]
        elif not source["secretRef"].get("optional"):
            made |= SECRETS[source["secretRef"]["name"]]
    for variable in container["env"]:
        made[variable["name"]] = variable.get("value", "from-the-pod")
    return made


SECRETS = {
    "rayfarm-database": {
        "RAYFARM_DATABASE_URL": f"postgresql://farm:{secrets.token_hex(24)}@db.example.org/farm?sslmode=verify-full"
    },
    "rayfarm-keys": {
        "RAYFARM_API_TOKEN_KEY": secrets.token_hex(32),
        "RAYFARM_WEBHOOK_KEY": secrets.token_hex(32),
        "RAYFARM_API_PREVIOUS_TOKEN_KEYS": "[]",
        "RAYFARM_WEBHOOK_PREVIOUS_KEYS": "[]",
    },
    "rayfarm-object-store": {
        "RAYFARM_STORAGE_ACCESS_KEY_ID": secrets.token_hex(16),
        "RAYFARM_STORAGE_SECRET_ACCESS_KEY": secrets.token_hex(32),
    },
}


def enter(monkeypatch: pytest.MonkeyPatch, name: str, group: str) -> None:
    for variable in [each for each in os.environ if each.startswith(("RAYFARM_", "RAY_", "FORWARDED_"))]:
        monkeypatch.delenv(variable)
    for variable, value in environment_of(name, group).items():
        monkeypatch.setenv(variable, value)


@pytest.mark.parametrize("name", OVERLAYS)
def test_every_process_can_read_its_settings(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for group, _ in groups(the_service(name)):
        enter(monkeypatch, name, group)
        for path in READ_BY_THE_FARM:
            module, _, owner = path.partition(":")
            getattr(__import__(module, fromlist=[owner]), owner)()


@pytest.mark.parametrize("name", GPU_OVERLAYS)
def test_the_production_profile_finds_no_fault(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for group, _ in groups(the_service(name)):
        enter(monkeypatch, name, group)
        farm = open_farm()  # refuses what leaves a door open
        assert farm.storage is not None
        assert api_faults(ApiSettings()) == []
        assert os.environ["RAYFARM_PROFILE"] == "production"


# -- Serve ------------------------------------------------------------------------------------------------------------


def serve_config(name: str) -> dict[str, Any]:
    config: dict[str, Any] = yaml.safe_load(the_service(name)["spec"]["serveConfigV2"])
    return config


def unknown_keys(model: type[BaseModel], data: object, place: str = "") -> list[str]:
    """Keys that Serve would ignore without a word, as its schema allows newer ones."""
    if not isinstance(data, dict):
        return []
    found = [f"{place}{key}" for key in data if key not in model.model_fields]
    for key, value in data.items():
        if key in model.model_fields:
            inner = next(iter(_models_in(model.model_fields[key].annotation)), None)
            for number, item in enumerate(value if isinstance(value, list) else [value]):
                if inner is not None:
                    found += unknown_keys(inner, item, f"{place}{key}.{number}.")
    return found


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in typing.get_args(annotation):
        yield from _models_in(argument)


@pytest.mark.parametrize("name", OVERLAYS)
def test_serve_takes_its_configuration_and_ignores_none_of_it(name: str) -> None:
    config = serve_config(name)
    ServeDeploySchema.model_validate(config)
    assert unknown_keys(ServeDeploySchema, config) == []


def test_a_misspelt_key_of_serve_would_be_found() -> None:
    config = serve_config("overlays/production")
    config["applications"][0]["deployments"][0]["ray_actor_options"]["num_cpu"] = 1
    config["http_option"] = {}
    assert unknown_keys(ServeDeploySchema, config) == [
        "http_option",
        "applications.0.deployments.0.ray_actor_options.0.num_cpu",
    ]


@pytest.mark.parametrize("name", OVERLAYS)
def test_each_import_path_builds_its_application(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    enter(monkeypatch, name, "control")
    applications = {each["name"]: each for each in serve_config(name)["applications"]}
    assert set(applications) == {deployments.API, deployments.DISPATCHER, deployments.RENDERER}
    for application in applications.values():
        module, _, attribute = application["import_path"].partition(":")
        builder = getattr(__import__(module, fromlist=[attribute]), attribute)
        built = call_user_app_builder_with_args_if_necessary(builder, application.get("args", {}))
        assert isinstance(built, Application)
        for deployment in application.get("deployments", []):
            assert deployment["name"] == built._bound_deployment.name
        with pytest.raises(InvalidSettings):
            call_user_app_builder_with_args_if_necessary(builder, {"gpus": 1})


@pytest.mark.parametrize("name", OVERLAYS)
def test_a_replica_asks_for_what_its_pods_have(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """As Ray's autoscaler reads the groups: else nothing would ever start for what waits."""
    enter(monkeypatch, name, "control")
    node_types = node_types_of(the_service(name))
    renderer = deployments.serve_renderer({})._bound_deployment.ray_actor_options
    asked = {"GPU": renderer["num_gpus"], **renderer["resources"]}
    renderers = [key for key, each in node_types.items() if each["resources"].get("render_slot")]
    for key in renderers:
        resources = node_types[key]["resources"]
        assert {what: resources.get(what, 0) for what in asked} == asked, key  # one replica fills one pod
        assert resources["CPU"] == 0, "tasks would keep a card's pod alive"
    settings = ClusterSettings()
    assert sum(node_types[key]["max_workers"] for key in renderers) == settings.max_replicas
    for application in serve_config(name)["applications"]:
        for deployment in application.get("deployments", []):
            options = deployment["ray_actor_options"]
            assert set(options["resources"]) == {"control_slot"}
            assert options["num_cpus"] == 0
            assert deployment["num_replicas"] <= node_types["control"]["min_workers"]
    slots = [d["ray_actor_options"]["resources"]["control_slot"] for a in serve_config(name)["applications"]
             for d in a.get("deployments", [])]  # fmt: skip
    assert sum(slots) <= 1
    assert node_types["headgroup"]["resources"]["CPU"] == 0


def node_types_of(service: Document) -> dict[str, Any]:
    cluster = {
        "apiVersion": "ray.io/v1",
        "kind": "RayCluster",
        "metadata": {"name": "rayfarm-x", "namespace": "n"},
        "spec": ray_spec(service),
    }
    derived = autoscaling_config._derive_autoscaling_config_from_ray_cr(cluster)
    types: dict[str, Any] = derived["available_node_types"]
    return types


def test_spot_is_preferred_to_on_demand_and_both_begin_at_none() -> None:
    node_types = node_types_of(the_service("overlays/production"))
    spot, on_demand = node_types["gpu-spot"], node_types["gpu-on-demand"]
    assert spot["priority"] > on_demand["priority"]
    assert spot["labels"]["ray.io/market-type"] == "spot"
    assert [spot["min_workers"], on_demand["min_workers"]] == [0, 0]


@pytest.mark.parametrize("name", [*OVERLAYS, "batch"])
def test_ray_has_the_version_that_is_in_the_images(name: str) -> None:
    (document,) = [*of_kind(name, "RayService"), *of_kind(name, "RayJob")]
    assert ray_spec(document)["rayVersion"] == metadata.version("ray")


# -- times ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", OVERLAYS)
def test_whoever_renders_may_end_its_frame(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Longest frame < what a replica drains < what Ray drains < what Kubernetes waits; the old cluster stays too."""
    service = the_service(name)
    enter(monkeypatch, name, "control")
    frame, drain = FarmLimits().max_frame_timeout, ClusterSettings().drain_timeout
    assert frame < drain
    assert drain < timedelta(seconds=service["spec"]["rayClusterDeletionDelaySeconds"])
    for group, spec in groups(service):
        if group == "head":
            continue
        grace = timedelta(seconds=spec["template"]["spec"]["terminationGracePeriodSeconds"])
        environment = environment_of(name, group)
        if "RAY_GRACEFUL_SHUTDOWN_DRAIN_TIMEOUT_S" in environment:
            assert timedelta(seconds=float(environment["RAY_GRACEFUL_SHUTDOWN_DRAIN_TIMEOUT_S"])) < grace, group
        if group in ("gpu-on-demand", "cpu"):
            assert drain < timedelta(seconds=float(environment["RAY_GRACEFUL_SHUTDOWN_DRAIN_TIMEOUT_S"])), group
        if group == "gpu-spot":
            assert grace <= timedelta(seconds=120), "a spot notice leaves no more"


# -- jobs -------------------------------------------------------------------------------------------------------------


def test_the_batch_driver_reads_its_file() -> None:
    from cluster.batch import read_spec

    spec = read_spec(ROOT / "kuberay" / "batch" / "render.yaml")
    assert spec.frames == "1-250"


def test_the_small_ray_of_a_batch_render_ends_with_it() -> None:
    """KubeRay keeps the cluster, and not only the RayJob, for the time to live."""
    (job,) = of_kind("batch", "RayJob")
    assert (job["spec"]["shutdownAfterJobFinishes"], job["spec"]["ttlSecondsAfterFinished"]) == (True, 0)


def test_the_batch_driver_is_called_as_its_ray_job_is_also_after_a_suspension(tmp_path: Path) -> None:
    copied = shutil.copytree(ROOT / "kuberay" / "batch", tmp_path / "batch")
    file = copied / "kustomization.yaml"
    file.write_text(f"namePrefix: second-\n{file.read_text()}")
    (job,) = [each for each in kustomized(copied) if each["kind"] == "RayJob"]
    template = ray_spec(job)["headGroupSpec"]["template"]
    assert job["metadata"]["name"] == template["metadata"]["labels"][JOB_LABEL] == "second-rayfarm-batch"
    (told,) = [each for each in template["spec"]["containers"][0]["env"] if each["name"] == "RAYFARM_BATCH_IDENTITY"]
    assert told["valueFrom"]["fieldRef"]["fieldPath"] == f"metadata.labels['{JOB_LABEL}']"
    assert "identity" in BatchSettings.model_fields


@pytest.mark.parametrize("name", OVERLAYS)
def test_programs_that_pods_run_are_there(name: str) -> None:
    head = dict(groups(the_service(name)))["head"]["template"]["spec"]
    (job,) = [each for each in of_kind(name, "Job") if each["metadata"]["name"] == "rayfarm-migrate"]
    commands = [head["initContainers"][0]["command"], job["spec"]["template"]["spec"]["containers"][0]["command"]]
    for command in commands:
        assert command[:2] == ["python", "-m"]
        assert (ROOT / command[2].replace(".", "/")).with_suffix(".py").exists()


@pytest.mark.parametrize("name", GPU_OVERLAYS)
def test_spot_notices_are_passed_on_by_a_command_that_is_there(name: str) -> None:
    (deployment,) = of_kind(name, "Deployment")
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    program, group, command = container["command"]
    assert (program, group) == ("rayfarm", "cluster")
    assert command in [each.name for each in cluster.registered_commands]
    assert deployment["spec"]["replicas"] == 1


@pytest.mark.parametrize("name", GPU_OVERLAYS)
def test_spot_notices_reach_the_api_by_a_service_of_ours_before_in_and_after_an_upgrade(name: str) -> None:
    """KubeRay names its own after the RayCluster, which nobody knows beforehand, where upgrades are incremental."""
    (deployment,) = of_kind(name, "Deployment")
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    (url,) = [each["value"] for each in container["env"] if each["name"] == "RAYFARM_URL"]
    asked = urlsplit(url)
    (service,) = [each["spec"] for each in of_kind(name, "Service") if each["metadata"]["name"] == asked.hostname]
    (port,) = [each["targetPort"] for each in service["ports"] if each["port"] == asked.port]
    assert port == serve_config(name)["http_options"]["port"]
    selected = {
        group
        for group, spec in groups(the_service(name))
        if service["selector"].items() <= spec["template"]["metadata"]["labels"].items()
    }
    assert selected == {"control"}
    policies = {each["metadata"]["name"]: each["spec"] for each in of_kind(name, "NetworkPolicy")}
    (allowed,) = policies["rayfarm-notices"]["egress"][1]["to"]
    assert allowed == {"podSelector": {"matchLabels": service["selector"]}}
