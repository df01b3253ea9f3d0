"""The disks of ``terraform/environments`` against what pods of ``kuberay/`` request of them."""

from __future__ import annotations

import re
from decimal import Decimal

import pytest
from kubernetes.utils.quantity import parse_quantity
from moto.ec2.models.instance_types import INSTANCE_TYPES

from tests.kuberay.manifests import Document, pod_templates
from tests.terraform.toolchain import TREE

OVERLAYS = {"rayfarm-staging": "overlays/staging", "rayfarm-production": "overlays/production"}
GIB = 2**30


def told_to_the_autoscaler(environment: str) -> dict[str, int]:
    """Bytes by pool, as ``modules/eks/nodes.tf`` reckons them; the module's own test holds the numbers of that."""
    found = {}
    text = (TREE / "environments" / environment / "terraform.tfvars").read_text()
    for group in re.findall(r"^  [a-z-]+ += \{ (pool .*) \}$", text, re.MULTILINE):
        pool = re.search(r'pool = "([a-z-]+)"', group)
        disk = re.search(r"disk_gib = (\d+)", group)
        assert pool
        gib = float(disk[1]) if disk else 100.0
        if "local_nvme = true" in group:
            types = re.findall(r'"([a-z0-9]+\.[a-z0-9]+)"', group)
            gib = min(INSTANCE_TYPES[each]["InstanceStorageInfo"]["TotalSizeInGB"] for each in types) * 0.931
        found[pool[1]] = int(gib * 0.85) * GIB
    return found


def requested(template: Document) -> Decimal:
    """As the scheduler adds it up: the containers together, or one that runs before them."""

    def of(container: Document) -> Decimal:
        return parse_quantity(container.get("resources", {}).get("requests", {}).get("ephemeral-storage", 0))

    spec = template["spec"]
    return max(sum(map(of, spec["containers"]), Decimal(0)), *map(of, spec.get("initContainers", [])), Decimal(0))


@pytest.mark.parametrize("environment", ["test", "stage", "prod"])
def test_every_pool_has_room_for_a_pod_before_its_first_node_is_there(environment: str) -> None:
    text = (TREE / "environments" / environment / "terraform.tfvars").read_text()
    namespace = re.search(r'^namespace += "(.*)"$', text, re.MULTILINE)
    assert namespace
    room = told_to_the_autoscaler(environment)
    asked = {
        template["spec"]["nodeSelector"]["rayfarm.io/pool"]: requested(template)
        for who, template in pod_templates(OVERLAYS[namespace[1]])
        if who.startswith("RayService/") and not who.endswith("/head")
    }
    assert set(asked) == {"control", "tasks", "gpu-spot", "gpu-on-demand"}
    for pool, size in asked.items():
        assert size > 0, "without a request nothing is held here"
        assert size <= room[pool], f"{pool}: {size / GIB} Gi of {room[pool] / GIB} Gi"
