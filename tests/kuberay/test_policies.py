"""What a careful cluster asks of every object, whoever wrote it: no root, no room for more rights, no open end."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator

import pytest
import yaml
from ray.autoscaler._private.kuberay import node_provider

from tests.kuberay.manifests import (
    EVERYTHING,
    KUBERAY,
    OVERLAYS,
    ROOT,
    Document,
    containers,
    groups,
    of_kind,
    pod_templates,
    ray_spec,
    rendered,
    the_service,
)

SHARED_WITH_OTHERS = (
    "overlays/staging",
    "overlays/production",
    "production with RocksDB",
    "staging with a Gateway",
    "batch",
)
WATCHED = ("overlays/staging", "overlays/production", "production with RocksDB", "staging with a Gateway")
"""Farms with spot groups."""
DIGEST = re.compile(r"[a-z0-9.-]+(:\d+)?(/[a-z0-9._-]+)+@sha256:[0-9a-f]{64}")
TAGGED = re.compile(r"[a-z0-9./-]+:(?!latest$)[\w.-]+")
SECRETISH = re.compile(r"password|secret|token|_key$|api_key|database_url", re.IGNORECASE)


def pod_faults(who: str, template: Document) -> Iterator[str]:
    spec = template["spec"]
    security = spec.get("securityContext", {})
    if security.get("runAsNonRoot") is not True or security.get("runAsUser", 0) == 0:
        yield f"{who}: may be root"
    if security.get("seccompProfile", {}).get("type") not in ("RuntimeDefault", "Localhost"):
        yield f"{who}: no seccomp profile"
    for name in ("hostNetwork", "hostPID", "hostIPC", "shareProcessNamespace"):
        if spec.get(name):
            yield f"{who}: {name}"
    if "automountServiceAccountToken" not in spec:
        yield f"{who}: does not say whether it has a token of the API server"
    for volume in spec.get("volumes", []):
        if "hostPath" in volume:
            yield f"{who}: the node's own files ({volume['name']})"
    for container in containers(template):
        yield from container_faults(f"{who}/{container['name']}", container)


def container_faults(who: str, container: Document) -> Iterator[str]:
    security = container.get("securityContext", {})
    if security.get("allowPrivilegeEscalation") is not False or security.get("privileged"):
        yield f"{who}: may gain rights"
    if security.get("capabilities") != {"drop": ["ALL"]}:
        yield f"{who}: keeps capabilities"
    if security.get("readOnlyRootFilesystem") is not True:
        yield f"{who}: writes its image"
    resources = container.get("resources", {})
    for name in ("cpu", "memory"):
        if name not in resources.get("limits", {}) or name not in resources.get("requests", {}):
            yield f"{who}: no bounds for {name}"
    for variable in container.get("env", []):
        if SECRETISH.search(variable["name"]) and "value" in variable:
            yield f"{who}: {variable['name']} is written out"


@pytest.mark.parametrize("name", EVERYTHING)
def test_no_pod_may_do_more_than_it_needs(name: str) -> None:
    assert [fault for who, template in pod_templates(name) for fault in pod_faults(who, template)] == []


@pytest.mark.parametrize("name", EVERYTHING)
def test_the_autoscaler_that_kuberay_adds_is_held_as_tightly(name: str) -> None:
    for document in of_kind(name, "RayService"):
        options = ray_spec(document)["autoscalerOptions"]
        assert list(container_faults("autoscaler", options)) == []
        assert {"name": "tmp", "mountPath": "/tmp"} in options["volumeMounts"]


@pytest.mark.parametrize("name", SHARED_WITH_OTHERS)
def test_images_are_pinned_by_digest(name: str) -> None:
    images = {container["image"] for _, template in pod_templates(name) for container in containers(template)}
    assert images
    assert [image for image in images if not DIGEST.fullmatch(image)] == []


def test_images_of_the_dev_overlay_have_a_tag() -> None:
    images = {container["image"] for _, template in pod_templates("overlays/dev") for container in containers(template)}
    assert [image for image in images if not TAGGED.fullmatch(image)] == []


@pytest.mark.parametrize("name", EVERYTHING)
def test_no_secret_is_in_a_manifest(name: str) -> None:
    assert of_kind(name, "Secret") == []
    for config in of_kind(name, "ConfigMap"):
        assert [key for key in config["data"] if SECRETISH.search(key)] == []


def of_the_whole_cluster(name: str) -> list[Document]:
    return [*of_kind(name, "ClusterRole"), *of_kind(name, "ClusterRoleBinding")]


@pytest.mark.parametrize("name", EVERYTHING)
def test_rights_are_named_one_by_one(name: str) -> None:
    for role in (*of_kind(name, "Role"), *of_kind(name, "ClusterRole")):
        for rule in role["rules"]:
            assert "*" not in [*rule["apiGroups"], *rule["resources"], *rule["verbs"]]
            assert not {"secrets", "pods/exec"} & set(rule["resources"])


@pytest.mark.parametrize("name", EVERYTHING)
def test_only_who_watches_for_spot_notices_has_a_right_on_the_whole_cluster_and_it_is_that_of_the_page(
    name: str,
) -> None:
    """And under a name of its farm: two farms on one cluster would take each other's away."""
    if name not in WATCHED:
        assert of_the_whole_cluster(name) == []
        return
    role, binding = of_the_whole_cluster(name)
    (namespace,) = of_kind(name, "Namespace")
    farm = namespace["metadata"]["name"]
    assert role["metadata"]["name"] == binding["metadata"]["name"] == f"rayfarm-notices.{farm}"
    assert role["rules"] == rules_on_the_page("rayfarm-notices")
    assert binding["roleRef"]["name"] == role["metadata"]["name"]
    assert binding["subjects"] == [{"kind": "ServiceAccount", "name": "rayfarm-notices", "namespace": farm}]


def rules_on_the_page(role: str) -> list[Document]:
    page = (ROOT / "docs" / "operations" / "cluster-commands.md").read_text()
    found = [yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", page, flags=re.DOTALL)]
    (rules,) = [each["rules"] for each in found if each["metadata"]["name"] == role]
    return list(rules)


API_TOKEN = "/var/run/secrets/kubernetes.io/serviceaccount"


def token_volumes(template: Document) -> set[str]:
    return {
        volume["name"]
        for volume in template["spec"].get("volumes", [])
        for source in volume.get("projected", {}).get("sources", [])
        if "serviceAccountToken" in source
    }


@pytest.mark.parametrize("name", EVERYTHING)
def test_the_autoscaler_alone_has_a_token_of_the_api_server(name: str) -> None:
    """It may change pods. Whoever has Ray's token, as renderers have, can run programs in ray-head's container.

    Who watches nodes has one too, and runs nothing of Ray's.
    """
    for who, template in pod_templates(name):
        watches = (name in WATCHED, who) == (True, "Deployment/rayfarm-notices")
        assert template["spec"]["automountServiceAccountToken"] is watches, who
        with_token = [
            container["name"]
            for container in containers(template)
            for mount in container.get("volumeMounts", [])
            if mount["name"] in token_volumes(template) or mount["mountPath"].startswith("/var/run/secrets")
        ]
        assert with_token == [], who
        assert who == "RayService/rayfarm/head" or not token_volumes(template), who
    assert all(each["automountServiceAccountToken"] is False for each in of_kind(name, "ServiceAccount"))


@pytest.mark.parametrize("name", OVERLAYS)
def test_the_autoscaler_finds_its_token_where_ray_looks_for_it(name: str) -> None:
    service = the_service(name)
    head = dict(groups(service))["head"]["template"]
    (volume,) = [each for each in head["spec"]["volumes"] if each["name"] in token_volumes(head)]
    mounts = {each["mountPath"]: each["name"] for each in ray_spec(service)["autoscalerOptions"]["volumeMounts"]}
    assert mounts[API_TOKEN] == volume["name"]
    files = {
        item["path"]
        for source in volume["projected"]["sources"]
        for each in source.values()
        for item in each.get("items", [each])
    }
    for wanted in (node_provider.IN_CLUSTER_TOKEN_PATH, node_provider.IN_CLUSTER_CA_CERT_PATH):
        folder, _, file = wanted.rpartition("/")
        assert (folder, file in files) == (API_TOKEN, True)
    assert "namespace" in files
    accounts = {template["spec"].get("serviceAccountName") for _, template in pod_templates(name)} - {None}
    assert accounts <= {each["metadata"]["name"] for each in of_kind(name, "ServiceAccount")}


@pytest.mark.parametrize("name", OVERLAYS)
def test_the_namespace_refuses_pods_that_ask_for_more(name: str) -> None:
    (namespace,) = of_kind(name, "Namespace")
    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    elsewhere = {
        f"{each['kind']}/{each['metadata']['name']}"
        for each in rendered(name)
        if each["kind"] not in ("Namespace", "ClusterRole", "ClusterRoleBinding")
        and each["metadata"].get("namespace") != namespace["metadata"]["name"]
    }
    assert elsewhere == set()


@pytest.mark.parametrize("name", OVERLAYS)
def test_budgets_are_of_the_form_that_pods_of_a_ray_cluster_allow(name: str) -> None:
    """Their owner has no scale subresource: percentages and ``maxUnavailable`` would never be counted."""
    budgets = of_kind(name, "PodDisruptionBudget")
    assert {each["metadata"]["name"] for each in budgets} == {"rayfarm-head", "rayfarm-control"}
    for budget in budgets:
        assert isinstance(budget["spec"]["minAvailable"], int)
        assert "maxUnavailable" not in budget["spec"]


@pytest.mark.parametrize("name", EVERYTHING)
def test_nothing_of_an_example_is_left(name: str) -> None:
    text = str(rendered(name))
    assert "192.0.2." not in text
    assert "PREFIX/" not in text


SIGNING = {"RAYFARM_API_TOKEN_KEY", "RAYFARM_WEBHOOK_KEY"}
OF_LOOPS = ("RAYFARM_INTAKE_", "RAYFARM_MAIL_", "RAYFARM_STRIPE_")
LOOPS_ONLY = {"rayfarm-keys", "rayfarm-loops"}


def env_sources(group: Document) -> list[tuple[str, str]]:
    """(kind of reference, name) of what the group's container is given whole."""
    return [
        (kind, reference["name"])
        for each in group["template"]["spec"]["containers"][0]["envFrom"]
        for kind, reference in each.items()
    ]


@pytest.mark.parametrize("name", OVERLAYS)
def test_secrets_that_sign_and_those_of_mail_and_payment_reach_the_control_pods_alone(name: str) -> None:
    configs = {each["metadata"]["name"]: each["data"] for each in of_kind(name, "ConfigMap")}
    for group_name, group in groups(the_service(name)):
        sources = env_sources(group)
        of_secrets = {source for kind, source in sources if kind == "secretRef"}
        assert of_secrets & LOOPS_ONLY == (LOOPS_ONLY if group_name == "control" else set()), group_name
        settings = {key for kind, source in sources if kind == "configMapRef" for key in configs[source]}
        assert any(key.startswith(OF_LOOPS) for key in settings) == (group_name == "control"), group_name


def test_secrets_that_sign_reach_no_container_of_compose_that_renders() -> None:
    services = yaml.safe_load((KUBERAY.parent / "docker" / "docker-compose.yml").read_text())["services"]
    with_keys = {name for name, each in services.items() if SIGNING & set(each.get("environment", {}))}
    assert with_keys == {"api", "deploy"}
    assert all(set(services[name]["environment"]) >= SIGNING for name in with_keys)


def test_a_farm_without_mail_or_payment_starts_without_their_secret() -> None:
    control = dict(groups(the_service("overlays/production")))["control"]
    (reference,) = [
        each["secretRef"]
        for each in control["template"]["spec"]["containers"][0]["envFrom"]
        if each.get("secretRef", {}).get("name") == "rayfarm-loops"
    ]
    assert reference["optional"] is True


@pytest.mark.parametrize("name", ["overlays/staging", "overlays/production"])
def test_a_key_can_be_changed_as_the_one_before_is_still_given(name: str) -> None:
    (keys,) = [each for each in of_kind(name, "ExternalSecret") if each["metadata"]["name"] == "rayfarm-keys"]
    given = {each["secretKey"] for each in keys["spec"]["data"]}
    assert given == SIGNING | {"RAYFARM_API_PREVIOUS_TOKEN_KEYS", "RAYFARM_WEBHOOK_PREVIOUS_KEYS"}
    made = (KUBERAY / "overlays" / "dev" / "make-secrets").read_text()
    assert all(f"{key}=" in made for key in given)


@pytest.mark.parametrize("name", ["overlays/staging", "overlays/production"])
def test_every_secret_of_the_store_is_of_this_farm(name: str) -> None:
    (prefix,) = [
        each["data"]["secretPrefix"]
        for each in yaml.safe_load_all((KUBERAY / name / "site.yaml").read_text())
        if each["kind"] == "ConfigMap"
    ]
    remote = [
        reference["key"]
        for secret in of_kind(name, "ExternalSecret")
        for each in [*secret["spec"].get("data", []), *secret["spec"].get("dataFrom", [])]
        for reference in (each.get("remoteRef") or each["extract"],)
    ]
    assert f"{prefix}/loops" in remote
    assert [key for key in remote if not key.startswith(f"{prefix}/")] == []


BREAKAGES = {
    "may be root": lambda t: t["spec"]["securityContext"].update(runAsUser=0),
    "no seccomp profile": lambda t: t["spec"]["securityContext"].pop("seccompProfile"),
    "hostNetwork": lambda t: t["spec"].update(hostNetwork=True),
    "the node's own files": lambda t: t["spec"]["volumes"].append({"name": "x", "hostPath": {"path": "/"}}),
    "may gain rights": lambda t: t["spec"]["containers"][0]["securityContext"].update(allowPrivilegeEscalation=True),
    "keeps capabilities": lambda t: t["spec"]["containers"][0]["securityContext"].update(capabilities={}),
    "writes its image": lambda t: t["spec"]["containers"][0]["securityContext"].pop("readOnlyRootFilesystem"),
    "no bounds for memory": lambda t: t["spec"]["containers"][0]["resources"]["limits"].pop("memory"),
    "is written out": lambda t: t["spec"]["containers"][0]["env"].append({"name": "DB_PASSWORD", "value": "x"}),
}  # fmt: skip


@pytest.mark.parametrize("words", BREAKAGES)
def test_a_pod_is_refused_that(words: str) -> None:
    _, group = list(groups(the_service("overlays/production")))[1]
    template = copy.deepcopy(group["template"])
    assert list(pod_faults("it", template)) == []
    BREAKAGES[words](template)
    assert any(words in fault for fault in pod_faults("it", template))
