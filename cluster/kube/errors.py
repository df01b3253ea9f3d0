"""What Kubernetes refuses, in words that a person can act on.

RayfarmError
├── NoCluster        no kubeconfig, or one that names nothing
├── KubeForbidden    401, 403: the account lacks a right
├── ObjectAbsent     404 of an object
├── KubeRayAbsent    404 of its whole kind: the CRD is not installed
├── AlreadyThere     409 of a create
├── Outdated         409, or a failed ``test`` of a JSON patch: somebody else changed it
├── BudgetHolds      429 of an eviction: a PodDisruptionBudget allows none now
├── VersionGone      410: a watch from a version that the server no longer has
├── KubeRefused      400, 422: the object is not valid
├── KubeUnavailable  429, 5xx, no connection, after every try
└── NotInTime        a deadline of ours passed; carries what was done
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any, ClassVar

from kubernetes.client.exceptions import ApiException

from jobs.errors import Conflict, Forbidden, InvalidInput, InvalidSettings, NotFound, RayfarmError, Unavailable


class NoCluster(InvalidSettings):
    """There is no Kubernetes cluster to talk to."""

    code = "no-kubeconfig"


class KubeForbidden(Forbidden):
    """The Kubernetes account may not do that."""

    code = "kube-forbidden"


class ObjectAbsent(NotFound):
    """Kubernetes has no such object."""

    code = "kube-not-found"


class KubeRayAbsent(NotFound):
    """KubeRay is not installed in this Kubernetes cluster."""

    code = "kuberay-absent"


class AlreadyThere(Conflict):
    """An object of this name exists."""

    code = "kube-exists"


class Outdated(Conflict):
    """Somebody else changed the object meanwhile."""

    code = "kube-conflict"


class BudgetHolds(Conflict):
    """A PodDisruptionBudget allows no eviction now."""

    code = "disruption-budget"


class VersionGone(Conflict):
    """The watched version is older than what the server keeps."""

    code = "kube-gone"


class KubeRefused(InvalidInput):
    """Kubernetes refused the object."""

    code = "kube-refused"


class KubeUnavailable(Unavailable):
    """The Kubernetes API server does not answer, or asks for less."""

    code = "kube-unavailable"

    def __init__(
        self, message: str | None = None, *, remedy: str | None = None, retry_after_s: float | None = None
    ) -> None:
        super().__init__(message, remedy=remedy)
        self.retry_after_s = retry_after_s
        """What the server asked for; None: nothing."""


class NotInTime(RayfarmError):
    """A deadline passed."""

    code: ClassVar[str] = "not-in-time"


def translated(error: ApiException, *, action: str, now_s: float) -> RayfarmError:
    """The error of one answer; ``action``: what was asked, as ``patch rayservices/farm``."""
    status, said = _status_of(error)
    message = str(said.get("message") or error.reason or "no reason given")
    causes = (said.get("details") or {}).get("causes") or []
    told = f"{action}: {message}"
    match status:
        case 401:
            return KubeForbidden(
                f"{action}: Kubernetes does not know the account ({message}).",
                remedy="Renew the kubeconfig's login; `kubectl auth whoami` shows who you are.",
            )
        case 403:
            return KubeForbidden(
                told, remedy="docs/operations/cluster-commands.md lists the rights that each command needs."
            )
        case 404 if not said.get("kind"):  # the server's own page: it has no such path
            return KubeRayAbsent(
                f"{action}: this cluster does not know the kind.",
                remedy="Install the KubeRay operator with its CRDs (1.7 or later), or name another --context.",
            )
        case 404:
            return ObjectAbsent(told, remedy="`rayfarm cluster status` lists what there is in the namespace.")
        case 409 if said.get("reason") == "AlreadyExists":
            return AlreadyThere(told)
        case 409:
            return Outdated(told, remedy="Give the command again.")
        case 410:
            return VersionGone(told)
        case 429 if any(cause.get("reason") == "DisruptionBudget" for cause in causes):
            return BudgetHolds(told)
        case 422 if not causes and action.startswith("patch "):
            return Outdated(told, remedy="Give the command again.")  # a `test` of the patch failed
        case 400 | 413 | 415 | 422:
            return KubeRefused(told)
        case _:
            return KubeUnavailable(
                f"{told} ({status or 'no answer'})",
                remedy="Look at the API server: `kubectl get --raw /readyz`.",
                retry_after_s=_retry_after_s(error.headers, now_s=now_s),
            )


def _status_of(error: ApiException) -> tuple[int, Mapping[str, Any]]:
    try:
        said = json.loads(error.body or "")
    except ValueError:
        said = {}
    return int(error.status or 0), said if isinstance(said, dict) else {}


def _retry_after_s(headers: Any, *, now_s: float) -> float | None:
    value = headers.get("Retry-After") if headers else None
    if not value:
        return None
    try:
        return max(0.0, float(value))
    except ValueError:
        pass
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - now_s)
    except (TypeError, ValueError):
        return None
