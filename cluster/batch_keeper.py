"""Holds a batch farm's database URL for Serve's controller, whose environment has none, and says whose the farm is.

Serve writes the arguments of an autoscaling policy to its log and shows them in Ray's dashboard. So the policy has the
name of this actor, and asks it, again after a restart of the controller. Arguments of actors are shown nowhere. It ends
with the farm (``cluster.batch_farm``).
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import uuid4

import ray
from ray.exceptions import RayError
from ray.util import list_named_actors

from jobs.errors import Unavailable

NAMESPACE = "rayfarm-batch"
_KEEPER = "keeper-"
_ANSWERS_WITHIN_S = 20.0
"""An actor answers in milliseconds; one whose node went is started again elsewhere."""


class KeeperUnavailable(Unavailable):
    """The actor that holds the batch farm's database URL does not answer."""

    code = "keeper-unavailable"


class _Keeper:
    def __init__(self, url: str, identity: str | None) -> None:
        self._url, self._identity = url, identity

    def database_identity(self) -> str | None:
        return self._identity

    def database_url(self) -> str:
        return self._url


_ACTOR: Any = ray.remote(num_cpus=0, max_restarts=-1)(_Keeper)  # Ray's types stop here


def start_keeper(url: str, *, identity: str | None, within: timedelta) -> str:
    """The name of one that is up; ``identity``: of the database. Raises what Ray raises."""
    name = f"{_KEEPER}{uuid4().hex}"
    keeper = _ACTOR.options(name=name, namespace=NAMESPACE, lifetime="detached").remote(url, identity)
    try:
        ray.get(keeper.database_url.remote(), timeout=within.total_seconds())
    except BaseException:
        ray.kill(keeper)
        raise
    return name


def kept_url(name: str) -> str:
    """The URL that it holds. Blocks. Raises ``KeeperUnavailable``."""
    try:
        keeper: Any = ray.get_actor(name, namespace=NAMESPACE)
        return str(ray.get(keeper.database_url.remote(), timeout=_ANSWERS_WITHIN_S))
    except (RayError, ValueError, RuntimeError, ConnectionError, TimeoutError) as error:
        raise KeeperUnavailable(f"{name} does not answer ({type(error).__name__}).") from error


def kept_identities() -> set[str]:
    """Of the databases that batch farms on this Ray cluster work on, as far as their keepers tell."""
    told = set()
    for name in _names():
        with contextlib.suppress(RayError, ValueError, TimeoutError):  # it ends, or is started again
            keeper: Any = ray.get_actor(name, namespace=NAMESPACE)
            told.add(ray.get(keeper.database_identity.remote(), timeout=_ANSWERS_WITHIN_S))
    return told - {None}


def end_keepers() -> None:
    """Those of every batch farm on this Ray cluster: it has one at most."""
    for name in _names():
        with contextlib.suppress(ValueError):  # it has ended meanwhile
            ray.kill(ray.get_actor(name, namespace=NAMESPACE))


def _names() -> list[str]:
    named: list[Mapping[str, str]] = list_named_actors(all_namespaces=True)
    return [each["name"] for each in named if each["namespace"] == NAMESPACE and each["name"].startswith(_KEEPER)]
