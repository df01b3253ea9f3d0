"""`rayfarm up|down|status|version`: the farm of this machine."""

from __future__ import annotations

import importlib
import platform
from pathlib import Path
from types import ModuleType
from typing import Annotated, Any

import typer

from jobs.errors import InvalidSettings, RayfarmError
from rayfarm._config import farm_home, home_key, resolve
from rayfarm.cli.exit_codes import UNREACHABLE
from rayfarm.cli.options import ApiKey, AsJson, Home, Url, named_project
from rayfarm.cli.output import Output, duration
from rayfarm.client import Client
from rayfarm.errors import ClientError, FarmRefused, FarmUnreachable, UsageError
from rayfarm.types import Json
from rayfarm.version import __version__


class FarmTrouble(FarmUnreachable):
    """The farm of this machine could not do that."""

    code = "farm"


def up(
    home: Home = None,
    host: Annotated[
        str | None, typer.Option(help="Address that the API listens on; 0.0.0.0 opens it to the network.")
    ] = None,
    port: Annotated[int | None, typer.Option(help="Port of the API (default 8700, or one that is free).")] = None,
    cpus: Annotated[int | None, typer.Option(help="Logical CPUs given to Ray.")] = None,
    slots: Annotated[int | None, typer.Option(help="Renderers at once.")] = None,
    as_json: AsJson = False,
) -> None:
    """Start a farm on this machine; one that runs is left as it is."""
    output = Output(as_json=as_json)
    place = home or farm_home()
    wanted = {"http_host": host, "http_port": port, "num_cpus": cpus, "render_slots": slots}
    info = bring_up(place, output, {name: value for name, value in wanted.items() if value is not None})
    describe(place, info.api_url, info.dashboard_url, info.ray_token_path, output, started_now=info.started_now)


def down(home: Home = None, as_json: AsJson = False) -> None:
    """Stop the farm of this machine and everything that it started; models, jobs and frames are kept."""
    output = Output(as_json=as_json)
    place = home or farm_home()
    control = _control()
    try:
        ran = control.down(place, progress=_teller(output))
    except RayfarmError as error:
        raise FarmTrouble(error.message, remedy=error.remedy) from error
    output.say(f"The farm in {place.resolve()} is down." if ran else f"No farm was running in {place.resolve()}.")
    output.record(down=True, was_running=ran, home=str(place.resolve()))


def status(home: Home = None, url: Url = None, api_key: ApiKey = None, as_json: AsJson = False) -> None:
    """Say how the farm is: its processes, if it is this machine's, and what its API says of its parts."""
    output = Output(as_json=as_json)
    place = home or farm_home()
    running: bool | None = None
    settled = True
    if url is None and (place / "farm.json").exists():
        control = _control()
        try:
            local = control.status(place)
        except RayfarmError as error:
            raise FarmTrouble(error.message, remedy=error.remedy) from error
        running = bool(local.running)
        stage = str(local.stage)
        settled = stage == "ready"
        output.say(f"farm      {local.home}: {stage}{f' ({local.detail})' if local.detail else ''}")
        output.record(home=str(local.home), running=running, stage=stage, detail=local.detail)
        if local.leftovers:
            output.say(
                f"          {local.leftovers} processes of a killed farm are left; `rayfarm up` or `down` ends them."
            )
        if not running:
            output.say("          start it with `rayfarm up`")
            raise typer.Exit(UNREACHABLE)
        if local.record is not None and local.record.dashboard_url:
            key_path = place.resolve() / "ray_token"
            output.say(f"dashboard {local.record.dashboard_url}  (sign in with the token in {key_path})")
    connection = resolve(url=url, api_key=api_key, home=home)
    with Client(connection.url, connection.api_key, project=named_project()) as client:
        try:
            parts = client.ready()
            ready = True
        except FarmUnreachable as error:
            if error.problem is None:
                raise
            parts, ready = error.problem, False
        replicas = client.replicas() if ready else []
        maintenance = _maintenance_of(client) if ready else None
    output.say(f"API       {connection.url}: {'ready' if ready else 'not ready'}")
    checks = list(parts.get("checks") or ())
    for check in checks:
        words = "ok" if check.get("ok") else str(check.get("detail") or "not ok")
        output.say(f"          {check.get('name')}: {words} ({check.get('ms')} ms)")
    if maintenance:
        drains = ", hands out no work" if maintenance.get("drain") else ""
        output.say(f"          under maintenance, read-only{drains}: {maintenance.get('message') or 'no reason given'}")
    up_now = [replica for replica in replicas if replica.state in ("up", "starting")]
    if ready:
        output.say(f"workers   {len(up_now)} up")
    sandboxes = sorted({str(replica.sandbox.get("level")) for replica in up_now if replica.sandbox})
    if sandboxes:
        output.say(f"sandbox   of their engines: {', '.join(sandboxes)} (`rayfarm workers` says what is missing)")
    output.record(
        url=connection.url,
        ready=ready,
        checks=checks,
        workers=len(up_now),
        sandboxes=sandboxes,
        maintenance=maintenance,
    )
    if not (ready and settled):  # a farm may answer before all of it is deployed, and while a part is repaired
        raise typer.Exit(UNREACHABLE)


def _maintenance_of(client: Client) -> Json | None:
    try:
        return client.status().get("maintenance")
    except FarmRefused:  # a farm of an older release has no such route
        return None


def version(as_json: AsJson = False) -> None:
    """Print the client's version."""
    output = Output(as_json=as_json)
    output.say(f"rayfarm {__version__} (Python {platform.python_version()})")
    output.record(rayfarm=__version__, python=platform.python_version())


def bring_up(home: Path, output: Output, wanted: dict[str, Any] | None = None) -> Any:
    """Start the farm of ``home`` if it does not run; its ``FarmInfo``."""
    control = _control()
    settings = importlib.import_module("cluster.local.settings")
    try:
        options = settings.LocalFarmSettings(home=home, **(wanted or {}))
        return control.up(home, options, progress=_teller(output))
    except InvalidSettings as error:
        raise UsageError(error.message, remedy=error.remedy) from error
    except RayfarmError as error:
        raise FarmTrouble(error.message, remedy=error.remedy) from error


def describe(
    home: Path, api_url: str, dashboard_url: str, token_path: Path, output: Output, *, started_now: bool
) -> None:
    """Where everything of a farm is, for people and programs; never a secret itself."""
    key_path = home.resolve() / "admin_key"
    output.say(f"Web        {web_page(api_url, home)}")
    output.say(f"API        {api_url}/v1   (key: {key_path})")
    output.say(f"API docs   {api_url}/docs")
    output.say(f"Dashboard  {dashboard_url}   (sign in with the token in {token_path})")
    output.say(f"Outputs    {storage_place(home)}")
    output.record(
        up=True,
        started_now=started_now,
        api_url=api_url,
        docs_url=f"{api_url}/docs",
        dashboard_url=dashboard_url,
        dashboard_token_file=str(token_path),
        api_key_file=str(key_path),
        outputs=storage_place(home),
    )
    if home_key(home) is None:
        output.note(f"The farm's API key is not in {key_path} yet.")


def web_page(api_url: str, home: Path, path: str = "/") -> str:
    """The address of a page of the web app and how to get in there; how to build it, where nobody has."""
    with Client(api_url, home_key(home)) as client:
        try:
            is_built = client.has_web_app()
        except ClientError:  # says nothing against the farm: `status` tells what is wrong with it
            is_built = True
    if not is_built:
        return "not built: `make web` (needs Node.js 20), then `make down up`"
    return f"{api_url}{path}   (sign in with the key in {home.resolve() / 'admin_key'})"


def storage_place(home: Path) -> str:
    """Where the farm of ``home`` puts its outputs."""
    settings = importlib.import_module("cluster.local.settings").LocalFarmSettings(home=home)
    return str(settings.storage_url or home.resolve() / "storage")


def _control() -> ModuleType:
    """The one-machine control, loaded only here: a client that talks to a farm elsewhere needs none of it."""
    try:
        return importlib.import_module("cluster.local.control")
    except ImportError as error:
        raise UsageError(
            f"This installation is a client only; it cannot run a farm ({error}).",
            remedy="Install the whole of Rayfarm on this machine, or name a farm with --url.",
        ) from error


def _teller(output: Output) -> Any:
    def tell(stage: str, detail: str, seconds: float) -> None:
        output.say(f"{duration(seconds):>8}  {stage}{f': {detail}' if detail else ''}")
        output.record(stage=stage, detail=detail, seconds=round(seconds, 3))

    return tell
