"""RayJobs: renders of a tenant on a Ray cluster of its own, which ends with the job."""

from __future__ import annotations

import copy
import hashlib
import json
import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from cluster.kube.errors import AlreadyThere
from cluster.kube.farm import Tell
from cluster.kube.gateway import GROUP, VERSION, Json, Kind, KubeGateway
from cluster.kube.watching import until_true
from jobs.errors import Conflict, InvalidInput

TENANT_LABEL, MANAGED_LABEL = "rayfarm.dev/tenant", "app.kubernetes.io/managed-by"
JOB_LABEL = "rayfarm.dev/rayjob"
"""Of its pods: the RayJob's name, which no label of KubeRay's is. A driver has its RAYFARM_BATCH_IDENTITY from it."""
DIGEST = "rayfarm.dev/spec-sha256"
LONGEST_NAME = 47
"""Of a RayJob: KubeRay makes names of clusters and pods from it."""
_TENANT = re.compile(r"[a-z0-9]([-a-z0-9]{0,18}[a-z0-9])?")
_ENDED = ("Complete", "Failed", "ValidationFailed")
_DEFAULTS: Json = {"shutdownAfterJobFinishes": True, "ttlSecondsAfterFinished": 0, "backoffLimit": 0}
"""A tenant's cluster ends with its job: KubeRay's time to live is the cluster's. The object stays for who asks how it
went. No second try of KubeRay's: the farm's own retries know which frames are done."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a RayJob ended."""

    name: str
    succeeded: bool
    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class JobView:
    """How far a RayJob is. It has no conditions in KubeRay 1.7: these are the fields that it has."""

    name: str
    tenant: str | None
    suspended: bool
    deployment: str | None
    """Of its cluster; None: KubeRay has not seen it."""
    job: str | None
    """Of the program on it."""
    reason: str
    message: str

    @property
    def words(self) -> str:
        """For people; empty: there is nothing to tell yet."""
        return ", ".join(filter(None, (self.deployment, self.job)))

    @property
    def outcome(self) -> Outcome | None:
        """None: it goes on."""
        if self.deployment not in _ENDED:
            return None
        return Outcome(
            name=self.name,
            succeeded=self.deployment == "Complete" and self.job == "SUCCEEDED",
            reason=self.reason or self.job or self.deployment,
            message=self.message,
        )

    def record(self) -> dict[str, Any]:
        """For programs."""
        return {
            "name": self.name,
            "tenant": self.tenant,
            "suspended": self.suspended,
            "state": self.deployment,
            "job": self.job,
        }


def view_of_job(thing: Json) -> JobView:
    """Of one RayJob as the API server sends it."""
    about, status = thing["metadata"], thing.get("status") or {}
    return JobView(
        name=str(about["name"]),
        tenant=(about.get("labels") or {}).get(TENANT_LABEL),
        suspended=bool(thing["spec"].get("suspend")),
        deployment=status.get("jobDeploymentStatus") or None,
        job=status.get("jobStatus") or None,
        reason=str(status.get("reason") or ""),
        message=str(status.get("message") or ""),
    )


def jobs(gateway: KubeGateway) -> list[JobView]:
    """All RayJobs of the namespace."""
    return [view_of_job(each) for each in gateway.list(Kind.JOB).items]


def name_for(tenant: str, key: str) -> str:
    """The same for the same tenant and key, so that a submit whose answer was lost can be given again."""
    if not _TENANT.fullmatch(tenant):
        raise InvalidInput(
            f"{tenant!r} is no tenant.", remedy="Up to 20 of a to z, 0 to 9 and -, as in a project's slug."
        )
    return f"rayfarm-{tenant}-{hashlib.sha256(key.encode()).hexdigest()[:12]}"


def submit(gateway: KubeGateway, manifest: Json, *, tenant: str, key: str) -> tuple[str, bool]:
    """Create the RayJob; (its name, whether it is new). The same submit again finds the one that there is.

    Raises ``Conflict`` where the key was used for another specification.
    """
    if manifest.get("kind") != "RayJob" or not isinstance(manifest.get("spec"), dict):
        raise InvalidInput("The manifest is no RayJob.")
    if manifest["spec"].get("clusterSelector"):
        raise InvalidInput(
            "A tenant's RayJob has its own cluster; this one names another (clusterSelector).",
            remedy="Give rayClusterSpec in its place.",
        )
    spec = {**_DEFAULTS, **copy.deepcopy(manifest["spec"])}
    digest = hashlib.sha256(json.dumps(spec, sort_keys=True).encode()).hexdigest()
    about = manifest.get("metadata") or {}
    name = name_for(tenant, key)
    _label_head(spec, name)
    body: Json = {
        "apiVersion": f"{GROUP}/{VERSION}",
        "kind": "RayJob",
        "metadata": {
            "name": name,
            "namespace": gateway.namespace,
            "labels": {**(about.get("labels") or {}), TENANT_LABEL: tenant, MANAGED_LABEL: "rayfarm"},
            "annotations": {**(about.get("annotations") or {}), DIGEST: digest},
        },
        "spec": spec,
    }
    try:
        gateway.create(Kind.JOB, body)
    except AlreadyThere as error:
        there = gateway.get(Kind.JOB, name)
        if (there["metadata"].get("annotations") or {}).get(DIGEST) != digest:
            raise Conflict(
                f"The key was used for another RayJob ({name}).", remedy="Give another --key, or the same manifest."
            ) from error
        return name, False
    return name, True


def _label_head(spec: Json, name: str) -> None:
    template = spec.get("rayClusterSpec", {}).get("headGroupSpec", {}).get("template")
    if isinstance(template, dict):
        about = template["metadata"] = {**(template.get("metadata") or {})}
        about["labels"] = {**(about.get("labels") or {}), JOB_LABEL: name}


def follow(gateway: KubeGateway, name: str, *, within: timedelta | None = None, tell: Tell) -> Outcome:
    """Wait for its end. Raises ``NotInTime``; the job goes on then."""
    said: list[str] = []

    def decide(thing: Json) -> Outcome | None:
        view = view_of_job(thing)
        if view.words and view.words not in said[-1:]:
            said.append(view.words)
            tell(f"{name}: {view.words}")
        return view.outcome

    limit = gateway.settings.follow_within if within is None else within
    return until_true(gateway, Kind.JOB, name, decide, within=limit, what=f"the end of {name}")


def suspend(gateway: KubeGateway, name: str) -> None:
    """Its cluster ends, with what renders on it; the farm's rows know what is done. Raises ``Conflict`` at its end."""
    _set_suspended(gateway, name, suspended=True)


def resume(gateway: KubeGateway, name: str) -> None:
    """A new cluster for it. Raises ``Conflict`` if it is over."""
    _set_suspended(gateway, name, suspended=False)


def _set_suspended(gateway: KubeGateway, name: str, *, suspended: bool) -> None:
    view = view_of_job(gateway.get(Kind.JOB, name))
    if (ended := view.outcome) is not None:
        raise Conflict(f"{name} is over ({ended.reason}).", remedy="Submit it again with another --key.")
    if view.suspended != suspended:
        gateway.patch(Kind.JOB, name, {"spec": {"suspend": suspended}})
