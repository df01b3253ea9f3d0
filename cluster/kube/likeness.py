"""Whether two specifications say the same: Kubernetes and KubeRay write back what they were given in other words."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

from kubernetes.utils.quantity import parse_quantity as _parse_quantity

from cluster.kube.gateway import Json

_QUANTITY = re.compile(r"\d+(\.\d+)?([munkMGTPE]|[KMGTPE]i)?")
_MUTED_GROUP = ("replicas", "minReplicas", "maxReplicas")
_MUTED_POD = ("tolerations", "schedulingGates")


def are_like(one: Any, other: Any) -> bool:
    """The same but for what is empty (an operator in Go writes ``resources: {}``) and how a quantity is written."""
    return bool(_plain(one) == _plain(other))


def are_of_one_cluster(one: Json, other: Json) -> bool:
    """Whether KubeRay takes two cluster specifications for the same one.

    As ``GenerateHashWithoutReplicasAndWorkersToDelete`` of v1.7.0 does, and ``suspend``, which is Kueue's.
    """
    return bool(_plain(_muted(one), no_false=True) == _plain(_muted(other), no_false=True))


def _muted(config: Json) -> Json:
    left = {name: value for name, value in config.items() if name not in ("upgradeStrategy", "suspend")}
    left["headGroupSpec"] = _muted_group(config.get("headGroupSpec") or {}, ())
    left["workerGroupSpecs"] = [_muted_group(each, _MUTED_GROUP) for each in config.get("workerGroupSpecs") or ()]
    return left


def _muted_group(group: Json, muted: tuple[str, ...]) -> Json:
    left = {name: value for name, value in group.items() if name not in muted}
    if muted:
        left["scaleStrategy"] = {
            name: value for name, value in (group.get("scaleStrategy") or {}).items() if name != "workersToDelete"
        }
    template = group.get("template") or {}
    pod = {name: value for name, value in (template.get("spec") or {}).items() if name not in _MUTED_POD}
    return {**left, "template": {**template, "spec": pod}}


def _plain(value: Any, *, no_false: bool = False) -> Any:
    """``no_false``: a false that Go leaves out is as good as nothing; where it stands for a right it is not."""
    if isinstance(value, dict):
        plain = {name: _plain(each, no_false=no_false) for name, each in value.items()}
        return {name: each for name, each in plain.items() if not _is_empty(each, no_false=no_false)}
    if isinstance(value, list):
        return [_plain(each, no_false=no_false) for each in value]
    if isinstance(value, str) and _QUANTITY.fullmatch(value):
        return _number(value)
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return Decimal(str(value))
    return value


def _number(text: str) -> Any:
    parse: Any = _parse_quantity
    return parse(text)


def _is_empty(value: Any, *, no_false: bool) -> bool:
    return value is None or value in ("", {}, []) or (no_false and value is False)
