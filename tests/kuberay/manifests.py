"""What kustomize makes of the folders in ``kuberay/``, and the schemas of its kinds that are not KubeRay's."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from tests.kuberay.crds import Loader
from tests.kuberay.structural_schema import StructuralSchema

ROOT = Path(__file__).resolve().parents[2]
KUBERAY = ROOT / "kuberay"
OVERLAYS = ("overlays/dev", "overlays/staging", "overlays/production")
OTHERS = ("batch", "batch/once", "components/kueue/cluster", "components/storage-class")
VARIANTS = {
    "production with RocksDB": ("overlays/production", "gcs-redis", "gcs-rocksdb"),
    "staging with a Gateway": ("overlays/staging", "edge-ingress", "edge-gateway"),
}
"""Overlay, the component that is taken out, and the one that is put in its place."""
KUEUE = "batch with Kueue"
ANOTHER = "another batch render"
EVERYTHING = (*OVERLAYS, *OTHERS, *VARIANTS, KUEUE, ANOTHER)

POD_KINDS = ("Deployment", "StatefulSet", "DaemonSet", "Job")
Document = dict[str, Any]


@cache
def rendered(name: str) -> tuple[Document, ...]:
    """The documents of a folder or a variant."""
    if name in VARIANTS:
        overlay, out, into = VARIANTS[name]
        return _built_from(overlay, lambda text: text.replace(f"components/{out}\n", f"components/{into}\n"))
    if name == KUEUE:
        return _built_from(
            "batch", lambda text: text.replace("components: []\n#  - ../", "components:\n  - ../").replace("#", "##")
        )
    if name == ANOTHER:
        return _built_from("batch", lambda text: f"{text}namePrefix: shot-020-\n")
    return kustomized(KUBERAY / name)


def _built_from(folder: str, change: Callable[[str], str]) -> tuple[Document, ...]:
    """Of a copy of the whole tree, as kustomize reads nothing outside of it."""
    with tempfile.TemporaryDirectory() as copies:
        copied = shutil.copytree(KUBERAY, Path(copies) / "kuberay") / folder
        file = copied / "kustomization.yaml"
        before = file.read_text()
        file.write_text(change(before))
        assert file.read_text() != before
        return kustomized(copied)


def kustomized(folder: Path) -> tuple[Document, ...]:
    """The documents of a folder anywhere."""
    kubectl = shutil.which("kubectl")
    assert kubectl, (
        "These tests need kubectl 1.27 or later (its kustomize 5): https://kubernetes.io/docs/tasks/tools/, or the "
        "package `kubectl` of its Debian repository."
    )
    done = subprocess.run([kubectl, "kustomize", str(folder)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return tuple(document for document in yaml.load_all(done.stdout, Loader) if document)


# -- what is in them --------------------------------------------------------------------------------------------------


def of_kind(name: str, kind: str) -> list[Document]:
    return [document for document in rendered(name) if document["kind"] == kind]


def the_service(name: str) -> Document:
    (service,) = of_kind(name, "RayService")
    return service


def ray_spec(document: Document) -> Document:
    """The cluster that a RayService or RayJob describes."""
    return document["spec"]["rayClusterConfig" if document["kind"] == "RayService" else "rayClusterSpec"]


def groups(document: Document) -> Iterator[tuple[str, Document]]:
    """(name, group) of the head and of each worker group."""
    spec = ray_spec(document)
    yield "head", spec["headGroupSpec"]
    for group in spec.get("workerGroupSpecs", []):
        yield group["groupName"], group


def pod_templates(name: str) -> Iterator[tuple[str, Document]]:
    """(who, template) of every pod that the documents of ``name`` describe."""
    for document in rendered(name):
        who = f"{document['kind']}/{document['metadata']['name']}"
        if document["kind"] in ("RayService", "RayJob"):
            for group, spec in groups(document):
                yield f"{who}/{group}", spec["template"]
        elif document["kind"] in POD_KINDS:
            yield who, document["spec"]["template"]


def containers(template: Document) -> list[Document]:
    spec = template["spec"]
    return [*spec.get("initContainers", []), *spec["containers"]]


# -- schemas ----------------------------------------------------------------------------------------------------------


@cache
def other_schemas() -> dict[tuple[str, str], StructuralSchema]:
    """Of the other custom kinds, as far as we use them (other_kinds.yaml)."""
    documents = yaml.load_all((Path(__file__).parent / "other_kinds.yaml").read_text(), Loader)
    return {
        (document["apiVersion"], document["kind"]): StructuralSchema(
            {"type": "object", "required": ["spec"], "properties": {"spec": document["spec"]}}
        )
        for document in documents
    }
