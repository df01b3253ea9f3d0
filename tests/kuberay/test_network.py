"""Who may reach whom: default-deny holds for every pod, and what the farm needs is open."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator

import pytest
import yaml

from tests.kuberay.manifests import EVERYTHING, KUBERAY, OVERLAYS, Document, of_kind, pod_templates, rendered

GPU_OVERLAYS = ("overlays/staging", "overlays/production")

METADATA = ("169.254.169.254", "169.254.170.2", "fd00:ec2::254")
"""Credentials of the node, or of its container agent, for whoever asks."""

NEEDS = {
    # component: (component or outside, port)
    "head": [("head", 6379), ("control", 10002), ("dns", 53), ("database", 5432), ("kubernetes", 443)],
    "control": [("head", 6379), ("renderer", 10002), ("dns", 53), ("database", 5432),
                ("internet", 443), ("internet", 587), ("internet", 465)],
    "tasks": [("head", 6379), ("dns", 53), ("database", 5432)],
    "renderer": [("head", 6379), ("control", 10002), ("dns", 53), ("database", 5432)],
    "migrate": [("dns", 53), ("database", 5432)],
}  # fmt: skip
IN_A_CLOUD = [
    ("control", "storage", 443), ("tasks", "storage", 443), ("renderer", "storage", 443), ("control", "endpoints", 443),
]  # fmt: skip
MUST_NOT = {
    "head": [("internet", 443), ("storage", 443), ("endpoints", 443)],
    "control": [("kubernetes", 443), ("internet", 22), ("internet", 25), ("endpoints", 22)],
    "renderer": [
        ("kubernetes", 443), ("internet", 443), ("internet", 587), ("internet", 80), ("endpoints", 443),
        ("storage", 80),
    ],
    "tasks": [("kubernetes", 443), ("internet", 443), ("internet", 465), ("endpoints", 443)],
    "migrate": [("internet", 443), ("head", 6379), ("kubernetes", 443), ("storage", 443)],
}  # fmt: skip
POLICY_OF = {
    "database": "rayfarm-to-database",
    "kubernetes": "rayfarm-to-kubernetes-api",
    "storage": "rayfarm-to-storage",
    "endpoints": "rayfarm-to-endpoints",
}
"""The policy that names the networks of each."""


def selects(selector: Document, labels: dict[str, str]) -> bool:
    if any(labels.get(key) != value for key, value in selector.get("matchLabels", {}).items()):
        return False
    for rule in selector.get("matchExpressions", []):
        assert rule["operator"] == "In", "teach this test the operator"
        if labels.get(rule["key"]) not in rule["values"]:
            return False
    return True


def labels_of(template: Document) -> dict[str, str]:
    return template["metadata"]["labels"]


def policies_of(documents: Iterable[Document], labels: dict[str, str]) -> list[Document]:
    return [
        each["spec"]
        for each in documents
        if each["kind"] == "NetworkPolicy" and selects(each["spec"]["podSelector"], labels)
    ]


def components(name: str) -> dict[str, dict[str, str]]:
    found = {}
    for _, template in pod_templates(name):
        labels = labels_of(template)
        found[labels.get("app.kubernetes.io/component", labels["app.kubernetes.io/name"])] = labels
    return found


ANYWHERE = ({"cidr": "0.0.0.0/0"}, {"cidr": "::/0"})


def open_blocks(documents: Iterable[Document], labels: dict[str, str]) -> Iterator[tuple[Document, int | None]]:
    """(ipBlock, port) that a pod may reach; None: every port. No `to`, and an empty one, is everything."""
    for policy in policies_of(documents, labels):
        for rule in policy.get("egress", []):
            blocks = [peer["ipBlock"] for peer in rule["to"] if "ipBlock" in peer] if rule.get("to") else ANYWHERE
            ports = [port["port"] for port in rule["ports"]] if rule.get("ports") else [None]
            yield from ((block, port) for block in blocks for port in ports)


def may_reach_address(documents: Iterable[Document], labels: dict[str, str], address: str, port: int | None) -> bool:
    wanted = ipaddress.ip_address(address)
    for block, open_port in open_blocks(documents, labels):
        if port is not None and open_port not in (port, None):
            continue
        inside = wanted in ipaddress.ip_network(block["cidr"])
        if inside and not any(wanted in ipaddress.ip_network(each) for each in block.get("except", [])):
            return True
    return False


def may_reach_pod(documents: Iterable[Document], source: dict[str, str], target: dict[str, str], port: int) -> bool:
    """Both ends must allow it."""

    def allowed(rules: list[Document], side: str, other: dict[str, str]) -> bool:
        return any(
            selects(peer["podSelector"], other)
            for rule in rules
            if "ports" not in rule or port in [each["port"] for each in rule["ports"]]
            for peer in rule.get(side, [])
            if "podSelector" in peer and "namespaceSelector" not in peer
        )

    documents = list(documents)
    out = [rule for policy in policies_of(documents, source) for rule in policy.get("egress", [])]
    into = [rule for policy in policies_of(documents, target) for rule in policy.get("ingress", [])]
    return allowed(out, "to", target) and allowed(into, "from", source)


def may_ask_dns(documents: Iterable[Document], labels: dict[str, str]) -> bool:
    return any(
        peer.get("podSelector", {}).get("matchLabels") == {"k8s-app": "kube-dns"}
        for policy in policies_of(documents, labels)
        for rule in policy.get("egress", [])
        if {53} == {port["port"] for port in rule.get("ports", [])}
        for peer in rule["to"]
    )


def peers_of(name: str, policy: str) -> list[Document]:
    (found,) = [each for each in of_kind(name, "NetworkPolicy") if each["metadata"]["name"] == policy]
    peers: list[Document] = found["spec"]["egress"][0]["to"]
    return peers


def reaches(name: str, component: str, target: str, port: int) -> bool:
    """All of the target's networks, where it has several."""
    documents, labels = rendered(name), components(name)
    if target == "dns":
        return may_ask_dns(documents, labels[component])
    if target == "internet":
        return may_reach_address(documents, labels[component], "9.9.9.9", port)
    if target not in POLICY_OF:
        return may_reach_pod(documents, labels[component], labels[target], port)
    for peer in peers_of(name, POLICY_OF[target]):
        if "podSelector" in peer:
            reached = may_reach_pod(documents, labels[component], peer["podSelector"]["matchLabels"], port)
        else:
            address = str(ipaddress.ip_network(peer["ipBlock"]["cidr"])[-1])
            reached = may_reach_address(documents, labels[component], address, port)
        if not reached:
            return False
    return True


@pytest.mark.parametrize("name", [*OVERLAYS, "batch"])
def test_every_pod_is_under_a_policy_of_both_directions(name: str) -> None:
    for who, template in pod_templates(name):
        types = {kind for policy in policies_of(rendered(name), labels_of(template)) for kind in policy["policyTypes"]}
        assert types == {"Ingress", "Egress"}, who


@pytest.mark.parametrize("name", OVERLAYS)
def test_what_nothing_names_is_denied(name: str) -> None:
    (deny,) = [each for each in of_kind(name, "NetworkPolicy") if each["metadata"]["name"] == "rayfarm-deny-all"]
    assert deny["spec"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}


@pytest.mark.parametrize("name", EVERYTHING)
def test_every_rule_names_its_peers_as_an_empty_list_of_them_is_everybody(name: str) -> None:
    for policy in of_kind(name, "NetworkPolicy"):
        for side, peers in (("egress", "to"), ("ingress", "from")):
            for rule in policy["spec"].get(side, []):
                assert rule.get(peers), policy["metadata"]["name"]


@pytest.mark.parametrize("name", EVERYTHING)
@pytest.mark.parametrize("address", METADATA)
def test_nobody_reaches_the_clouds_metadata(name: str, address: str) -> None:
    for who, template in pod_templates(name):
        assert not may_reach_address(rendered(name), labels_of(template), address, None), who


@pytest.mark.parametrize("name", OVERLAYS)
@pytest.mark.parametrize(
    ("component", "target", "port"), [(who, *need) for who, needs in NEEDS.items() for need in needs]
)
def test_what_the_farm_needs_is_open(name: str, component: str, target: str, port: int) -> None:
    assert reaches(name, component, target, port)


@pytest.mark.parametrize("name", GPU_OVERLAYS)
@pytest.mark.parametrize(
    ("component", "target", "port"), [(who, *need) for who, needs in MUST_NOT.items() for need in needs]
)
def test_and_no_more(name: str, component: str, target: str, port: int) -> None:
    assert not reaches(name, component, target, port)


@pytest.mark.parametrize("name", GPU_OVERLAYS)
def test_who_watches_for_spot_notices_reaches_the_two_apis_and_nothing_else(name: str) -> None:
    for target, port in (("dns", 53), ("kubernetes", 443), ("control", 8000)):
        assert reaches(name, "notices", target, port), target
    for target, port in (("internet", 443), ("database", 5432), ("head", 6379), ("control", 10002), ("renderer", 8000)):
        assert not reaches(name, "notices", target, port), target
    labels = components(name)
    assert not [who for who in labels if may_reach_pod(rendered(name), labels[who], labels["notices"], 8000)]


@pytest.mark.parametrize("name", GPU_OVERLAYS)
@pytest.mark.parametrize(("component", "target", "port"), IN_A_CLOUD)
def test_what_the_farm_needs_of_its_cloud_is_open(name: str, component: str, target: str, port: int) -> None:
    assert reaches(name, component, target, port)


@pytest.mark.parametrize("name", GPU_OVERLAYS)
def test_where_scenes_run_the_world_is_storage_alone(name: str) -> None:
    storage = [peer["ipBlock"]["cidr"] for peer in peers_of(name, "rayfarm-to-storage")]
    assert storage
    for component in ("tasks", "renderer"):
        blocks = [
            block["cidr"]
            for block, _ in open_blocks(rendered(name), components(name)[component])
            if ipaddress.ip_network(block["cidr"]).num_addresses > 1  # the agent of Pod Identity is one address
        ]
        assert set(blocks) == {*storage, *(peer["ipBlock"]["cidr"] for peer in peers_of(name, "rayfarm-to-database"))}


@pytest.mark.parametrize("name", GPU_OVERLAYS)
def test_the_autoscaler_reaches_kubernetes_by_the_services_address_and_by_the_control_planes(name: str) -> None:
    """Pods ask the service; the VPC CNI judges that address, other networks the one behind it."""
    (site,) = [
        each for each in yaml.safe_load_all((KUBERAY / name / "site.yaml").read_text()) if each["kind"] == "ConfigMap"
    ]
    wanted = [site["data"]["kubernetesApiCidr"], site["data"]["kubernetesServiceCidr"]]
    assert [peer["ipBlock"]["cidr"] for peer in peers_of(name, "rayfarm-to-kubernetes-api")] == wanted


@pytest.mark.parametrize("name", GPU_OVERLAYS)
def test_redis_is_reached_by_the_head_alone(name: str) -> None:
    documents, labels = rendered(name), components(name)
    redis = str(ipaddress.ip_network(peers_of(name, "rayfarm-to-redis")[0]["ipBlock"]["cidr"])[5])
    able = {who for who in labels if may_reach_address(documents, labels[who], redis, 6379)}
    assert able == {"head"}


@pytest.mark.parametrize("name", GPU_OVERLAYS)
def test_serve_is_reached_by_the_gateway_of_kuberay_and_the_dashboard_by_the_operator_alone(name: str) -> None:
    gateway = {"gateway.networking.k8s.io/gateway-name": "rayfarm-gateway"}
    labels = components(name)
    assert {who for who in labels if may_reach_pod(rendered(name), gateway, labels[who], 8000)} == {"control"}
    assert not may_reach_pod(rendered(name), gateway, labels["head"], 8265)
    assert not may_reach_pod(rendered(name), gateway, labels["head"], 6379)


def test_a_hole_would_be_found() -> None:
    labels = {"app": "x"}
    hole = {
        "kind": "NetworkPolicy",
        "spec": {
            "podSelector": {},
            "policyTypes": ["Egress"],
            "egress": [{"to": [{"ipBlock": {"cidr": "0.0.0.0/0"}}], "ports": [{"port": 80}]}],
        },
    }
    assert may_reach_address([hole], labels, METADATA[0], None)
    assert not may_reach_address([hole], labels, METADATA[0], 443)


@pytest.mark.parametrize("rule", [{"to": []}, {}, {"to": [], "ports": [{"port": 443}]}])
def test_a_rule_without_peers_is_a_hole(rule: Document) -> None:
    """As a site without private endpoints once had it."""
    hole = {"kind": "NetworkPolicy", "spec": {"podSelector": {}, "policyTypes": ["Egress"], "egress": [rule]}}
    assert may_reach_address([hole], {"app": "x"}, METADATA[0], 443)
    assert may_reach_address([hole], {"app": "x"}, METADATA[2], 443)
    assert may_reach_address([hole], {"app": "x"}, METADATA[0], 80) == ("ports" not in rule)
