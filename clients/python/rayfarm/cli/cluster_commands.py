"""`rayfarm cluster …`: the farm on Kubernetes, for its operators."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from types import ModuleType
from typing import Annotated, Any, NamedTuple

import typer

from jobs.errors import Conflict, NotFound, RayfarmError, Unavailable
from rayfarm.cli.exit_codes import UNFINISHED, UNREACHABLE, USAGE
from rayfarm.cli.job_commands import connect
from rayfarm.cli.options import ApiKey, AsJson, Url
from rayfarm.cli.output import Output
from rayfarm.client import Client
from rayfarm.errors import FarmRefused, FarmUnreachable, UsageError

_FOR_EVER_S = 10 * 365 * 86400.0

Context = Annotated[
    str | None, typer.Option("--context", help="Context of the kubeconfig (RAYFARM_KUBE_CONTEXT).", show_default=False)
]
Namespace = Annotated[
    str | None,
    typer.Option("--namespace", "-n", help="Namespace of the farm (RAYFARM_KUBE_NAMESPACE).", show_default=False),
]
Name = Annotated[
    str | None,
    typer.Option(help="The RayService or RayCluster, where there are several (RAYFARM_KUBE_NAME).", show_default=False),
]
Within = Annotated[
    float | None,
    typer.Option(min=0, help="Seconds that frames may take; then they are given back and rendered elsewhere."),
]
Job = Annotated[str, typer.Argument(help="The RayJob, as `rayfarm cluster submit` printed it.", metavar="RAYJOB")]


class FarmOfClient:
    """The farm's API as the commands on Kubernetes need it (``cluster.kube.farm.Farm``)."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def nodes(self) -> list[dict[str, Any]]:
        with _as_the_farm_says():
            return [dict(node) for node in self._client.nodes()]

    def replicas(self) -> list[dict[str, Any]]:
        with _as_the_farm_says():
            return [dict(replica.raw) for replica in self._client.replicas()]

    def drain(self, worker: str, *, reason: str, within_s: float | None) -> bool:
        try:
            with _as_the_farm_says():
                self._client.drain(worker, reason=reason, within_s=within_s)
        except NotFound:
            return False
        return True

    def enable(self, worker: str) -> bool:
        try:
            with _as_the_farm_says():
                self._client.enable(worker)
        except NotFound:
            return False
        return True


def status(name: Name = None, context: Context = None, namespace: Namespace = None, as_json: AsJson = False) -> None:
    """Say what KubeRay runs of the farm: ready or not, clusters, worker groups and their bounds, RayJobs."""
    with _operating(as_json, context, namespace) as (output, control, gateway):
        view = control.target(gateway, name)
        ready = control.is_ready(view)
        clusters, jobs = control.clusters(gateway), control.jobs(gateway)
    record = view.record()
    listed = {"clusters": [each.record() for each in clusters], "jobs": [each.record() for each in jobs]}
    output.record(**record, ready=ready, **listed)
    output.say(f"{record['kind']} {view.name}: {'ready' if ready else 'not ready'}")
    if not view.is_current:
        output.say(f"  KubeRay has not seen the last change (generation {view.observed} of {view.generation})")
    for each in view.conditions:
        output.say(f"  {each.type}: {each.status}{f' ({each.message})' if each.message else ''}")
    output.say(f"  serves: {view.active or 'no cluster'}{f'; {view.pending} is prepared' if view.pending else ''}")
    for cluster in clusters:
        ready_now, wanted = cluster.workers or (0, 0)
        output.say(f"  cluster {cluster.name}: {ready_now} of {wanted} workers ready")
    rows = [(each.name, *each.bounds_words()) for each in view.groups]
    output.table(("group", "min", "max"), rows, empty="It has no worker groups.")
    for job in jobs:
        words = "suspended" if job.suspended else job.deployment or "new"
        output.say(f"job {job.name} of {job.tenant or 'nobody'}: {words}")
    if not ready:
        raise typer.Exit(UNREACHABLE)


def scale(
    group: Annotated[str, typer.Argument(help="The worker group, as `rayfarm cluster status` lists it.")],
    maximum: Annotated[int | None, typer.Option("--max", min=0, help="Workers at most.")] = None,
    minimum: Annotated[int | None, typer.Option("--min", min=0, help="Workers that stay when idle.")] = None,
    name: Name = None,
    context: Context = None,
    namespace: Namespace = None,
    as_json: AsJson = False,
) -> None:
    """Set the bounds of a worker group; Ray's autoscaler chooses within them."""
    with _operating(as_json, context, namespace) as (output, control, gateway):
        done = control.scale(gateway, group=group, maximum=maximum, minimum=minimum, name=name)
    output.record(**asdict(done), changed=done.changed, over=done.over)
    span, former = (" to ".join(each.bounds_words()) for each in (done.after, done.before))
    if not done.changed:
        output.say(f"{group} of {done.target} has {span} workers already.")
        return
    output.say(f"{group} of {done.target}: {span} workers, was {former}.")
    if done.over:
        output.note(f"{done.over} workers are above that: Ray ends them, and their frames are rendered again.")
    if not done.observed:
        output.note("KubeRay has not seen it yet; `rayfarm cluster status` tells when.")


def upgrade(
    image: Annotated[str | None, typer.Option(help="Image of every Ray container.", show_default=False)] = None,
    file: Annotated[
        Path | None, typer.Option(help="A manifest with the RayService as it shall be.", show_default=False)
    ] = None,
    within: Within = None,
    keep_old: Annotated[bool, typer.Option("--keep-old", help="Leave the old cluster to KubeRay's delay.")] = False,
    name: Name = None,
    context: Context = None,
    namespace: Namespace = None,
    url: Url = None,
    api_key: ApiKey = None,
    as_json: AsJson = False,
) -> None:
    """Replace the farm's cluster: the new one first, then the old one's frames finish, then it goes."""
    with _farm_of(url, api_key) as farm, _operating(as_json, context, namespace) as (output, control, gateway):
        done = control.upgrade(
            gateway,
            farm,
            name=name,
            image=image,
            file=file,
            within=_span(within),
            keep_old=keep_old,
            tell=_teller(output),
        )
    output.record(**asdict(done), complete=done.is_complete)
    output.say(f"{done.service} is upgraded; {done.cluster} serves.")
    for cluster, work in done.former.items():
        if work.given_back:
            output.note(f"{cluster}: {len(work.given_back)} workers gave frames back, which are rendered again.")
        if work.still_busy:
            output.note(
                f"{cluster} was kept: {', '.join(work.still_busy)} still render. KubeRay deletes it after its delay; "
                "give the command again to wait on."
            )
    if not done.is_complete:
        raise typer.Exit(UNFINISHED)


def drain(
    node: Annotated[str, typer.Argument(help="The Kubernetes node.")],
    within: Within = None,
    force: Annotated[bool, typer.Option("--force", help="Also evict pods that nothing starts again.")] = False,
    context: Context = None,
    namespace: Namespace = None,
    url: Url = None,
    api_key: ApiKey = None,
    as_json: AsJson = False,
) -> None:
    """Empty a node: no new pods, its frames finish, then its pods leave as their disruption budgets allow."""
    with _farm_of(url, api_key) as farm, _operating(as_json, context, namespace) as (output, control, gateway):
        done = control.drain(
            gateway,
            farm,
            node=node,
            within=_span(within),
            force=force,
            tell=_teller(output),
        )
    output.record(**asdict(done), complete=done.is_complete)
    for place, why in done.left.items():
        output.note(f"{place} is left: {why}")
    if done.is_complete:
        output.say(f"{node} is empty. `kubectl uncordon {node}` and `rayfarm enable` give it work again.")
        return
    output.say(f"{node} takes no new pods, but is not empty. Give the command again to go on.")
    raise typer.Exit(UNFINISHED)


def notices(
    seconds: Annotated[
        float, typer.Option("--for", min=1, help="Seconds to watch; then it ends.", show_default=False)
    ] = _FOR_EVER_S,
    context: Context = None,
    namespace: Namespace = None,
    url: Url = None,
    api_key: ApiKey = None,
    as_json: AsJson = False,
) -> None:
    """Watch the nodes, and tell the farm of those that are about to go: spot interruptions and scale-downs.

    What a notice disabled gets work again when the notice, or the node, is gone.
    """
    with _farm_of(url, api_key) as farm, _operating(as_json, context, namespace) as (output, control, gateway):
        told = control.pass_on_notices(gateway, farm, for_s=seconds, tell=_teller(output))
    output.record(nodes=told)


def submit(
    file: Annotated[Path, typer.Argument(help="A manifest with one RayJob.")],
    tenant: Annotated[str, typer.Option(help="Whose it is: a project's slug.")],
    key: Annotated[str | None, typer.Option(help="Makes a repeated submit the same one; the manifest's name.")] = None,
    watch: Annotated[bool, typer.Option("--watch", help="Follow it to its end.")] = False,
    context: Context = None,
    namespace: Namespace = None,
    as_json: AsJson = False,
) -> None:
    """Submit a RayJob on a Ray cluster of its own."""
    with _operating(as_json, context, namespace) as (output, control, gateway):
        name, is_new = control.submit(gateway, file=file, tenant=tenant, key=key)
        output.record(rayjob=name, is_new=is_new)
        output.say(f"{name} {'was submitted' if is_new else 'is there already'}.")
        if watch:
            _follow(output, control, gateway, name, None)


def follow(
    job: Job,
    within: Annotated[float | None, typer.Option(min=0, help="Seconds to wait at most.")] = None,
    context: Context = None,
    namespace: Namespace = None,
    as_json: AsJson = False,
) -> None:
    """Follow a RayJob to its end; exit code 1 if it failed."""
    with _operating(as_json, context, namespace) as (output, control, gateway):
        _follow(output, control, gateway, job, within)


def suspend(job: Job, context: Context = None, namespace: Namespace = None, as_json: AsJson = False) -> None:
    """Take a RayJob's cluster away; its farm knows which frames are done."""
    _set_suspended(job, suspended=True, at=_operating(as_json, context, namespace))


def resume(job: Job, context: Context = None, namespace: Namespace = None, as_json: AsJson = False) -> None:
    """Give a suspended RayJob a cluster again."""
    _set_suspended(job, suspended=False, at=_operating(as_json, context, namespace))


def gc(as_json: AsJson = False) -> None:
    """Take away what batch renders left on the Ray cluster at RAY_ADDRESS; never what still works."""
    output = Output(as_json=as_json)
    with _told(output):
        farm = _batch_farm()
        swept = farm.collect_garbage()
    output.record(**asdict(swept))
    output.say(farm.words_of(swept))


def _set_suspended(job: str, *, suspended: bool, at: AbstractContextManager[_Operating]) -> None:
    with at as (output, control, gateway):
        (control.suspend if suspended else control.resume)(gateway, job)
    output.record(rayjob=job, suspended=suspended)
    output.say(f"{job} {'is suspended' if suspended else 'goes on'}.")


def _follow(output: Output, control: ModuleType, gateway: Any, job: str, within: float | None) -> None:
    ended = control.follow(gateway, job, within=_span(within), tell=_teller(output))
    output.record(**asdict(ended))
    output.say(f"{ended.name} {'succeeded' if ended.succeeded else f'failed: {ended.reason} {ended.message}'.rstrip()}")
    if not ended.succeeded:
        raise typer.Exit(UNFINISHED)


class _Operating(NamedTuple):
    """What every command on Kubernetes works with."""

    output: Output
    control: ModuleType
    gateway: Any


@contextmanager
def _operating(as_json: bool, context: str | None, namespace: str | None) -> Iterator[_Operating]:
    output, control = Output(as_json=as_json), _control()
    with _told(output):
        yield _Operating(output, control, control.connect(context=context, namespace=namespace))


@contextmanager
def _farm_of(url: str | None, api_key: str | None) -> Iterator[FarmOfClient]:
    with connect(url, api_key) as client:
        yield FarmOfClient(client)


@contextmanager
def _told(output: Output) -> Iterator[None]:
    """What the cluster package raises becomes an error of the CLI: 3 nothing answers, 1 not in time, 2 the rest."""
    try:
        yield
    except RayfarmError as error:
        output.trouble(code=error.code, message=error.message, remedy=error.remedy)
        code = UNREACHABLE if isinstance(error, Unavailable) else UNFINISHED if error.code == "not-in-time" else USAGE
        raise typer.Exit(code) from error


@contextmanager
def _as_the_farm_says() -> Iterator[None]:
    """The SDK's errors as the cluster package knows them: one that passes, one that stays, and a worker that has left.

    A key that is not valid (401, 403) goes on as it is: it ends the command, as nothing can be told with it.
    """
    try:
        yield
    except FarmUnreachable as error:
        raise Unavailable(error.message, remedy=error.remedy) from error
    except FarmRefused as error:
        match error.status:
            case 401 | 403:
                raise
            case 404:
                raise NotFound(error.message, remedy=error.remedy) from error
            case status if status == 429 or status >= 500:
                raise Unavailable(error.message, remedy=error.remedy) from error
            case _:
                raise Conflict(error.message, remedy=error.remedy) from error


def _teller(output: Output) -> Any:
    def tell(text: str) -> None:
        output.say(text)
        output.record(done=text)

    return tell


def _span(seconds: float | None) -> timedelta | None:
    return None if seconds is None else timedelta(seconds=seconds)


def _control() -> ModuleType:
    with _installed():
        return importlib.import_module("cluster.kube.control")


def _batch_farm() -> ModuleType:
    with _installed():
        return importlib.import_module("cluster.batch_farm")


@contextmanager
def _installed() -> Iterator[None]:
    """Imports here: a client that talks to a farm elsewhere needs neither Kubernetes nor Ray."""
    try:
        yield
    except ImportError as error:
        raise UsageError(
            f"This installation is a client only; it cannot run a cluster ({error}).",
            remedy="Install the whole of Rayfarm where you operate the farm.",
        ) from error
