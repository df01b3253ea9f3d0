"""Tells the farm of machines that are about to go: what node termination handlers and autoscalers write on nodes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog

from cluster.kube.draining import names_on
from cluster.kube.farm import Farm, Tell
from cluster.kube.gateway import Json, KubeGateway
from cluster.kube.watching import DELETED, changes
from jobs.errors import RayfarmError, Unavailable

_log = structlog.get_logger(__name__)

INTERRUPTED = {
    "aws-node-termination-handler/spot-itn": "AWS takes the spot instance back",
    "cloud.google.com/impending-node-termination": "Google Cloud takes the machine back",
    "remediator.kubernetes.azure.com/unschedulable": "Azure takes the machine back",
}
"""Taints that leave ``RAYFARM_KUBE_SPOT_NOTICE``."""

REMOVED = {
    "aws-node-termination-handler/scheduled-maintenance": "AWS maintains the machine",
    "aws-node-termination-handler/asg-lifecycle-termination": "its Auto Scaling group ends the machine",
    "aws-node-termination-handler/rebalance-recommendation": "AWS expects to take the spot instance back",
    "karpenter.sh/disrupted": "Karpenter removes the node",
    "karpenter.sh/disruption": "Karpenter removes the node",
    "ToBeDeletedByClusterAutoscaler": "the cluster autoscaler removes the node",
}
"""Taints of who waits for the pods: their grace period counts, so frames finish."""

KARPENTER = "karpenter.sh/"
SPOT_EVENT = "SpotInterrupted"
"""Karpenter's event on a node whose interruption it was told of, before its taint."""

MARK = "Node notice: "
"""Before the reasons that machines are disabled for here: what an operator or a schedule said is not taken back."""
_CLEAR = ""
"""What was told of a node that no notice is on."""


@dataclass(frozen=True, slots=True)
class Notice:
    """A machine goes."""

    node: str
    reason: str
    within: timedelta | None
    """What is left; None: the frames that render there finish."""


def notice_of(gateway: KubeGateway, node: Json) -> Notice | None:
    """What a node's taints say; the most urgent."""
    name = str(node["metadata"]["name"])
    found = [_judged(gateway, name, taint) for taint in (node.get("spec") or {}).get("taints") or ()]
    notices = [notice for notice in found if notice is not None]
    return min(notices, key=lambda notice: timedelta.max if notice.within is None else notice.within, default=None)


def pass_on(gateway: KubeGateway, farm: Farm, *, for_s: float, tell: Tell) -> int:
    """Watch nodes for ``for_s`` seconds and drain the farm's workers on those that go; returns how many nodes.

    When a notice goes from a node, when the node is deleted, or when another one comes by its name, what the notice
    disabled is enabled again.

    A notice is passed on once; a worker that restarts passes all of them on again, which changes nothing at the farm.
    One that cannot be passed on now holds no other up: it is tried again before the next stream of changes.
    """
    passing = _Passing(gateway=gateway, farm=farm, tell=tell)

    def stream(version: str, seconds: float) -> Iterator[Json]:
        passing.tick()
        return gateway.watch_nodes(version=version, for_s=passing.patience_s(seconds))

    for happened, node in changes(
        listing=gateway.nodes,
        streaming=stream,
        settings=gateway.settings,
        until=gateway.clock.now() + for_s,
        clock=gateway.clock,
    ):
        passing.see(node, is_gone=happened == DELETED)
        passing.tick()
    passing.close()
    return len(passing.nodes)


@dataclass(slots=True)
class _Waiting:
    """A node that changed, until the farm has heard what that means for it."""

    node: Json
    due: float
    pause_s: float
    end: float
    """Monotonic time after which the farm is not asked any more."""
    notice: Notice | None = None
    words: str = "nobody can say whether it goes"
    is_gone: bool = False

    @property
    def name(self) -> str:
        return str(self.node["metadata"]["name"])


class _Passing:
    """What is still to be passed on. An outage is outwaited until the machine is gone; a refusal is told at once."""

    def __init__(self, *, gateway: KubeGateway, farm: Farm, tell: Tell) -> None:
        self.nodes: set[str] = set()
        """Those that went."""
        self._gateway = gateway
        self._farm = farm
        self._tell = tell
        self._told: dict[str, str] = {}
        """Node -> what was told of it last."""
        self._machines: dict[str, set[str]] = {}
        """Node -> the farm's machines there that were told."""
        self._waiting: dict[str, _Waiting] = {}

    def see(self, node: Json, *, is_gone: bool) -> None:
        uid, name = str(node["metadata"]["uid"]), str(node["metadata"]["name"])
        if is_gone:
            self._told.pop(uid, None)
            self._waiting.pop(uid, None)
            if uid in self._machines:
                self._waiting[uid] = self._begin(node, words="it is gone", is_gone=True)
            return
        for other in [key for key, each in self._waiting.items() if each.is_gone and each.name == name]:
            del self._waiting[other]  # what is said of the new one by its name counts
            self._machines.pop(other, None)
        if uid in self._waiting:
            self._waiting[uid].node = node
            if self._waiting[uid].notice is None:
                self._waiting[uid].due = self._gateway.clock.now()
        else:
            self._waiting[uid] = self._begin(node)

    def _begin(self, node: Json, **more: Any) -> _Waiting:
        now, settings = self._gateway.clock.now(), self._gateway.settings
        end = now + settings.drain_within.total_seconds()
        return _Waiting(node, now, settings.retry_first.total_seconds(), end, **more)

    def tick(self) -> None:
        """Try each that is due, once."""
        for uid, waiting in list(self._waiting.items()):
            if waiting.due <= self._gateway.clock.now():
                self._try(uid, waiting)

    def patience_s(self, longest_s: float) -> float:
        """How long to listen for news before the next ``tick``."""
        due = min((each.due for each in self._waiting.values()), default=None)
        return longest_s if due is None else min(longest_s, max(0.0, due - self._gateway.clock.now()))

    def close(self) -> None:
        for uid, waiting in self._waiting.items():
            if waiting.notice is not None or uid in self._machines:
                self._tell(f"{waiting.name}: {waiting.words}; the farm was not told before the end of the watch")

    def _try(self, uid: str, waiting: _Waiting) -> None:
        clock, settings = self._gateway.clock, self._gateway.settings
        try:
            notice = None if waiting.is_gone else notice_of(self._gateway, waiting.node)
            if notice is None:
                if self._told.get(uid) != _CLEAR:
                    self._take_back(uid, waiting)
                    self._told[uid] = _CLEAR
            elif self._told.get(uid) != notice.reason:
                self._take(uid, waiting, notice)
                self._drain(uid, waiting, notice)
                self._told[uid] = notice.reason
        except Unavailable as error:
            _log.warning("notice_not_passed_on", node=waiting.name, error=str(error)[:300])
            if clock.now() < waiting.end:
                waiting.due = clock.now() + waiting.pause_s
                waiting.pause_s = min(waiting.pause_s * 2, settings.retry_longest.total_seconds())
                return
            self._refused(uid, waiting, error)
        except RayfarmError as error:
            self._refused(uid, waiting, error)
        del self._waiting[uid]
        if waiting.is_gone:
            self._told.pop(uid, None)

    def _take(self, uid: str, waiting: _Waiting, notice: Notice) -> None:
        """The time that is left counts from when a notice was first understood: not every one says when it began."""
        if waiting.notice is None or waiting.notice.reason != notice.reason:
            waiting.notice, waiting.words = notice, notice.reason
            if notice.within is not None:
                waiting.end = self._gateway.clock.now() + notice.within.total_seconds()
            self.nodes.add(uid)

    def _drain(self, uid: str, waiting: _Waiting, notice: Notice) -> None:
        """A machine that somebody else has disabled stays theirs: its replicas are told, one by one."""
        names = set(names_on(self._gateway, notice.node))
        for name, rows in _by_name(row for row in self._farm.nodes() if row["name"] in names).items():
            is_theirs = any(row["disabled"] and not _is_ours(row) for row in rows)
            if not is_theirs:
                self._machines.setdefault(uid, set()).add(name)
            for worker in [replica for row in rows for replica in row["replicas"]] if is_theirs else [name]:
                left_s = None if notice.within is None else max(0.0, waiting.end - self._gateway.clock.now())
                if self._farm.drain(str(worker), reason=f"{MARK}{notice.reason}.", within_s=left_s):
                    self._tell(f"{notice.node}: {notice.reason}; {worker} was told")

    def _take_back(self, uid: str, waiting: _Waiting) -> None:
        """By what the farm says, so that also a notice is taken back that was passed on before a restart."""
        waiting.notice = None
        if not waiting.is_gone:
            waiting.words = "no notice is on it"
        disabled = _by_name(row for row in self._farm.nodes() if row["disabled"])
        ours = {name for name, rows in disabled.items() if all(_is_ours(row) for row in rows)}
        if ours:
            here = () if waiting.is_gone else names_on(self._gateway, waiting.name)
            for name in sorted(ours & {*here, *self._machines.get(uid, ())}):
                if self._farm.enable(name):
                    self._tell(f"{waiting.name}: {waiting.words}; {name} gets work again")
        self._machines.pop(uid, None)

    def _refused(self, uid: str, waiting: _Waiting, error: RayfarmError) -> None:
        """Once: a kubelet writes its node every few minutes."""
        what = error.message if waiting.notice is None else waiting.notice.reason
        if self._told.get(uid) != what:
            self._told[uid] = what
            self._tell(f"{waiting.name}: {waiting.words}; the farm could not be told: {error.message}")


def _by_name(rows: Iterable[Json]) -> dict[str, list[Json]]:
    """Of machines, as each has a row for every Ray cluster."""
    found: dict[str, list[Json]] = {}
    for row in rows:
        found.setdefault(row["name"], []).append(row)
    return found


def _is_ours(row: Json) -> bool:
    return str(row["reason"] or "").startswith(MARK)


def _judged(gateway: KubeGateway, node: str, taint: Json) -> Notice | None:
    key = str(taint.get("key"))
    notice = gateway.settings.spot_notice
    if key in INTERRUPTED:
        return Notice(node, INTERRUPTED[key], _left(gateway, notice, taint.get("timeAdded")))
    if key not in REMOVED:
        return None
    if key.startswith(KARPENTER) and (events := gateway.events_of_node(node, reason=SPOT_EVENT)):
        times = [each.get("lastTimestamp") or each.get("eventTime") for each in events]
        newest = max((each for each in times if each), default=None)
        return Notice(node, "the spot instance is taken back", _left(gateway, notice, newest))
    return Notice(node, REMOVED[key], None)


def _left(gateway: KubeGateway, notice: timedelta, since: str | None) -> timedelta:
    if not since:
        return notice
    began = datetime.fromisoformat(since.replace("Z", "+00:00"))
    passed = datetime.fromtimestamp(gateway.clock.wall(), UTC) - began
    return min(notice, max(timedelta(0), notice - passed))
