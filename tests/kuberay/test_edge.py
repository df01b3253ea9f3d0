"""The way of a client's request: from the edge to the control pods, and through nothing else."""

from __future__ import annotations

import pytest
import yaml

from tests.kuberay.manifests import OVERLAYS, Document, groups, of_kind, the_service

BEHIND_A_GATEWAY = ("overlays/staging", "overlays/production", "staging with a Gateway")
WITH_OUR_GATEWAY = ("overlays/production", "staging with a Gateway")


def gateway(name: str, called: str) -> Document:
    (found,) = [each for each in of_kind(name, "Gateway") if each["metadata"]["name"] == called]
    return found


@pytest.mark.parametrize("name", BEHIND_A_GATEWAY)
def test_the_plain_gateway_of_kuberay_has_no_load_balancer_and_is_as_kuberay_would_make_it(name: str) -> None:
    """It compares class and listeners (ray-operator/controllers/ray/utils/util.go, IsGatewayEqual, at v1.7.0)."""
    service = the_service(name)
    found = gateway(name, f"{service['metadata']['name']}-gateway")
    assert found["metadata"]["annotations"]["networking.istio.io/service-type"] == "ClusterIP"
    options = service["spec"]["upgradeStrategy"]["clusterUpgradeOptions"]
    assert found["spec"] == {
        "gatewayClassName": options["gatewayClassName"],
        "listeners": [{"name": "http", "protocol": "HTTP", "port": 80}],
    }


@pytest.mark.parametrize("name", WITH_OUR_GATEWAY)
def test_the_edge_sees_the_clients_own_address_so_that_a_forged_one_is_not_believed(name: str) -> None:
    reference = gateway(name, "rayfarm-edge")["spec"]["infrastructure"]["parametersRef"]
    assert (reference["group"], reference["kind"]) == ("", "ConfigMap")
    (config,) = [each for each in of_kind(name, "ConfigMap") if each["metadata"]["name"] == reference["name"]]
    assert yaml.safe_load(config["data"]["service"]) == {"spec": {"externalTrafficPolicy": "Local"}}


@pytest.mark.parametrize("name", OVERLAYS)
def test_no_client_passes_through_a_pod_that_opens_scenes(name: str) -> None:
    """KubeRay labels every worker for its Serve service (BuildPod of common/pod.go, 1.7); who is not ready is left out.

    A condition of our own keeps them so, and their probe still tells how they are.
    """
    for group, spec in groups(the_service(name)):
        gates = [each["conditionType"] for each in spec["template"]["spec"].get("readinessGates", [])]
        takes_clients = spec["template"]["metadata"]["labels"]["app.kubernetes.io/component"] in ("head", "control")
        assert gates == ([] if takes_clients else ["rayfarm.io/takes-clients"]), group


@pytest.mark.parametrize("name", OVERLAYS)
def test_a_lost_node_leaves_a_control_pod_of_the_cluster_that_serves(name: str) -> None:
    """Budgets count both clusters of an upgrade; the spread counts each by itself."""
    control = dict(groups(the_service(name)))["control"]["template"]["spec"]
    (by_node,) = [
        each for each in control["topologySpreadConstraints"] if each["topologyKey"] == "kubernetes.io/hostname"
    ]
    assert by_node["whenUnsatisfiable"] == "DoNotSchedule"
    assert by_node["matchLabelKeys"] == ["ray.io/cluster"]
    assert by_node["nodeTaintsPolicy"] == "Honor", "a node that is emptied would hold its successor up"
    assert "minDomains" not in by_node, "a farm on one node would not start"


def test_volumes_of_the_class_for_eks_are_encrypted_and_claims_find_it_unasked() -> None:
    (found,) = of_kind("components/storage-class", "StorageClass")
    assert found["parameters"]["encrypted"] == "true"
    assert found["metadata"]["annotations"]["storageclass.kubernetes.io/is-default-class"] == "true"
    assert found["volumeBindingMode"] == "WaitForFirstConsumer"


@pytest.mark.parametrize("name", OVERLAYS)
def test_whoever_only_looks_changes_nothing(name: str) -> None:
    (viewer,) = [each for each in of_kind(name, "Role") if each["metadata"]["name"] == "rayfarm-viewer"]
    assert {verb for rule in viewer["rules"] for verb in rule["verbs"]} <= {"get", "list"}
