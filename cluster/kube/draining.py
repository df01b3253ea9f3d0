"""Empties a Kubernetes node: no new pods, the farm's work first, then every pod as its budgets allow."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from cluster.kube.errors import BudgetHolds, KubeForbidden, KubeUnavailable, ObjectAbsent, Outdated
from cluster.kube.farm import CLUSTER_LABEL, Farm, HandOver, Tell, hand_over, workers_of
from cluster.kube.gateway import Json, KubeGateway

REASON = "An operator empties its machine."
_MIRROR = "kubernetes.io/config.mirror"
_OVER = ("Succeeded", "Failed")


@dataclass(frozen=True, slots=True)
class Drained:
    """What a drain did, and what it did not."""

    node: str
    work: HandOver
    evicted: tuple[str, ...]
    left: dict[str, str]
    """Pod -> why it is still there."""

    @property
    def is_complete(self) -> bool:
        return self.work.is_complete and not self.left


def names_on(gateway: KubeGateway, node: str) -> list[str]:
    """What the farm may call the machines of a node: itself, and the Ray pods on it."""
    pods = gateway.pods(node=node)
    return [node, *(pod["metadata"]["name"] for pod in pods if CLUSTER_LABEL in (pod["metadata"].get("labels") or {}))]


def drain_node(
    gateway: KubeGateway,
    farm: Farm,
    *,
    node: str,
    within: timedelta | None = None,
    force: bool = False,
    tell: Tell,
) -> Drained:
    """Cordon, drain the farm's workers there, wait for them, evict. Given again, it goes on where it was.

    ``within``: how long frames may take. ``force``: also evict pods that nothing starts again elsewhere.
    """
    if not gateway.node(node).get("spec", {}).get("unschedulable"):
        gateway.set_unschedulable(node, unschedulable=True)
        tell(f"{node} takes no new pods")
    names = names_on(gateway, node)
    work = hand_over(
        gateway,
        farm,
        lambda: workers_of(farm, names),
        within=gateway.settings.drain_within if within is None else within,
        reason=REASON,
        tell=tell,
    )
    if not work.is_complete:
        told = dict.fromkeys(work.still_busy, "it still renders, although it was told to give its frames back")
        return Drained(node, work, (), told)
    evicted, left = _evict_all(gateway, node, force=force, tell=tell)
    return Drained(node, work, tuple(evicted), left)


def _evict_all(gateway: KubeGateway, node: str, *, force: bool, tell: Tell) -> tuple[list[str], dict[str, str]]:
    settings, clock = gateway.settings, gateway.clock
    deadline = clock.now() + settings.evict_within.total_seconds()
    asked: dict[str, str] = {}
    while True:
        left: dict[str, str] = {}
        kept: dict[str, str] = {}
        for pod in gateway.pods(node=node):
            place, uid = _place(pod), pod["metadata"]["uid"]
            if not _must_go(pod):
                continue
            if not force and not pod["metadata"].get("ownerReferences"):
                kept[place] = "nothing would start it again elsewhere; --force evicts it all the same"
            elif uid in asked or pod["metadata"].get("deletionTimestamp"):
                asked.setdefault(uid, place)
                left[place] = "it was told to leave and is still stopping"
            elif (why := _evicted(gateway, pod)) is None:
                asked[uid] = place
                left[place] = "it was told to leave and is still stopping"
                tell(f"{place} evicted")
            else:
                left[place] = why
        if not left or clock.now() >= deadline:
            return list(asked.values()), {**left, **kept}
        clock.sleep(settings.evict_every.total_seconds())


def _evicted(gateway: KubeGateway, pod: Json) -> str | None:
    """None: it leaves, or has left; else why not."""
    about = pod["metadata"]
    try:
        gateway.evict(namespace=about["namespace"], name=about["name"], uid=about["uid"])
    except (ObjectAbsent, Outdated):
        return None  # gone, or another one of its name
    except (BudgetHolds, KubeForbidden, KubeUnavailable) as error:
        return error.message  # the others are asked all the same
    return None


def _must_go(pod: Json) -> bool:
    """Not what its DaemonSet or the kubelet would start at once again, nor what has ended."""
    about = pod["metadata"]
    owners = about.get("ownerReferences") or ()
    is_daemon = any(owner.get("kind") == "DaemonSet" and owner.get("controller") for owner in owners)
    is_over = (pod.get("status") or {}).get("phase") in _OVER
    return not is_daemon and not is_over and _MIRROR not in (about.get("annotations") or {})


def _place(pod: Json) -> str:
    return f"{pod['metadata']['namespace']}/{pod['metadata']['name']}"
