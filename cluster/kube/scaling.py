"""The bounds of a worker group. The number within them belongs to Ray's autoscaler, which writes the RayCluster."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace

from cluster.kube.errors import NotInTime, Outdated
from cluster.kube.gateway import Json, Kind, KubeGateway
from cluster.kube.views import Group, find_target, groups_path, view_of
from cluster.kube.watching import until_true
from jobs.errors import InvalidInput, NotFound


@dataclass(frozen=True, slots=True)
class Scaled:
    """What a scale did."""

    target: str
    before: Group
    """As the cluster that runs had it."""
    after: Group
    observed: bool
    """The operator has seen it."""
    clusters: tuple[str, ...] = ()
    """RayClusters of a RayService that have the bounds now."""

    @property
    def changed(self) -> bool:
        return (self.before.minimum, self.before.maximum) != (self.after.minimum, self.after.maximum)

    @property
    def over(self) -> int:
        """Workers above the new maximum: the autoscaler ends as many, and what they render is rendered again."""
        return max(0, (self.before.replicas or 0) - self.after.maximum)


@dataclass(frozen=True, slots=True)
class _Bounded:
    """One object with its group's bounds as they were and are."""

    before: Group
    after: Group
    written: Json | None
    """The object after the change; None: it had these bounds."""

    @property
    def differs(self) -> bool:
        return (self.before.minimum, self.before.maximum) != (self.after.minimum, self.after.maximum)


def scale(
    gateway: KubeGateway, *, group: str, maximum: int | None, minimum: int | None, name: str | None = None
) -> Scaled:
    """Set the bounds of one group, and wait until the operator has seen it.

    KubeRay does not carry bounds from a RayService to the RayClusters that it has made (its hash of a cluster leaves
    them out, v1.7.0): those get the same patch here, after the service, so that a cluster made meanwhile has them too.
    A patch changes only the group and the values that it tested: a group that moved, or a bound that somebody else
    set meanwhile, is read again. Raises ``Outdated`` where that goes on.
    """
    if maximum is None and minimum is None:
        raise InvalidInput("Neither bound is given.", remedy="Give --max, --min, or both.")
    kind, thing = find_target(gateway, name)
    target = str(thing["metadata"]["name"])
    asked = _set_bounds(gateway, kind, target, group, low=minimum, high=maximum)
    observed = view_of(kind, thing).is_current if asked.written is None else _is_observed(gateway, kind, asked.written)
    if kind is Kind.CLUSTER:
        return Scaled(target, asked.before, asked.after, observed)
    before, reached = asked.before, []
    service = view_of(kind, gateway.get(kind, target))
    for cluster in filter(None, (service.active, service.pending)):
        # NotFound: gone meanwhile, or the group is new, and comes with its bounds.
        with suppress(NotFound):
            done = _set_in_cluster(gateway, target, cluster, asked.after)
            reached.append(cluster)
            if cluster == service.active:
                before = done.before if done.differs else replace(asked.before, replicas=done.before.replicas)
    return Scaled(target, before, replace(asked.after, replicas=before.replicas), observed, tuple(reached))


def _set_in_cluster(gateway: KubeGateway, service: str, cluster: str, wanted: Group) -> _Bounded:
    try:
        return _set_bounds(gateway, Kind.CLUSTER, cluster, wanted.name, low=wanted.minimum, high=wanted.maximum)
    except Outdated as error:
        raise Outdated(
            f"{service} has the new bounds; its cluster {cluster}, which runs, has not: {error.message}",
            remedy=error.remedy,
        ) from error


def _set_bounds(
    gateway: KubeGateway, kind: Kind, name: str, group: str, *, low: int | None, high: int | None
) -> _Bounded:
    """In one object; None: the bound stays."""
    first: Group | None = None
    for tried in range(1, gateway.settings.conflict_tries + 1):
        groups = view_of(kind, gateway.get(kind, name)).groups
        index = _index_of(group, groups)
        before = groups[index]
        first = first or before  # a try whose answer was lost has been done: what was before that is told
        after = replace(
            before,
            minimum=before.minimum if low is None else low,
            maximum=before.maximum if high is None else high,
        )
        if not 0 <= after.minimum <= after.maximum:
            raise InvalidInput(
                f"{group}: {' to '.join(after.bounds_words())} workers is no range.",
                remedy=f"It has {' to '.join(before.bounds_words())}.",
            )
        patch = _patch(f"{groups_path(kind)}/{index}", before, after)
        if not patch:
            return _Bounded(first, after, None)
        try:
            return _Bounded(first, after, gateway.patch(kind, name, patch))
        except Outdated as error:
            if tried == gateway.settings.conflict_tries:
                raise Outdated(
                    f"{group}: somebody else changed it in each of {tried} tries; nothing was changed in {name}.",
                    remedy="See who: `kubectl get --show-managed-fields`. Then give the command again.",
                ) from error
    raise AssertionError("the loop returns or raises")


def _is_observed(gateway: KubeGateway, kind: Kind, changed: Json) -> bool:
    wanted = view_of(kind, changed).generation
    try:
        return until_true(
            gateway,
            kind,
            changed["metadata"]["name"],
            lambda now: True if view_of(kind, now).observed >= wanted else None,
            within=gateway.settings.observed_within,
            what="the KubeRay operator to see the change",
        )
    except NotInTime:
        return False


def _index_of(group: str, groups: tuple[Group, ...]) -> int:
    for index, each in enumerate(groups):
        if each.name == group:
            return index
    names = ", ".join(each.name for each in groups) or "none"
    raise NotFound(f"There is no worker group {group}.", remedy=f"There are: {names}.")


def _patch(path: str, before: Group, after: Group) -> list[Json]:
    bounds = (("maxReplicas", before.maximum, after.maximum), ("minReplicas", before.minimum, after.minimum))
    changes = [(name, old, new) for name, old, new in bounds if old != new]
    if not changes:
        return []
    tests: list[Json] = [{"op": "test", "path": f"{path}/groupName", "value": before.name}]
    tests += [{"op": "test", "path": f"{path}/{name}", "value": old} for name, old, _ in changes]
    return tests + [{"op": "replace", "path": f"{path}/{name}", "value": new} for name, _, new in changes]
