"""The rules in CEL that KubeRay 1.7's CRDs hold, by their text; one that is not here fails whatever it stands on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

TRANSITION_RULES = frozenset({"self == oldSelf"})
"""About a change of what is there already: a manifest alone cannot break them."""


def _has(value: dict[str, Any], *names: str) -> bool:
    return all(name in value for name in names)


CEL_RULES: dict[str, Callable[[Any], bool]] = {
    "self in ['ray.io/kuberay-operator', 'kueue.x-k8s.io/multikueue']": lambda value: (
        value in ("ray.io/kuberay-operator", "kueue.x-k8s.io/multikueue")
    ),
    "!((has(self.onSuccess) || has(self.onFailure)) && has(self.deletionRules))": lambda value: (
        not ((_has(value, "onSuccess") or _has(value, "onFailure")) and _has(value, "deletionRules"))
    ),
    "((has(self.onSuccess) && has(self.onFailure)) || has(self.deletionRules))": lambda value: (
        _has(value, "onSuccess", "onFailure") or _has(value, "deletionRules")
    ),
    "!(has(self.jobStatus) && has(self.jobDeploymentStatus))": lambda value: (
        not _has(value, "jobStatus", "jobDeploymentStatus")
    ),
    "has(self.jobStatus) || has(self.jobDeploymentStatus)": lambda value: (
        _has(value, "jobStatus") or _has(value, "jobDeploymentStatus")
    ),
}
