"""What a pod may write fits into what Kubernetes lets it write: above it kubelet evicts it in the midst of a frame."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from tests.kuberay.manifests import OVERLAYS, Document, groups, of_kind, rendered, the_service

UNITS = {"": 1, "Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40}


def byte_count(quantity: str) -> int:
    found = re.fullmatch(r"(\d+)([KMGT]i)?", quantity)
    assert found, f"teach this test {quantity}"
    return int(found[1]) * UNITS[found[2] or ""]


def cache_bytes(name: str) -> int:
    """``RAYFARM_CLUSTER_CACHE_BYTES``: what a replica fills its cache up to."""
    (settings,) = [
        each for each in of_kind(name, "ConfigMap") if each["metadata"]["name"].startswith("rayfarm-settings-")
    ]
    return int(settings["data"]["RAYFARM_CLUSTER_CACHE_BYTES"])


def on_the_nodes_disk(template: Document) -> dict[str, int]:
    """Volume to its limit, of the emptyDirs that count as ephemeral storage."""
    return {
        volume["name"]: byte_count(volume["emptyDir"]["sizeLimit"])
        for volume in template["spec"]["volumes"]
        if "emptyDir" in volume and volume["emptyDir"].get("medium") != "Memory"
    }


def workers(name: str) -> Iterator[tuple[str, Document, dict[str, int], Document]]:
    for group, spec in groups(the_service(name)):
        if group != "head":
            template = spec["template"]
            (container,) = template["spec"]["containers"]
            yield group, template, on_the_nodes_disk(template), container["resources"]


@pytest.mark.parametrize("name", OVERLAYS)
def test_a_full_cache_and_a_full_tmp_stay_below_the_limit_at_which_kubelet_evicts(name: str) -> None:
    seen = set()
    for group, _, volumes, resources in workers(name):
        if "cache" not in volumes:
            continue
        seen.add(group)
        filled = cache_bytes(name) + sum(size for volume, size in volumes.items() if volume != "cache")
        assert filled <= byte_count(resources["limits"]["ephemeral-storage"]), group
        assert cache_bytes(name) <= volumes["cache"], group
    assert seen == {
        "overlays/dev": {"tasks", "cpu"},
        "overlays/staging": set(),  # its caches are volumes of their own
        "overlays/production": {"tasks", "gpu-spot", "gpu-on-demand"},
    }.get(name)


def test_a_cache_on_the_nodes_disk_is_asked_for_so_that_no_two_pods_share_it() -> None:
    for group, _, volumes, resources in workers("overlays/production"):
        if "cache" in volumes:
            assert byte_count(resources["requests"]["ephemeral-storage"]) >= cache_bytes("overlays/production"), group


@pytest.mark.parametrize("name", OVERLAYS)
def test_every_scratch_volume_has_a_limit(name: str) -> None:
    assert rendered(name)
    for group, template, volumes, _ in workers(name):
        assert {each["name"] for each in template["spec"]["volumes"] if "emptyDir" in each} == set(volumes), group
