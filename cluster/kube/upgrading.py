"""A rolling upgrade that loses no frame: the new cluster first, then the old one's work, then the old cluster goes."""

from __future__ import annotations

import copy
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from cluster.kube.errors import NotInTime, ObjectAbsent, Outdated
from cluster.kube.farm import Farm, HandOver, Tell, Worker, hand_over, pods_of_cluster, workers_of
from cluster.kube.gateway import Json, Kind, KubeGateway
from cluster.kube.likeness import are_like, are_of_one_cluster
from cluster.kube.views import READY, UPGRADING, ObjectView, view_of
from cluster.kube.watching import until_true
from jobs.errors import Conflict, InvalidInput

REASON = "Its Ray cluster is replaced by an upgrade."
_DELAY = "rayClusterDeletionDelaySeconds"
_DELAY_MARGIN_S = 300
"""The old cluster outlives the hand-over's deadline by this much, should this command end before its end."""


@dataclass(frozen=True, slots=True)
class Upgraded:
    """What an upgrade did."""

    service: str
    cluster: str | None
    """The one that serves."""
    former: dict[str, HandOver]
    """Clusters whose work was taken; none where the operator changed the one that runs."""
    removed: tuple[str, ...]

    @property
    def is_complete(self) -> bool:
        return all(work.is_complete for work in self.former.values())


def changed_images(spec: Json, image: str) -> Json:
    """The same specification with ``image`` wherever the Ray containers' image was, init containers and all.

    Raises ``InvalidInput`` where groups have different images: one would be wrong for some of them.
    """
    changed = copy.deepcopy(spec)
    config = changed["rayClusterConfig"]
    groups = (config["headGroupSpec"], *(config.get("workerGroupSpecs") or ()))
    pods = [group["template"]["spec"] for group in groups]
    former = {str(pod["containers"][0].get("image")) for pod in pods}
    if len(former) > 1:
        raise InvalidInput(
            f"The groups have different images ({', '.join(sorted(former))}); one image is not for all of them.",
            remedy="Set the images in the manifest, and use --file.",
        )
    for container in (each for pod in pods for each in (*(pod.get("initContainers") or ()), *pod["containers"])):
        if container.get("image") in former:
            container["image"] = image
    return changed


def upgrade(
    gateway: KubeGateway,
    farm: Farm,
    *,
    service: str,
    image: str | None = None,
    spec: Json | None = None,
    within: timedelta | None = None,
    keep_old: bool = False,
    tell: Tell,
) -> Upgraded:
    """Change a RayService and follow it to the end. Raises ``NotInTime`` where the new cluster does not get ready.

    ``image``: of every Ray container; ``spec``: a whole specification; ``within``: how long frames of the old
    cluster may take. Until the new cluster is ready nothing of the
    old one is touched. Given again for the same change, it goes on where it was; given for what serves while another
    cluster is prepared, it takes that upgrade back.
    """
    thing = gateway.get(Kind.SERVICE, service)
    before = view_of(Kind.SERVICE, thing)
    wanted = changed_images(thing["spec"], image) if image is not None else spec
    if wanted is None or "rayClusterConfig" not in wanted:
        raise InvalidInput("Neither an image nor a RayService's specification is given.")
    in_progress = before.pending is not None or before.holds(UPGRADING) or not before.is_current
    generation, given_up = before.generation, None
    hand_over_within = gateway.settings.hand_over_within if within is None else within
    delay_s = _delay_s(thing["spec"], wanted, hand_over_within, gateway.settings.give_back)
    completed = _completed(gateway, before, {**wanted, _DELAY: delay_s})
    changes = _changes(thing["spec"], wanted, completed)
    if changes:
        goes_back = before.pending is not None and _is_active(gateway, before, completed)
        if in_progress and not goes_back:
            raise Conflict(
                f"{service} is being changed already (to {before.pending or 'a state not seen yet'}).",
                remedy="Wait for it (`rayfarm cluster status`), give the upgrade that was begun once more, or go back "
                "to what serves.",
            )
        _require_a_strategy(thing["spec"], service)
        generation = _patch(gateway, before, thing["spec"], changes, completed)
        tell(f"{service}: {', '.join(sorted(changes))} changed (generation {generation})")
        if goes_back:
            given_up = before.pending
            tell(f"{service} goes back to what {before.active} runs; {before.pending} is given up")
    elif in_progress:
        tell(f"{service} has this change already; following it")
    elif _former(gateway, service, before.active):
        tell(f"{service} has this change already; what a former cluster renders is left")
    else:
        raise Conflict(f"{service} is like that already; nothing to upgrade.")
    after = _until_ready(gateway, service, before, generation=generation, given_up=given_up, tell=tell)
    _tell_of_bounds(gateway, after, tell)
    former: dict[str, HandOver] = {}
    removed: list[str] = []
    for old in _former(gateway, service, after.active):
        if unclear := _unclear(gateway, farm, old):
            tell(f"{old} is kept: the farm does not say which Ray cluster {', '.join(unclear)} works for")
            former[old] = HandOver((), (), unclear)
            continue
        former[old] = hand_over(
            gateway,
            farm,
            partial(_workers_in, gateway, farm, old),
            within=hand_over_within,
            reason=REASON,
            tell=tell,
        )
        if former[old].is_complete and not keep_old:
            with suppress(ObjectAbsent):
                gateway.delete(Kind.CLUSTER, old)
            tell(f"{old} has nothing left to render and was deleted")
            removed.append(old)
    return Upgraded(service, after.active, former, tuple(removed))


def _tell_of_bounds(gateway: KubeGateway, after: ObjectView, tell: Tell) -> None:
    """Of a group whose bounds alone were changed KubeRay tells the cluster that runs nothing."""
    if after.active is None:
        return
    running = {each.name: each for each in view_of(Kind.CLUSTER, gateway.get(Kind.CLUSTER, after.active)).groups}
    for group in after.groups:
        has = running.get(group.name)
        if has is not None and (has.minimum, has.maximum) != (group.minimum, group.maximum):
            tell(
                f"{after.active} still has {' to '.join(has.bounds_words())} workers of {group.name}: "
                f"`rayfarm cluster scale {group.name} --min {group.minimum} --max {group.maximum}` sets what the "
                "RayService says"
            )


def _former(gateway: KubeGateway, service: str, active: str | None) -> list[str]:
    """Clusters of this service that do not serve any more; KubeRay deletes each after its delay."""
    return [
        str(each["metadata"]["name"])
        for each in gateway.list(Kind.CLUSTER).items
        if each["metadata"]["name"] != active
        and not each["metadata"].get("deletionTimestamp")
        and any(
            (owner.get("kind"), owner.get("name")) == ("RayService", service)
            for owner in each["metadata"].get("ownerReferences") or ()
        )
    ]


def _unclear(gateway: KubeGateway, farm: Farm, cluster: str) -> tuple[str, ...]:
    """Machines that are named after a node with pods of this cluster, and whose own cluster is none that KubeRay knows:
    with one ``RAYFARM_CLUSTER_ID`` for old and new, nobody can tell whose replicas those are."""
    known = {each["metadata"]["name"] for each in gateway.list(Kind.CLUSTER).items}
    hosts = {pod["spec"].get("nodeName") for pod in pods_of_cluster(gateway, cluster)}
    return tuple(
        str(each["name"])
        for each in farm.nodes()
        if each["name"] in hosts and each["replicas"] and each["cluster"] not in known
    )


def _workers_in(gateway: KubeGateway, farm: Farm, cluster: str) -> list[Worker]:
    names = [pod["metadata"]["name"] for pod in pods_of_cluster(gateway, cluster)]
    return workers_of(farm, names, cluster=cluster)


def _delay_s(old: Json, new: Json, hand_over_within: timedelta, give_back: timedelta) -> int:
    """KubeRay deletes an old cluster after a delay, busy or not: it is kept above the hand-over's deadline before there
    is an old one."""
    needed_s = round((hand_over_within + give_back * 2).total_seconds()) + _DELAY_MARGIN_S
    return max(int(old.get(_DELAY) or 0), int(new.get(_DELAY) or 0), needed_s)


def _completed(gateway: KubeGateway, before: ObjectView, fields: Json) -> Json:
    """The specification as the API server would keep it, with the defaults that a manifest leaves out."""
    try:
        tried = gateway.patch(Kind.SERVICE, before.name, _operations(before, fields), dry=True)
    except Outdated as error:
        raise _overtaken(before) from error
    return dict(tried["spec"])


def _changes(old: Json, new: Json, completed: Json) -> frozenset[str]:
    """Fields that would become others; a longer delay than the manifest's is what it asks for."""
    changed = {name for name in new if name != _DELAY and not are_like(old.get(name), completed.get(name))}
    if int(new.get(_DELAY) or 0) > int(old.get(_DELAY) or 0):
        changed.add(_DELAY)
    return frozenset(changed)


def _is_active(gateway: KubeGateway, before: ObjectView, completed: Json) -> bool:
    """Whether the cluster that serves is what is asked for: then an upgrade is taken back."""
    if before.active is None:
        return False
    try:
        running = gateway.get(Kind.CLUSTER, before.active)["spec"]
    except ObjectAbsent:
        return False
    return are_of_one_cluster(completed["rayClusterConfig"], running)


def _require_a_strategy(spec: Json, service: str) -> None:
    if (spec.get("upgradeStrategy") or {}).get("type") == "None":
        raise Conflict(
            f"{service} has the upgrade strategy None: KubeRay would change nothing.",
            remedy="Set spec.upgradeStrategy.type to NewCluster or NewClusterWithIncrementalUpgrade.",
        )
    if spec.get("suspend"):
        raise Conflict(f"{service} is suspended.", remedy="Set spec.suspend to false first.")


def _operations(before: ObjectView, fields: Json) -> list[Json]:
    """Good only for the specification that was read."""
    test: Json = {"op": "test", "path": "/metadata/generation", "value": before.generation}
    return [test, *({"op": "add", "path": f"/spec/{name}", "value": value} for name, value in fields.items())]


def _patch(gateway: KubeGateway, before: ObjectView, old: Json, changes: frozenset[str], completed: Json) -> int:
    """One patch of everything; the generation that it made."""
    set_too = changes if old.get(_DELAY) == completed[_DELAY] else changes | {_DELAY}
    fields = {name: completed[name] for name in sorted(set_too)}
    try:
        return int(gateway.patch(Kind.SERVICE, before.name, _operations(before, fields))["metadata"]["generation"])
    except Outdated as error:
        # The lost answer of a patch that was done looks the same: then the object is as wanted.
        now = gateway.get(Kind.SERVICE, before.name)
        if all(are_like(now["spec"].get(name), value) for name, value in fields.items()):
            return int(now["metadata"]["generation"])
        raise _overtaken(before) from error


def _overtaken(before: ObjectView) -> Outdated:
    return Outdated(
        f"{before.name} was changed by somebody else meanwhile; nothing was changed here.",
        remedy="Look at it (`rayfarm cluster status`), then give the command again.",
    )


def _until_ready(
    gateway: KubeGateway, service: str, before: ObjectView, *, generation: int, given_up: str | None, tell: Tell
) -> ObjectView:
    """KubeRay names the cluster that it prepares in the same write that tells of the generation: whether a change makes
    one is its word, not ours."""
    told = {given_up}

    def decide(thing: Json) -> ObjectView | None:
        now = view_of(Kind.SERVICE, thing)
        if now.pending and now.pending not in told:
            told.add(now.pending)
            tell(f"{now.pending} is being prepared; {before.active} serves")
        is_settled = now.observed >= generation and now.pending is None and not now.holds(UPGRADING)
        return now if now.active is not None and is_settled and now.holds(READY) else None

    try:
        after = until_true(
            gateway, Kind.SERVICE, service, decide, within=gateway.settings.ready_within, what="the new cluster"
        )
    except NotInTime as error:
        now = view_of(Kind.SERVICE, gateway.get(Kind.SERVICE, service))
        why = "; ".join(f"{each.type}: {each.message}" for each in now.conditions if each.message and not each.holds)
        raise NotInTime(
            f"{service} was changed, but the new cluster {now.pending or ''} was not ready within "
            f"{gateway.settings.ready_within}{f' ({why})' if why else ''}. {now.active} still serves; no work moved.",
            remedy="Go back with `rayfarm cluster upgrade` and the former image or file, or give the command again to "
            "wait on.",
        ) from error
    tell(f"{after.active} is ready and serves")
    return after
