"""The farm that batch renders make on a Ray cluster of nobody's: a dispatcher and renderers, shared by its drivers.

Both are Serve applications, so that a job outlives its driver; renderers scale to zero by themselves. They are taken
away when nothing needs them: by the driver at its verdict, or by ``rayfarm cluster gc`` after one that was killed.
Who starts, joins or takes away holds a gate: an actor with one name, which Ray gives to one driver at a time and takes
back when its driver ends.
"""

from __future__ import annotations

import asyncio
import os
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, wait
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, ClassVar, TypeVar
from uuid import uuid4

import ray
from ray import serve
from ray.exceptions import RayError
from ray.serve.exceptions import RayServeException
from ray.serve.schema import ApplicationStatus
from ray.util import list_named_actors

from cluster.applications import FARM
from cluster.batch_keeper import NAMESPACE, end_keepers, kept_identities, start_keeper
from cluster.batch_settings import BatchSettings
from cluster.dispatching import dispatcher_app
from cluster.intake.ports import Admission
from cluster.renderer import renderer_app
from cluster.settings import ClusterSettings
from cluster.told_environment import NAMES_A_NODE
from db.batch import WorkLeft, database_identity, work_left
from db.readiness import schema_state
from db.session import Database
from db.settings import DatabaseSettings
from jobs.errors import Conflict, InvalidSettings, Unavailable

DISPATCHER, RENDERER = "rayfarm-batch-dispatcher", "rayfarm-batch-renderer"
"""Begin the names of the two Serve applications; the id of their cluster ends them, so that who sweeps knows whose work
to ask for. A farm's own have other names, and are never touched here."""
_GATE, _DRIVER = "gate", "driver-"
_BOTH = (RENDERER, DISPATCHER)
_LOOK_EVERY_S = 0.5
_ANSWERS_WITHIN = timedelta(minutes=1)
"""Serve's controller answers in milliseconds; of one that hangs, Ray's own calls wait for ever."""
T = TypeVar("T")


class FarmIsThere(Conflict):
    """A farm runs on this Ray cluster already."""

    code: ClassVar[str] = "farm-is-there"


class OtherDatabase(Conflict):
    """The batch farm of this Ray cluster works on another database."""

    code: ClassVar[str] = "other-database"


class BatchFarmNotReady(Unavailable):
    """Ray does not do what the batch farm needs of it."""

    code: ClassVar[str] = "batch-farm-not-ready"


class GateIsClosed(BatchFarmNotReady):
    """This driver can neither make, join nor take away a batch farm now."""


@dataclass(frozen=True, slots=True)
class Swept:
    """What a sweep found and did."""

    removed: tuple[str, ...]
    """Serve applications that are gone now."""
    kept_because: str | None
    """Why others stay; None: nothing is left."""


class _Mark:
    """Says by its name that its driver lives: Ray ends it with the driver."""

    def is_here(self) -> bool:
        return True


_MARK: Any = ray.remote(num_cpus=0)(_Mark)
_list_nodes: Callable[[], list[dict[str, Any]]] = ray.nodes  # Ray's types stop here
_total_resources: Callable[[], dict[str, float]] = ray.cluster_resources
_end_serve: Callable[[], None] = serve.shutdown
_disconnect: Callable[[], None] = ray.shutdown


def connect() -> None:
    """To the Ray cluster at ``RAY_ADDRESS``, or the one on this machine. Raises ``BatchFarmNotReady``."""
    try:
        ray.init(address=os.environ.get("RAY_ADDRESS") or "auto", namespace=NAMESPACE, log_to_driver=False)
    except (ConnectionError, RuntimeError, ValueError, RayError) as error:  # ValueError: no address at all
        raise BatchFarmNotReady(
            f"There is no Ray cluster here: {error}",
            remedy="Run it on a node of the cluster: `ray job submit -- …`, or `kubectl exec` into its head. "
            "RAY_ADDRESS, if set, is HOST:PORT of Ray's GCS; a cluster with RAY_AUTH_MODE=token wants its token too.",
        ) from error


@contextmanager
def _ray_answers() -> Iterator[None]:
    """What Ray raises in this block becomes ``BatchFarmNotReady``."""
    try:
        yield
    except (RayError, RayServeException, RuntimeError, ConnectionError, TimeoutError) as error:
        raise BatchFarmNotReady(
            f"Ray did not answer as it should ({type(error).__name__}): {error}",
            remedy="`ray status` says how the cluster fares. `rayfarm cluster gc` takes away what is left on it.",
        ) from error


@_ray_answers()
def require_no_farm() -> None:
    """Raises ``FarmIsThere``, ``BatchFarmNotReady``."""
    if running := FARM & _applications().keys():
        raise FarmIsThere(
            f"A farm runs on this Ray cluster ({', '.join(sorted(running))}).",
            remedy="Be its client: `python -m cluster.batch render …` with RAYFARM_URL and RAYFARM_API_KEY.",
        )


def cluster_id() -> str:
    """``RAYFARM_CLUSTER_ID``, or a name that this Ray cluster alone has: two may share a database."""
    given = os.environ.get("RAYFARM_CLUSTER_ID")
    if given and not re.fullmatch(r"[A-Za-z0-9._-]{1,60}", given):
        raise InvalidSettings("RAYFARM_CLUSTER_ID: write up to 60 letters, digits, dots, - and _ for a batch farm.")
    heads = [node["NodeID"] for node in _list_nodes() if "node:__internal_head__" in node.get("Resources", {})]
    return given or f"batch-{str(heads[0])[:12]}"


def environment(settings: BatchSettings) -> dict[str, str]:
    """What the farm's processes are told: this driver's ``RAYFARM_*`` but what its machine alone is called."""
    told = {name: os.environ[name] for name in os.environ if name.startswith("RAYFARM_") and name not in NAMES_A_NODE}
    told |= {"RAYFARM_CLUSTER_ID": cluster_id(), "RAYFARM_CLUSTER_MIN_REPLICAS": "0"}
    told.setdefault("RAYFARM_CLUSTER_KEEP_WARM", f"PT{settings.keep_warm.total_seconds():.10g}S")
    told.setdefault("RAYFARM_CLUSTER_CACHE_DIR", "/tmp/rayfarm-batch-cache")  # noqa: S108 - made 0700 by who uses it
    for name in ("RAYFARM_API_KEY", "RAYFARM_URL"):
        told.pop(name, None)
    return told


@contextmanager
def joined(
    *, settings: BatchSettings, admission: Callable[[], Admission], tell: Callable[[str], None]
) -> Iterator[None]:
    """The farm is up, and stays up, while this block runs. Raises ``OtherDatabase``, ``BatchFarmNotReady``."""
    with _ray_answers(), _gate(settings.start_within):
        mark = _marked(f"{_DRIVER}{uuid4().hex}", settings.start_within)
        try:
            there, cluster = _batch_farm()
            is_ours = _is_of_this_database() if there else True
            if is_ours is False:
                raise _other_database(cluster)
            if len(there) == len(_BOTH):
                if is_ours is None:
                    _require_leader(cluster, within=settings.lead_within)
                tell(f"joins the batch farm {cluster} that another driver made")
            else:
                _deploy(settings, admission)
                tell(f"made a batch farm of up to {ClusterSettings().max_replicas} renderers")
        except BaseException:
            _end(mark)  # else this driver's own mark would keep its sweep from what it left half made
            raise
    try:
        yield
    finally:
        _end(mark)


@_ray_answers()
def sweep(*, settings: BatchSettings) -> Swept:
    """Take away what no driver and no job needs any more. Does nothing where there is nothing, or where it works.

    Raises ``OtherDatabase``, ``BatchFarmNotReady``, ``DatabaseUnavailable``.
    """
    with _gate(settings.start_within):
        there, cluster = _batch_farm()
        if not there:
            end_keepers()  # of a driver that was killed before it deployed
            return Swept((), None)
        drivers = [each["name"] for each in list_named_actors(all_namespaces=True) if _is_driver(each)]
        if drivers:
            return Swept((), f"{len(drivers)} driver{'s' if len(drivers) > 1 else ''} of batch renders at work")
        is_ours = _is_of_this_database()
        if is_ours is False:
            return Swept((), f"{cluster} works on another database than this one")
        left = asyncio.run(_work_left(cluster))
        if is_ours is None and not left.leads:
            return Swept((), f"{cluster} does not tell its database, and does not lead in this one: it may be another")
        if not left.is_none:
            return Swept((), f"{left.leased} pieces of work are leased, {left.jobs} jobs are not over")
        for name in there:
            serve.delete(name)
        end_keepers()
        if not _applications():
            _end_serve()
        return Swept(tuple(there), None)


def words_of(swept: Swept) -> str:
    """For people: a sentence."""
    if swept.kept_because:
        return f"the batch farm stays: {swept.kept_because}. `rayfarm cluster gc` takes it away later."
    return f"took away {', '.join(swept.removed)}." if swept.removed else "no batch farm is left here."


def collect_garbage() -> Swept:
    """What ``rayfarm cluster gc`` does. Raises ``InvalidSettings``, ``BatchFarmNotReady``."""
    settings = BatchSettings()
    DatabaseSettings()  # an absent one is told before Ray is asked
    connect()
    try:
        return sweep(settings=settings)
    finally:
        _disconnect()


def _deploy(settings: BatchSettings, admission: Callable[[], Admission]) -> None:
    told = environment(settings)
    cluster = told["RAYFARM_CLUSTER_ID"]
    pool = ClusterSettings(
        id=cluster,
        min_replicas=0,
        keep_warm=settings.keep_warm if "RAYFARM_CLUSTER_KEEP_WARM" not in os.environ else ClusterSettings().keep_warm,
    )
    try:
        end_keepers()  # of a batch farm that somebody else took away
        url = DatabaseSettings().url.get_secret_value()
        keeper = start_keeper(url, identity=_identity_here(), within=settings.start_within)
        renderer = renderer_app(pool, resources=_resources(settings), environment=told, keeper=keeper)
        dispatcher = dispatcher_app(admission, environment=told)
        targets = [
            serve.RunTarget(dispatcher, name=f"{DISPATCHER}-{cluster}", route_prefix=None),
            serve.RunTarget(renderer, name=f"{RENDERER}-{cluster}", route_prefix=None),
        ]
        _start(targets, within=settings.start_within)
    except (RuntimeError, RayError, RayServeException, TimeoutError) as error:
        raise BatchFarmNotReady(
            f"Ray Serve did not start the batch farm: {error}",
            remedy="Is Rayfarm installed on every node, in the same version? `rayfarm cluster gc` takes away the rest.",
        ) from error


def _start(targets: Sequence[serve.RunTarget], *, within: timedelta) -> None:
    """They run. Raises ``RuntimeError`` where one cannot, ``TimeoutError``, and what Ray raises."""
    until = time.monotonic() + within.total_seconds()

    def ask() -> None:
        serve.start(proxy_location="Disabled")  # nothing of it is reached over HTTP
        serve.run_many(targets, wait_for_ingress_deployment_creation=False, wait_for_applications_running=False)

    _call(ask, within=within)
    while True:
        there = _applications()
        states = {target.name: there[target.name] for target in targets if target.name in there}
        if len(states) == len(targets) and all(each.status == ApplicationStatus.RUNNING for each in states.values()):
            return
        for name, state in states.items():
            if state.status == ApplicationStatus.DEPLOY_FAILED:
                raise RuntimeError(f"{name}: {state.message}")
        if time.monotonic() >= until:
            seen = ", ".join(f"{name} is {state.status.value}" for name, state in states.items())
            raise TimeoutError(f"it did not run within {within}: {seen or 'Serve knows nothing of it'}.")
        time.sleep(_LOOK_EVERY_S)


def _applications() -> Mapping[str, Any]:
    """What Serve knows of, by name. Raises ``TimeoutError``, and what Ray raises."""
    return _call(lambda: dict(serve.status().applications), within=_ANSWERS_WITHIN)


def _call(function: Callable[[], T], *, within: timedelta) -> T:
    """For what waits for ever: in a thread that ends with this process. Raises what it raises, or ``TimeoutError``."""
    answer: Future[T] = Future()

    def work() -> None:
        try:
            answer.set_result(function())
        except BaseException as error:  # whoever waits raises it
            answer.set_exception(error)

    threading.Thread(target=work, name="batch-serve", daemon=True).start()
    if not wait([answer], timeout=within.total_seconds()).done:
        raise TimeoutError(f"Serve's controller did not answer within {within}.")
    return answer.result()


def _resources(settings: BatchSettings) -> Mapping[str, Any]:
    has_gpus = _total_resources().get("GPU", 0) > 0
    gpus = settings.gpus if settings.gpus is not None else float(has_gpus)
    return {"num_cpus": settings.cpus, "num_gpus": gpus}


@contextmanager
def _gate(within: timedelta) -> Iterator[None]:
    """One driver at a time. Raises ``GateIsClosed``."""
    end = time.monotonic() + within.total_seconds()
    while True:
        try:
            gate = _marked(_GATE, within)
            break
        except ValueError as error:  # another one has the name
            if time.monotonic() >= end:
                raise GateIsClosed(
                    f"Another driver has started or swept the batch farm for {within}.",
                    remedy=f"`ray list actors` shows whose the actor {_GATE} of {NAMESPACE} is.",
                ) from error
        time.sleep(_LOOK_EVERY_S)
    try:
        yield
    finally:
        _end(gate)


def _marked(name: str, within: timedelta) -> Any:
    """A mark that is up. Raises ``ValueError`` where its name is taken, ``GateIsClosed``."""
    mark = _MARK.options(name=name, namespace=NAMESPACE).remote()
    try:
        ray.get(mark.is_here.remote(), timeout=within.total_seconds())
    except (RayError, TimeoutError) as error:
        _end(mark)
        raise GateIsClosed(f"Ray started no process within {within} ({type(error).__name__}).") from error
    return mark


def _end(mark: Any) -> None:
    with suppress(RayError, RuntimeError, ConnectionError):  # Ray may be gone, and the mark with it
        ray.kill(mark)


def _batch_farm() -> tuple[tuple[str, ...], str]:
    """(applications of the batch farm, renderers first; the id of its cluster)."""
    found = [name for kind in _BOTH for name in _applications() if name.startswith(f"{kind}-")]
    if not found:
        return (), ""
    kind = next(kind for kind in _BOTH if found[0].startswith(f"{kind}-"))
    return tuple(found), found[0].removeprefix(f"{kind}-")


def _is_of_this_database() -> bool | None:
    """Whether the batch farm works on it. None: that cannot be told."""
    theirs, ours = kept_identities(), _identity_here()
    return theirs == {ours} if theirs and ours else None


def _identity_here() -> str | None:
    async def ask() -> str | None:
        database = Database(DatabaseSettings())
        try:
            return await database_identity(database)
        finally:
            await database.close()

    return asyncio.run(ask())


def _require_leader(cluster: str, *, within: timedelta) -> None:
    end = time.monotonic() + within.total_seconds()
    while not asyncio.run(_work_left(cluster)).leads:
        if time.monotonic() >= end:
            raise _other_database(cluster)
        time.sleep(_LOOK_EVERY_S)


def _other_database(cluster: str) -> OtherDatabase:
    return OtherDatabase(
        f"The batch farm {cluster} of this Ray cluster does not work on this database.",
        remedy="Give the RAYFARM_DATABASE_URL of its first driver, or wait for its end: `rayfarm cluster gc`.",
    )


def _is_driver(actor: Mapping[str, str]) -> bool:
    return actor["namespace"] == NAMESPACE and actor["name"].startswith(_DRIVER)


async def _work_left(cluster: str) -> WorkLeft:
    database = Database(DatabaseSettings())
    try:
        if (await schema_state(database)).behind:
            raise OtherDatabase("The database has not the schema of this release: no batch farm works on it.")
        return await work_left(database, cluster_id=cluster)
    finally:
        await database.close()
