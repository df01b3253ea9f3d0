"""Lists, then watches; goes on after a cut stream, and lists anew when the version it had is gone (410)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import TypeVar

import structlog
from urllib3.exceptions import HTTPError

from cluster.kube.errors import NotInTime, VersionGone
from cluster.kube.gateway import Json, Kind, KubeGateway, Listed
from cluster.kube.retrying import Clock
from cluster.kube.settings import KubeSettings

ADDED, MODIFIED, DELETED, BOOKMARK, ERROR = "ADDED", "MODIFIED", "DELETED", "BOOKMARK", "ERROR"
_Found = TypeVar("_Found")
_log = structlog.get_logger(__name__)

Lister = Callable[[], Listed]
Streamer = Callable[[str, float], Iterator[Json]]
"""(version, seconds) -> raw events of one stream."""


def changes(
    *, listing: Lister, streaming: Streamer, settings: KubeSettings, until: float, clock: Clock
) -> Iterator[tuple[str, Json]]:
    """(what happened, object) from now until the monotonic time ``until``; each object that is there comes first.

    What changed or went while nobody watched is told after a new list: nothing is missed but states in between.
    """
    seen: dict[str, Json] = {}
    version: str | None = None
    while clock.now() < until:
        if version is None:
            listed = listing()
            yield from _difference(seen, listed.items)
            version = listed.version
        heard = False
        for_s = min(settings.watch_for.total_seconds(), max(1.0, until - clock.now()))
        try:
            for event in streaming(version, for_s):
                kind, thing = str(event.get("type")), event.get("object") or {}
                heard = heard or kind != ERROR
                if kind == ERROR:
                    # 410: the version is gone. Whatever else the server could not go on with, a new list can.
                    _log.info("kube_watch_error", code=thing.get("code"), error=str(thing.get("message"))[:300])
                    version = None
                    break
                version = str(thing["metadata"]["resourceVersion"])
                if kind == BOOKMARK:
                    continue
                uid = str(thing["metadata"]["uid"])
                if kind == DELETED:
                    seen.pop(uid, None)
                else:
                    seen[uid] = thing
                yield kind, thing
        except VersionGone:
            version = None
        except (HTTPError, OSError, ValueError) as error:  # cut in the middle, or of a line
            _log.info("kube_watch_cut", error=str(error)[:300])
        if not heard:  # a server that ends each stream at once is not asked without a pause
            clock.sleep(min(settings.retry_first.total_seconds(), max(0.0, until - clock.now())))


def until_true(
    gateway: KubeGateway,
    kind: Kind,
    name: str,
    decide: Callable[[Json], _Found | None],
    *,
    within: timedelta,
    what: str,
) -> _Found:
    """What ``decide`` first says of the object that is no None. Raises ``NotInTime``, and ``ObjectAbsent`` at once."""
    if (found := decide(gateway.get(kind, name))) is not None:  # before any wait, as there may be none
        return found
    until = gateway.clock.now() + within.total_seconds()
    for happened, thing in changes(
        listing=lambda: gateway.list(kind, name=name),
        streaming=lambda version, for_s: gateway.watch(kind, version=version, name=name, for_s=for_s),
        settings=gateway.settings,
        until=until,
        clock=gateway.clock,
    ):
        if happened == DELETED:
            raise NotInTime(f"{kind.value}/{name} was deleted while one waited for {what}.")
        if (found := decide(thing)) is not None:
            return found
    raise NotInTime(f"{what}: not within {within}.")


def _difference(seen: dict[str, Json], now: tuple[Json, ...]) -> Iterator[tuple[str, Json]]:
    there = {str(item["metadata"]["uid"]): item for item in now}
    for uid in [uid for uid in seen if uid not in there]:
        yield DELETED, seen.pop(uid)
    for uid, item in there.items():
        before = seen.get(uid)
        seen[uid] = item
        if before is None:
            yield ADDED, item
        elif before["metadata"].get("resourceVersion") != item["metadata"].get("resourceVersion"):
            yield MODIFIED, item
