"""What `rayfarm cluster` calls: the CLI loads this one module, and only for these commands."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import yaml

from cluster.kube import draining, ray_jobs, scaling, upgrading
from cluster.kube.farm import Farm, Tell
from cluster.kube.gateway import Kind, KubeGateway, open_gateway
from cluster.kube.notices import pass_on as pass_on_notices
from cluster.kube.ray_jobs import follow, jobs, resume, suspend
from cluster.kube.settings import KubeSettings
from cluster.kube.views import HEAD_READY, PROVISIONED, READY, ObjectView, find_target, view_of
from jobs.errors import InvalidInput

__all__ = [
    "clusters",
    "connect",
    "drain",
    "follow",
    "is_ready",
    "jobs",
    "pass_on_notices",
    "resume",
    "scale",
    "submit",
    "suspend",
    "target",
    "upgrade",
]


def connect(*, context: str | None, namespace: str | None) -> KubeGateway:
    """Options count before the environment. Raises ``InvalidSettings``, ``NoCluster``."""
    given: dict[str, Any] = {"context": context, "namespace": namespace}
    return open_gateway(KubeSettings(**{name: value for name, value in given.items() if value is not None}))


def target(gateway: KubeGateway, name: str | None) -> ObjectView:
    """The farm's RayService or RayCluster."""
    kind, thing = find_target(gateway, name or gateway.settings.name)
    return view_of(kind, thing)


def is_ready(view: ObjectView) -> bool:
    """It serves, as it was last asked to."""
    if view.kind is Kind.SERVICE:
        return view.is_current and view.holds(READY)
    return view.is_current and view.holds(PROVISIONED) and view.holds(HEAD_READY)


def clusters(gateway: KubeGateway) -> list[ObjectView]:
    return [view_of(Kind.CLUSTER, each) for each in gateway.list(Kind.CLUSTER).items]


def scale(
    gateway: KubeGateway, *, group: str, maximum: int | None, minimum: int | None, name: str | None
) -> scaling.Scaled:
    wanted = name or gateway.settings.name
    return scaling.scale(gateway, group=group, maximum=maximum, minimum=minimum, name=wanted)


def upgrade(
    gateway: KubeGateway,
    farm: Farm,
    *,
    name: str | None,
    image: str | None,
    file: Path | None,
    within: timedelta | None,
    keep_old: bool,
    tell: Tell,
) -> upgrading.Upgraded:
    """Raises ``InvalidInput`` unless one of image and file is given, and the target is a RayService."""
    if (image is None) == (file is None):
        raise InvalidInput("Give either an image or a file.", remedy="--image IMAGE, or --file FILE.")
    found = target(gateway, name)
    if found.kind is not Kind.SERVICE:
        raise InvalidInput(
            f"{found.name} is a RayCluster, which KubeRay cannot replace while it works.",
            remedy="Drain its nodes (`rayfarm cluster drain`), or run the farm as a RayService.",
        )
    spec = None if file is None else _spec_for(gateway, found.name, file)
    return upgrading.upgrade(
        gateway, farm, service=found.name, image=image, spec=spec, within=within, keep_old=keep_old, tell=tell
    )


def _spec_for(gateway: KubeGateway, name: str, file: Path) -> dict[str, Any]:
    """What a manifest says of this RayService. Raises ``InvalidInput`` where it is another's."""
    manifest = read_manifest(file, "RayService")
    about = manifest.get("metadata") or {}
    for field, wanted in (("name", name), ("namespace", gateway.namespace)):
        if about.get(field) not in (None, wanted):
            raise InvalidInput(
                f"{file} is of the {field} {about[field]}, and the farm's is {wanted}.",
                remedy=f"Give the farm's own manifest, or --{field} {about[field]}.",
            )
    return dict(manifest["spec"])


def drain(
    gateway: KubeGateway, farm: Farm, *, node: str, within: timedelta | None, force: bool, tell: Tell
) -> draining.Drained:
    return draining.drain_node(gateway, farm, node=node, within=within, force=force, tell=tell)


def submit(gateway: KubeGateway, *, file: Path, tenant: str, key: str | None) -> tuple[str, bool]:
    """``key``: what makes the submit the same one; None: the manifest's name."""
    manifest = read_manifest(file, "RayJob")
    named = key or str((manifest.get("metadata") or {}).get("name") or "")
    if not named:
        raise InvalidInput("The RayJob has no name.", remedy="Give it one, or give --key.")
    return ray_jobs.submit(gateway, manifest, tenant=tenant, key=named)


def read_manifest(file: Path, kind: str) -> dict[str, Any]:
    """The one object of this kind in a YAML file, as ``kubectl kustomize`` writes it. Raises ``InvalidInput``."""
    try:
        found = [each for each in yaml.safe_load_all(file.read_text(encoding="utf-8")) if isinstance(each, dict)]
    except OSError as error:
        raise InvalidInput(
            f"{file} cannot be read: {error.strerror}.",
            remedy="Name a file that is there.",
        ) from error
    except UnicodeDecodeError as error:
        raise InvalidInput(
            f"{file} is no UTF-8 text (byte {error.start}).", remedy="Name a manifest, and save it as UTF-8."
        ) from error
    except yaml.YAMLError as error:
        raise InvalidInput(
            f"{file} is not YAML: {error}", remedy="Try it with `kubectl apply --dry-run=client -f`."
        ) from error
    chosen = [each for each in found if each.get("kind") == kind and isinstance(each.get("spec"), dict)]
    if len(chosen) != 1:
        raise InvalidInput(f"{file} holds {len(chosen)} objects of kind {kind}, and should hold one.")
    return dict(chosen[0])
