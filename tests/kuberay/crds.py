"""KubeRay's real CRDs: where they lie, and the schemas in them."""

from __future__ import annotations

import gzip
import os
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml

from tests.kuberay.structural_schema import Schema, StructuralSchema

try:
    from yaml import CSafeLoader as Loader
except ImportError:  # a PyYAML without libyaml
    from yaml import SafeLoader as Loader  # type: ignore[assignment]

ROOT = Path(__file__).resolve().parents[2]
NAMES = ("rayclusters", "rayjobs", "rayservices")
VERSION = "v1"


@dataclass(frozen=True)
class Definition:
    """One custom resource, in the version that is used."""

    group: str
    plural: str
    kind: str
    openapi: Schema

    @property
    def api_version(self) -> str:
        return f"{self.group}/{VERSION}"


def crd_folder() -> Path:
    """They are not part of the repository."""
    folder = Path(os.environ.get("KUBERAY_CRDS") or ROOT.parent / "shared" / "kuberay-crds")
    if not all((folder / f"{name}.yaml.gz").is_file() for name in NAMES):
        raise AssertionError(
            f"{folder} lacks KubeRay's CRDs. Take {', '.join(f'ray.io_{name}.yaml' for name in NAMES)} from "
            "helm-chart/kuberay-operator/crds of KubeRay's release v1.7.0, gzip each as NAME.yaml.gz "
            "(rayservices.yaml.gz …) into a folder, and name it in KUBERAY_CRDS."
        )
    return folder


@cache
def definitions() -> tuple[Definition, ...]:
    found = []
    for name in NAMES:
        with gzip.open(crd_folder() / f"{name}.yaml.gz", "rt") as file:
            spec = yaml.load(file, Loader)["spec"]
        (openapi,) = (each["schema"]["openAPIV3Schema"] for each in spec["versions"] if each["name"] == VERSION)
        found.append(Definition(spec["group"], spec["names"]["plural"], spec["names"]["kind"], openapi))
    return tuple(found)


@cache
def crd_schemas() -> dict[tuple[str, str], StructuralSchema]:
    """Of manifests, by (apiVersion, kind)."""
    return {(each.api_version, each.kind): StructuralSchema(each.openapi) for each in definitions()}


@cache
def stored_schemas() -> dict[str, StructuralSchema]:
    """Of what the API server holds, by kind: with a status, and metadata of its own."""
    return {each.kind: StructuralSchema(each.openapi, stored=True) for each in definitions()}
