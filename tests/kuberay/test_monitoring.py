"""Prometheus finds every pod of the farm and has its alerts: by what its operator loads, and by what pods are."""

from __future__ import annotations

import re

import pytest
import yaml

from observability.write import HERE
from tests.kuberay.manifests import Document, groups, of_kind, the_service
from tests.kuberay.test_network import components, policies_of, selects

WATCHED = ("overlays/staging", "overlays/production")


def monitored(name: str) -> dict[str, set[tuple[str, int]]]:
    """Component to the (port's name, port) of it that some PodMonitor scrapes."""
    found: dict[str, set[tuple[str, int]]] = {}
    for group, spec in groups(the_service(name)):
        template = spec["template"]
        labels = template["metadata"]["labels"]
        ports = {
            port["name"]: port["containerPort"] for each in template["spec"]["containers"] for port in each["ports"]
        }
        for monitor in of_kind(name, "PodMonitor"):
            if selects(monitor["spec"]["selector"], labels):
                asked = {endpoint["port"] for endpoint in monitor["spec"]["podMetricsEndpoints"]}
                assert asked <= set(ports), f"{group} has no such port"
                found.setdefault(labels["app.kubernetes.io/component"], set()).update((p, ports[p]) for p in asked)
    return found


@pytest.mark.parametrize("name", WATCHED)
def test_every_pod_of_ray_is_scraped_and_the_head_on_all_its_ports(name: str) -> None:
    """By the pods: KubeRay's service of the head asks for a label that ours replace, and selects none."""
    found = monitored(name)
    assert {port for port, _ in found["head"]} == {"metrics", "as-metrics", "dash-metrics"}
    assert set(found) == {"head", "control", "tasks", "renderer"}
    assert of_kind(name, "ServiceMonitor") == []


@pytest.mark.parametrize("name", WATCHED)
def test_the_job_of_every_target_is_its_ray_cluster_as_the_alerts_ask(name: str) -> None:
    assert {monitor["spec"]["jobLabel"] for monitor in of_kind(name, "PodMonitor")} == {"ray.io/cluster"}


@pytest.mark.parametrize("name", WATCHED)
@pytest.mark.parametrize(
    ("namespace", "pod", "may"),
    [
        ("monitoring", "prometheus", True),
        ("observability", "prometheus", True),
        ("observability", "opentelemetry-collector", True),
        ("monitoring", "something-else", False),
        ("default", "prometheus", False),
    ],
)
def test_whoever_watches_reaches_each_port_that_is_scraped(name: str, namespace: str, pod: str, may: bool) -> None:
    for component, ports in monitored(name).items():
        admitted: set[int] = set()
        for policy in policies_of(of_kind(name, "NetworkPolicy"), components(name)[component]):
            for rule in policy.get("ingress", []):
                if any(_is(peer, namespace, pod) for peer in rule.get("from", [])):
                    admitted |= {port["port"] for port in rule["ports"]}
        assert ({number for _, number in ports} <= admitted) == may, component


def _is(peer: Document, namespace: str, pod: str) -> bool:
    return "namespaceSelector" in peer and (
        selects(peer["namespaceSelector"], {"kubernetes.io/metadata.name": namespace})
        and selects(peer["podSelector"], {"app.kubernetes.io/name": pod})
    )


@pytest.mark.parametrize("name", WATCHED)
def test_the_operator_loads_every_rule_that_prometheus_would_read_from_files(name: str) -> None:
    (rule,) = of_kind(name, "PrometheusRule")
    of_files = [
        group
        for file in ("rayfarm-recording.yaml", "rayfarm-alerts.yaml")
        for group in yaml.safe_load((HERE / "prometheus" / "rules" / file).read_text())["groups"]
    ]
    assert rule["spec"]["groups"] == of_files
    alerts = [each["alert"] for group in of_files for each in group["rules"] if "alert" in each]
    assert len(alerts) > 20
    assert all(re.fullmatch(r"[A-Z]\w+", alert) for alert in alerts)
