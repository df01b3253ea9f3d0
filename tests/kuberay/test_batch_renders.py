"""Batch renders beside each other: what they share is there once, and the claim binds where no cloud makes volumes."""

from __future__ import annotations

import pytest

from tests.kuberay.manifests import ANOTHER, groups, of_kind


@pytest.mark.parametrize("name", ["batch", ANOTHER])
def test_a_render_asks_for_the_account_the_claim_and_the_file_that_are_there(name: str) -> None:
    (job,) = of_kind(name, "RayJob")
    ((_, head),) = groups(job)
    spec = head["template"]["spec"]
    there = {(each, one["metadata"]["name"]) for each in KINDS for one in of_kind("batch/once", each)}
    there |= {("ConfigMap", one["metadata"]["name"]) for one in of_kind(name, "ConfigMap")}
    volumes = {each["name"]: each for each in spec["volumes"]}
    assert there >= {
        ("ServiceAccount", spec["serviceAccountName"]),
        ("PersistentVolumeClaim", volumes["scenes"]["persistentVolumeClaim"]["claimName"]),
        ("ConfigMap", volumes["spec"]["configMap"]["name"]),
    }


KINDS = ("ServiceAccount", "PersistentVolumeClaim")


def test_two_renders_have_nothing_of_one_name() -> None:
    names = [{each["metadata"]["name"] for kind in ("RayJob", "ConfigMap") for each in of_kind(name, kind)}
             for name in ("batch", ANOTHER)]  # fmt: skip
    assert names[0].isdisjoint(names[1])


def test_the_scenes_are_a_volume_of_the_site_and_no_disk_of_the_default_class() -> None:
    """A disk of one node, as EBS makes, is refused where many read."""
    (claim,) = of_kind("batch/once", "PersistentVolumeClaim")
    assert (claim["spec"]["storageClassName"], claim["spec"]["volumeName"]) == ("", "rayfarm-scenes")
