"""`rayfarm import-openjd`: a job template of Open Job Description becomes a job."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from jobs.errors import RayfarmError
from rayfarm.cli.exit_codes import INTERRUPTED
from rayfarm.cli.job_commands import connect
from rayfarm.cli.options import (
    ApiKey,
    AsJson,
    NamingOption,
    NotifyOption,
    ShotOption,
    ShowOption,
    TagOption,
    Url,
    read_notify,
    read_settings,
    require_show,
)
from rayfarm.cli.output import Output
from rayfarm.cli.registering import register
from rayfarm.cli.render_command import check_folder, conclude, follow, leave_unknown, resume_command
from rayfarm.errors import UsageError
from rayfarm.types import Job


def import_openjd(
    template: Annotated[Path, typer.Argument(help="The job template, YAML or JSON.", metavar="TEMPLATE")],
    scene: Annotated[
        Path | None, typer.Option(help="The .blend file that the template renders; uploaded where the farm lacks it.")
    ] = None,
    model: Annotated[str | None, typer.Option(metavar="MODEL", help="Instead: a registered model, by its id.")] = None,
    parameter: Annotated[
        list[str] | None,
        typer.Option("--parameter", "-p", metavar="NAME=VALUE", help="Value of a job parameter; repeatable."),
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="A setting that the template does not name; repeatable."),
    ] = None,
    priority: Annotated[
        Literal["interactive", "normal", "batch"], typer.Option(help="What starts first when workers are scarce.")
    ] = "normal",
    tag: TagOption = None,
    show: ShowOption = None,
    shot: ShotOption = None,
    naming: NamingOption = None,
    notify: NotifyOption = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="Folder for the frames and the film; absent: they stay.", file_okay=False),
    ] = None,
    detach: Annotated[bool, typer.Option("--detach", help="Return once the job is submitted.")] = False,
    url: Url = None,
    api_key: ApiKey = None,
    as_json: AsJson = False,
) -> None:
    """Submit what an Open Job Description template describes; nothing of it is run on this machine or the farm."""
    output = Output(as_json=as_json)
    require_show(show, shot)
    if (scene is None) == (model is None):
        raise UsageError("Which scene does the template render?", remedy="Give --scene FILE, or --model MODEL.")
    if out is not None and not detach:
        check_folder(out)
    text = _read(template)
    parameters = read_parameters(parameter or ())
    _check(text, parameters)
    settings = read_settings(set_ or ())
    named = {"tags": tag, "show": show, "shot": shot, "naming": naming}
    groups: dict[str, Any] = {name: value for name, value in named.items() if value}
    if notify:
        groups["notify"] = read_notify(notify)
    asked = False  # once it is, the farm may have the job, whether or not the answer comes
    job: Job | None = None
    with connect(url, api_key) as client:
        try:
            chosen = register(client, scene, output=output) if scene is not None else client.model(str(model))
            asked = True
            job = client.import_openjd(
                text, chosen, parameters=parameters, settings=settings, priority=priority, **groups
            )
        except KeyboardInterrupt:
            leave_unknown(template.stem if asked else None, output=output, url=url)
            raise typer.Exit(INTERRUPTED) from None
        output.record(job=job.id, model=chosen.id, frames=job.frames, total=job.counts.total)
        output.say(f"job {job.id}: {job.counts.total} frame{'s' if job.counts.total != 1 else ''} ({job.frames})")
        if detach:
            output.say(f"watch it with: {resume_command(job, out, url)}")
            return
        followed = follow(client, job, out=out, output=output, url=url)
    conclude(followed, out=out, output=output)


def read_parameters(pairs: list[str] | tuple[str, ...]) -> dict[str, str]:
    """``NAME=VALUE`` pairs; a value stays the text that it is, for the template knows its type."""
    found: dict[str, str] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name.strip():
            raise UsageError(f"--parameter {pair!r} is not NAME=VALUE.", remedy="Write it like -p Frames=1-48.")
        found[name.strip()] = value
    return found


def _check(text: str, parameters: dict[str, str]) -> None:
    """Refuse what the farm would refuse, before gigabytes are sent in vain."""
    from jobs.openjd import import_template  # its library takes 0.3 s to load, which no other command should wait for

    try:
        import_template(text, parameters)
    except RayfarmError as error:
        raise UsageError(error.message, remedy=error.remedy) from error


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror or error}.") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{path} is no text in UTF-8.", remedy="Name the template's file.") from error
