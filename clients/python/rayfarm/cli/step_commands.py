"""`rayfarm step|steps`: make something of frames that are there, see how far it is, bring it home."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from rayfarm.cli.exit_codes import INTERRUPTED, UNFINISHED
from rayfarm.cli.job_commands import JobId, connect
from rayfarm.cli.options import ApiKey, AsJson, Url, read_settings, same_farm
from rayfarm.cli.output import Output
from rayfarm.cli.render_command import check_folder
from rayfarm.client import Client
from rayfarm.downloads import Fetched
from rayfarm.errors import StepFailed, UsageError
from rayfarm.types import Json, Step

Name = Literal["denoise", "upscale", "tonemap", "contact_sheet", "compare", "video"]
Out = Annotated[Path | None, typer.Option("--out", "-o", help="Folder for the files.", show_default=False)]

_FIGURES = ("frame", "psnr_db", "ssim", "flip")
"""Of a comparison, a row a frame."""


def step(
    job_id: JobId,
    name: Annotated[Name, typer.Argument(help="What to make.", metavar="STEP")],
    frames: Annotated[str | None, typer.Option("--frames", "-f", help="Of these: 5,10-20 …; absent: all.")] = None,
    set_: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="A setting of the step: factor=4, fps=12 …")
    ] = None,
    against: Annotated[
        str | None, typer.Option("--with-job", metavar="JOB", help="compare: a job with the same frames.")
    ] = None,
    lut: Annotated[
        Path | None, typer.Option("--lut", help="tonemap: a 3D .cube file, which is uploaded.", show_default=False)
    ] = None,
    out: Out = None,
    detach: Annotated[bool, typer.Option("--detach", help="Ask for it, and do not wait.")] = False,
    url: Url = None,
    api_key: ApiKey = None,
    as_json: AsJson = False,
) -> None:
    """Denoise, enlarge, tone-map, compare or film finished frames; the job itself stays as it is."""
    output = Output(as_json=as_json)
    settings = _settings(name, frames=frames, pairs=set_ or (), against=against, lut=lut)
    if detach and out is not None:
        raise UsageError("--detach does not wait for files, so --out has none to write.", remedy="Leave one out.")
    if out is not None:
        check_folder(out)
    with connect(url, api_key) as client:
        asked = client.add_step(job_id, name, **settings)
        if detach:
            output.record(**asked.raw)
            output.say(f"step {asked.id} is {asked.state}. See it with: {_look(job_id, asked.id, url)}")
            return
        output.say(f"step {asked.id}: {name} of {frames or 'all frames'}")
        try:
            _conclude(client, job_id, client.wait_step(job_id, asked), out=out, output=output)
        except KeyboardInterrupt:
            output.note(f"\nThe step goes on without you. See it with:\n  {_look(job_id, asked.id, url)}")
            raise typer.Exit(INTERRUPTED) from None
        except StepFailed as error:
            output.error(error)
            raise typer.Exit(UNFINISHED) from None


def steps(
    job_id: JobId,
    number: Annotated[
        int | None, typer.Argument(help="Wait for this one, and show what came of it.", show_default=False)
    ] = None,
    out: Out = None,
    url: Url = None,
    api_key: ApiKey = None,
    as_json: AsJson = False,
) -> None:
    """List what was made of a job's frames, newest first; of one, show the result and fetch its files."""
    output = Output(as_json=as_json)
    if number is None and out is not None:
        raise UsageError("--out takes the files of one step.", remedy="Name it: rayfarm steps JOB NUMBER --out FOLDER.")
    if out is not None:
        check_folder(out)
    with connect(url, api_key) as client:
        if number is None:
            _list(client, job_id, output)
            return
        try:
            _conclude(client, job_id, client.wait_step(job_id, number), out=out, output=output)
        except StepFailed as error:
            output.error(error)
            raise typer.Exit(UNFINISHED) from None


def _settings(
    name: str, *, frames: str | None, pairs: list[str] | tuple[str, ...], against: str | None, lut: Path | None
) -> dict[str, Any]:
    """What the farm is asked; whether a step has such a setting, the farm knows."""
    settings = read_settings(pairs)
    if frames is not None:
        settings["frames"] = frames
    if against is not None:
        settings["with_job"] = against
    if name == "compare" and not settings.keys() & {"with_job", "with_frame"}:
        raise UsageError(
            "compare has nothing to compare with.",
            remedy="Name a job with the same frames by --with-job JOB, or one frame for all by --set with_frame=1.",
        )
    if lut is not None:
        if name != "tonemap":
            raise UsageError(f"--lut is for tonemap; {name} has no look-up table.")
        settings["lut"] = lut
    return settings


def _list(client: Client, job_id: str, output: Output) -> None:
    rows = []
    for found in client.steps(job_id):
        output.record(**found.raw)
        frames = str(found.request.get("frames") or "all")
        said = found.error or _words(found)
        rows.append((str(found.id), found.step, found.state, frames, said, found.created_at or ""))
    output.table(("step", "makes", "state", "frames", "result", "created"), rows, empty="Nothing was asked for yet.")


def _conclude(client: Client, job_id: str, done: Step, *, out: Path | None, output: Output) -> None:
    """Say what came of it, and bring the files home."""
    output.record(**done.raw)
    output.say(f"step {done.id} is done: {_words(done)}")
    compared = (done.result or {}).get("compared") or ()
    if compared:
        output.table(_FIGURES, [_figures(each) for each in compared], empty="")
    if out is None:
        output.say(f"{len(done.files)} files; fetch them with --out FOLDER.")
        return

    def told(path: Path, fetched: Fetched) -> None:
        output.say(f"{path}{' (already here)' if fetched is Fetched.SAME else ''}")
        output.record(file=str(path), status=fetched.value)

    client.download_step(job_id, done, out, on_file=told)


def _words(found: Step) -> str:
    """The result in a line, without its lists."""
    plain = {key: value for key, value in (found.result or {}).items() if key not in ("files", "compared")}
    return ", ".join(f"{key} {_plain(value)}" for key, value in plain.items() if value not in (None, [], ""))


def _plain(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _figures(row: Json) -> tuple[str, ...]:
    """A comparison of one frame; no noise at all has no ratio."""
    cells = [row.get(name) for name in _FIGURES]
    return tuple("equal" if cell is None else f"{cell:.4f}" if isinstance(cell, float) else str(cell) for cell in cells)


def _look(job_id: str, number: int, url: str | None) -> str:
    return shlex.join(["rayfarm", "steps", job_id, str(number), *same_farm(url)])
