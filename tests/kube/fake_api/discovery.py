"""What the API server says that it serves: enough for kubectl and for the official clients."""

from __future__ import annotations

from collections.abc import Iterable

from tests.kube.fake_api.store import Json, Resource

VERBS = ["create", "delete", "get", "list", "patch", "update", "watch"]


def discovery(resources: Iterable[Resource], path: str) -> Json | str | None:
    """The answer to a call that asks about the API itself; None: it asks for objects."""
    listed = list(resources)
    groups = sorted({(each.group, each.version) for each in listed if each.group})
    match path.rstrip("/").split("/")[1:]:
        case ["version"]:
            return {"major": "1", "minor": "33", "gitVersion": "v1.33.0", "platform": "linux/amd64"}
        case ["readyz" | "livez" | "healthz"]:
            return "ok"
        case ["api"]:
            return {"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": []}
        case ["apis"]:
            return {"kind": "APIGroupList", "apiVersion": "v1", "groups": [_group(*each) for each in groups]}
        case ["api", "v1"]:
            return _resources([each for each in listed if not each.group], "v1")
        case ["apis", group, version] if (group, version) in groups:
            found = [each for each in listed if (each.group, each.version) == (group, version)]
            return _resources(found, f"{group}/{version}")
    return None


def _group(group: str, version: str) -> Json:
    only = {"groupVersion": f"{group}/{version}", "version": version}
    return {"name": group, "versions": [only], "preferredVersion": only}


def _resources(resources: list[Resource], group_version: str) -> Json:
    listed: list[Json] = []
    for each in resources:
        about = {"namespaced": each.namespaced, "kind": each.kind}
        listed.append({"name": each.plural, "singularName": each.kind.lower(), **about, "verbs": VERBS})
        if each.has_status:
            verbs = ["get", "patch", "update"]
            listed.append({"name": f"{each.plural}/status", "singularName": "", **about, "verbs": verbs})
    return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": group_version, "resources": listed}
