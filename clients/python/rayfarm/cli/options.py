"""Options that several commands share, and how ``--set`` values are read."""

from __future__ import annotations

import functools
import inspect
import json
import re
from collections.abc import Callable, Iterable, Sequence
from contextvars import ContextVar
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import typer

from rayfarm.errors import UsageError

Url = Annotated[str | None, typer.Option("--url", help="Address of the farm's API (RAYFARM_URL).", show_default=False)]
ApiKey = Annotated[
    str | None,
    typer.Option(
        "--api-key",
        help="API key (RAYFARM_API_KEY; better there, as other users can see a command line).",
        show_default=False,
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, one object a line.")]
Home = Annotated[
    Path | None,
    typer.Option(
        "--home", help="Folder of this machine's farm (RAYFARM_HOME, default ./.rayfarm).", show_default=False
    ),
]

StartBefore = Annotated[
    str | None,
    typer.Option(
        "--start-before", metavar="TIME", help="Not started by then, it ends: 2026-11-28T07:00+01:00, or 90m."
    ),
]
FinishBefore = Annotated[
    str | None, typer.Option("--finish-before", metavar="TIME", help="Not finished by then, it ends; written likewise.")
]

ExpiresAt = Annotated[
    str | None,
    typer.Option(
        "--expires-at", metavar="TIME", help="When its files end, written likewise; none: as the farm keeps them."
    ),
]

TagOption = Annotated[list[str] | None, typer.Option("--tag", help="Word to find the job by; repeatable.")]
ShowOption = Annotated[str | None, typer.Option("--show", help="The production that it belongs to.")]
ShotOption = Annotated[str | None, typer.Option("--shot", help="The shot of that production; needs --show.")]

DeliverTo = Annotated[
    str | None,
    typer.Option(
        "--deliver-to", metavar="NAME", help="Also put the files into this destination of the project; none: nowhere."
    ),
]

NotifyOption = Annotated[
    list[str] | None,
    typer.Option(
        "--notify",
        metavar="WHOM",
        help="Tell how it ended: me, the e-mail address of a member, or the id of a webhook; repeatable.",
    ),
]

NamingOption = Annotated[
    str | None,
    typer.Option(
        "--naming", metavar="TEMPLATE", help="Path of each picture, of fields: {show}/{shot}/{camera}.{frame:04d}."
    ),
]

SplitOption = Annotated[
    str | None,
    typer.Option(
        "--split", metavar="MODE:PARTS", help="Share each frame out over workers: borders:4 or samples:4; none: whole."
    ),
]

ProjectOption = Annotated[
    str | None,
    typer.Option(
        "--project",
        metavar="SLUG",
        help="Project to act in, for who is in several (RAYFARM_PROJECT).",
        show_default=False,
    ),
]
_project: ContextVar[str | None] = ContextVar("project", default=None)


def in_project(function: Callable[..., Any]) -> Callable[..., Any]:
    """The command with ``--project``, where it talks to a farm and has no such parameter of its own."""
    signature = inspect.signature(function, eval_str=True)
    own = signature.parameters
    if "url" not in own or "project" in own:
        return function

    @functools.wraps(function)
    def command(*, project: str | None = None, **options: Any) -> Any:
        token = _project.set(project)
        try:
            return function(**options)
        finally:
            _project.reset(token)

    added = inspect.Parameter("project", inspect.Parameter.KEYWORD_ONLY, default=None, annotation=ProjectOption)
    command.__signature__ = signature.replace(parameters=[*own.values(), added])  # type: ignore[attr-defined]
    command.__annotations__ = {name: each.annotation for name, each in own.items()} | {"project": ProjectOption}
    return command


def named_project() -> str | None:
    """Of the command that runs: the slug after ``--project``."""
    return _project.get()


def same_farm(url: str | None) -> list[str]:
    """What another command has to be told to meet the same farm and project as this one."""
    project = named_project()
    return [*(["--url", url] if url else []), *(["--project", project] if project else [])]


_AHEAD = re.compile(r"(\d+)\s*([smhd])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def read_notify(whom: Sequence[str]) -> dict[str, Any]:
    """``notify`` of a job. ``UsageError`` for more than one webhook, and for what is neither that nor an address."""
    webhooks, emails = [], []
    for each in whom:
        try:
            webhooks.append(str(UUID(each)))
        except ValueError:
            if each != "me" and "@" not in each:
                raise UsageError(
                    f"--notify {each!r} is nobody.", remedy="Write me, an e-mail address, or the id of a webhook."
                ) from None
            emails.append(each)
    if len(webhooks) > 1:
        raise UsageError("A job tells one webhook.", remedy="Give --notify one id; it may tell the others.")
    return {"email": emails, "webhook": webhooks[0] if webhooks else None}


def require_show(show: str | None, shot: str | None) -> None:
    """Raises ``UsageError`` for a shot of no show, before a scene is sent."""
    if shot and not show:
        raise UsageError(f"--shot {shot!r} is of no show.", remedy="Name that too: --show NAME.")


def read_time(text: str) -> str:
    """ISO 8601 of a point in time, or of so long from now (``90m``, ``2h``); without a zone it is this machine's."""
    ahead = _AHEAD.fullmatch(text.strip())
    try:
        if ahead:
            moment = datetime.now(UTC) + timedelta(**{_UNITS[ahead[2]]: int(ahead[1])})
        else:
            moment = datetime.fromisoformat(text.strip())
            moment = moment if moment.tzinfo else moment.astimezone()
    except (ValueError, OverflowError):
        raise UsageError(
            f"{text!r} is not a time.", remedy="Write it like 2026-11-28T07:00, 2026-11-28T07:00+01:00, 90m or 2h."
        ) from None
    return moment.isoformat()


def read_settings(pairs: Iterable[str]) -> dict[str, Any]:
    """``key=value`` pairs; a value is JSON where it can be read as such, else text. ``a.b=1`` sets within ``a``."""
    settings: dict[str, Any] = {}
    for pair in pairs:
        key, equals, text = pair.partition("=")
        if not equals or not key.strip():
            raise UsageError(f"--set {pair!r} is not key=value.", remedy="Write it like --set samples=64.")
        *folders, last = key.strip().split(".")
        place = settings
        for folder in folders:
            inner = place.setdefault(folder, {})
            if not isinstance(inner, dict):
                raise UsageError(f"--set {key.strip()} goes into {folder}, which was set to a plain value before.")
            place = inner
        try:
            place[last] = json.loads(text)
        except ValueError:
            place[last] = text
    return settings


def read_resolution(text: str) -> tuple[int, int]:
    """``640x360``."""
    width, cross, height = text.lower().replace("×", "x").partition("x")
    if not cross or not width.isdecimal() or not height.isdecimal():
        raise UsageError(f"--resolution {text!r} is not a size.", remedy="Write it like --resolution 1920x1080.")
    return int(width), int(height)


def read_maps(pairs: Iterable[str]) -> list[tuple[str, str]]:
    """``FROM=TO`` pairs."""
    maps = []
    for pair in pairs:
        before, equals, after = pair.partition("=")
        if not equals or not before or not after:
            raise UsageError(f"--map {pair!r} is not FROM=TO.", remedy="Write it like --map P:/textures=/mnt/textures.")
        maps.append((before, after))
    return maps


def read_split(text: str) -> dict[str, Any]:
    """``borders:4``, ``samples:8``; ``none``: frames are rendered whole. What a pipeline can do, the farm knows."""
    mode, colon, parts = text.strip().partition(":")
    if mode == "none" and not colon:
        return {"mode": mode, "parts": 1}
    if not mode or not parts.isdecimal():
        raise UsageError(f"--split {text!r} is not MODE:PARTS.", remedy="Write it like --split borders:4, or none.")
    return {"mode": mode, "parts": int(parts)}


def read_outputs(
    *, video: bool, codec: str | None, contact_sheet: bool, audio: str | None = None, naming: str | None = None
) -> dict[str, Any]:
    """``outputs`` of a job. A codec, or a word on sound, asks for a film, of a single frame too; without, the farm
    decides."""
    film = {name: value for name, value in (("codec", codec), ("audio", audio)) if value is not None}
    if film and not video:
        raise UsageError(f"--{next(iter(film))} is of a film, and --no-video asks for none.", remedy="Leave one out.")
    outputs: dict[str, Any] = {"video": film or ("auto" if video else None)}
    outputs |= {"contact_sheet": {}} if contact_sheet else {}
    return {**outputs, "naming": naming} if naming else outputs
