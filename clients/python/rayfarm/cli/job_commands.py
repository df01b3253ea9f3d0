"""`rayfarm jobs|show|cancel|logs|models|keep-warm`: what the farm has, and what it did."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from jobs.states import JobState
from rayfarm._config import project_of, resolve
from rayfarm.cli.options import ApiKey, AsJson, Url, named_project, read_settings
from rayfarm.cli.output import Output, duration, size
from rayfarm.client import Client
from rayfarm.errors import UsageError
from rayfarm.types import Job, Json

JobId = Annotated[str, typer.Argument(help="The job's id, as `rayfarm jobs` prints it.", metavar="JOB")]
Limit = Annotated[int, typer.Option("--limit", "-n", min=1, help="Rows at most.")]


def connect(url: str | None, api_key: str | None) -> Client:
    """A client for the farm that the options, the environment or the home folder name."""
    connection = resolve(url=url, api_key=api_key)
    return Client(connection.url, connection.api_key, project=named_project(), on_wait=_say_wait)


def _say_wait(why: str, seconds: float) -> None:
    Output().note(f"The farm is asked again for {duration(seconds)} at most (Ctrl-C ends this): {why}")


def jobs(
    state: Annotated[
        list[str] | None, typer.Option(help="Only jobs in this state; repeatable: in any of them.")
    ] = None,
    tag: Annotated[
        list[str] | None, typer.Option(help="Only jobs with this tag; repeatable: with all of them.")
    ] = None,
    show: Annotated[str | None, typer.Option(help="Only jobs of this show.")] = None,
    shot: Annotated[str | None, typer.Option(help="Only jobs of this shot.")] = None,
    name: Annotated[str | None, typer.Option(help="Only jobs with this somewhere in their name.")] = None,
    pipeline: Annotated[str | None, typer.Option(help="Only jobs of this pipeline.")] = None,
    model: Annotated[str | None, typer.Option(help="Only jobs of this model.")] = None,
    by: Annotated[
        str | None, typer.Option(metavar="WHO", help="Only jobs of this e-mail address or `key NAME`; me: your own.")
    ] = None,
    sort: Annotated[
        str | None, typer.Option(help="created_at, ended_at or name; with a minus the other way round: -ended_at.")
    ] = None,
    limit: Limit = 20,
    url: Url = None,
    api_key: ApiKey = None,
    as_json: AsJson = False,
) -> None:
    """List jobs, newest first."""
    output = Output(as_json=as_json)
    for each in state or ():
        if each not in set(JobState):
            raise UsageError(f"--state {each!r} is no state of a job.", remedy=f"One of: {', '.join(JobState)}.")
    rows = []
    found = {"show": show, "shot": shot, "name": name, "pipeline": pipeline, "model": model, "sort": sort}
    with connect(url, api_key) as client:
        for job in client.jobs(state=state, tags=tag, submitted_by=by, limit=limit, **found):
            output.record(**job.raw)
            rows.append((job.id, job.state, _frames(job), job.name, _groups(job), job.created_at or ""))
    empty = "No such jobs." if state or tag or by or any(found.values()) else "No jobs yet."
    output.table(("id", "state", "frames", "name", "groups", "created"), rows, empty=empty)


def shows(
    show: Annotated[str | None, typer.Option(help="The shots of this show.")] = None,
    tags: Annotated[bool, typer.Option("--tags", help="The tags instead.")] = False,
    project: Annotated[
        str | None, typer.Option(help="Slug of the project (RAYFARM_PROJECT). Default: default.", show_default=False)
    ] = None,
    url: Url = None,
    api_key: ApiKey = None,
    as_json: AsJson = False,
) -> None:
    """List the shows that jobs name, the shots of one, or the tags, with how many jobs each has."""
    output = Output(as_json=as_json)
    rows = []
    project = project_of(named=project) or "default"
    with connect(url, api_key) as client:
        groups = client.tags(project) if tags else client.shots(show, project) if show else client.shows(project)
        for group in groups:
            output.record(**group)
            rows.append((group["name"], *(str(group[figure]) for figure in ("jobs", "live", "failed"))))
    what = "tags" if tags else "shots" if show else "shows"
    output.table((what.removesuffix("s"), "jobs", "live", "failed"), rows, empty=f"No {what} yet.")


def still(
    model: Annotated[str, typer.Argument(help="Id of a registered model.", metavar="MODEL")],
    frame: Annotated[int, typer.Argument(help="Its number in the scene.")],
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="The picture's file. Default: still_FRAME.FORMAT here.")
    ] = None,
    format_: Annotated[
        Literal["png", "jpeg", "webp", "exr"], typer.Option("--format", help="As far as the pipeline makes it.")
    ] = "png",
    set_: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="A setting of the pipeline; repeatable.")
    ] = None,
    tag: Annotated[list[str] | None, typer.Option(help="Word to find the job by; repeatable.")] = None,
    url: Url = None,
    api_key: ApiKey = None,
    as_json: AsJson = False,
) -> None:
    """Render one frame of a model before other work, and save its picture."""
    output = Output(as_json=as_json)
    target = out or Path(f"still_{frame:04d}.{'jpg' if format_ == 'jpeg' else format_}")
    with connect(url, api_key) as client:
        settings = read_settings(set_ or ())
        picture = client.still(model, frame, format=format_, settings=settings, name=target.name, tags=tag or [])
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(picture)
    except OSError as error:
        raise UsageError(f"{target} cannot be written: {error.strerror or error}.") from error
    output.record(file=str(target), size_bytes=len(picture))
    output.say(f"{target}, {size(len(picture))}")


def show(
    job_id: JobId,
    wait: Annotated[
        float | None, typer.Option(min=0, metavar="SECONDS", help="Until the job has ended, so long at most.")
    ] = None,
    url: Url = None,
    api_key: ApiKey = None,
    as_json: AsJson = False,
) -> None:
    """Show one job: where it stands, why it waits, what it made."""
    output = Output(as_json=as_json)
    with connect(url, api_key) as client:
        job = client.job(job_id, wait=wait)
        output.record(**job.raw)
        kinds: dict[str, list[int]] = {}
        for artifact in client.artifacts(job):
            kinds.setdefault(artifact.kind, []).append(artifact.size_bytes)
    output.say(f"{job.name}  {job.id}")
    output.say(f"state     {job.state}{f' ({job.end_reason})' if job.end_reason else ''}")
    if job.message:
        output.say(f"          {job.message}")
    if job.wait_words:
        output.say(f"waits     {job.wait_words}")
    if job.retried_words and not job.is_over:
        output.say(f"retried   {job.retried_words}")
    output.say(f"frames    {job.frames}: {_frames(job)}{f', {job.counts.reused} reused' if job.counts.reused else ''}")
    if job.counts.failed:
        output.say(f"failed    {job.counts.failed} (see `rayfarm logs {job.id}`)")
    if job.suspects:
        output.say(f"suspect   {job.suspects} look odd beside their neighbours; GET /v1/jobs/{job.id}/frames has why")
    if job.warm or job.cold:
        output.say(f"rendered  {job.warm} warm, {job.cold} cold")
    if job.seconds_per_frame is not None:
        output.say(f"a frame   {duration(job.seconds_per_frame)}")
    if job.eta_seconds is not None and not job.is_over:
        output.say(f"ETA       {duration(job.eta_seconds)}")
    if groups := _groups(job):
        output.say(f"groups    {groups}")
    if job.raw.get("outputs_expired_at"):
        output.say(f"expired   {job.raw['outputs_expired_at']}: its files are gone")
    elif job.raw.get("expires_at"):
        output.say(f"expires   {job.raw['expires_at']}: later with `rayfarm change {job.id} --expires-at TIME`")
    for label, words in _orders(job):
        output.say(f"{label:9} {words}")
    for kind, sizes in kinds.items():
        output.say(f"outputs   {len(sizes)} × {kind}, {size(sum(sizes))}")


def cancel(job_id: JobId, url: Url = None, api_key: ApiKey = None, as_json: AsJson = False) -> None:
    """Cancel a job; frames that are done are kept."""
    output = Output(as_json=as_json)
    with connect(url, api_key) as client:
        job = client.cancel(job_id)
    output.record(**job.raw)
    output.say(f"{job.id} is {job.state}.")


def logs(
    job_id: JobId,
    frame: Annotated[int | None, typer.Option("--frame", "-f", help="Only the attempts at this frame.")] = None,
    url: Url = None,
    api_key: ApiKey = None,
    as_json: AsJson = False,
) -> None:
    """Print what happened: the attempts at one frame, or at every frame that failed, with the renderer's log."""
    output = Output(as_json=as_json)
    with connect(url, api_key) as client:
        job = client.job(job_id)
        if frame is not None:
            numbers = [frame]
        else:
            numbers = [int(item["frame"]) for item in client.frames(job, state="failed")]
            output.say(f"{job.name} {job.id}: {job.state}, {_frames(job)}{f'. {job.message}' if job.message else ''}")
        for number in numbers:
            attempts = list(client.attempts(job, number))
            if not attempts:
                output.say(f"frame {number}: no attempt yet, or its picture was reused.")
            for attempt in attempts:
                output.record(frame=number, **{key: value for key, value in attempt.items() if key != "frame"})
                _say_attempt(output, number, attempt)
    if not numbers:
        output.say("No frame failed. `--frame N` prints the attempts at one frame.")


def models(limit: Limit = 20, url: Url = None, api_key: ApiKey = None, as_json: AsJson = False) -> None:
    """List registered models."""
    output = Output(as_json=as_json)
    rows = []
    with connect(url, api_key) as client:
        for model in client.models(limit=limit):
            output.record(**model.raw)
            rows.append((model.id, model.state, model.name, model.digest[:12], model.created_at or ""))
    output.table(("id", "state", "name", "digest", "created"), rows, empty="No models yet.")


def keep_warm(
    model_id: Annotated[str, typer.Argument(help="The model's id, as `rayfarm models` prints it.", metavar="MODEL")],
    off: Annotated[bool, typer.Option("--off", help="No longer.")] = False,
    url: Url = None,
    api_key: ApiKey = None,
    as_json: AsJson = False,
) -> None:
    """Have replicas with nothing to do load a model, so that its first frame waits for no load."""
    output = Output(as_json=as_json)
    with connect(url, api_key) as client:
        model = client.keep_warm(model_id, keep=not off)
    output.record(**model.raw)
    output.say(f"{model.name} is {'kept warm' if model.keep_warm else 'no longer kept warm'}.")


def _orders(job: Job) -> Iterator[tuple[str, str]]:
    """What the job asked for that decides when it renders."""
    row, spec = job.raw, job.raw.get("spec") or {}
    yield "pipeline", f"{job.pipeline}, priority {job.priority}, weight {row.get('weight', 100)}"
    for dependency in spec.get("depends_on") or ():
        by = "frame by frame" if dependency.get("by") == "frame" else "as a whole"
        yield "after", f"{dependency.get('job')} {by}"
    if row.get("approval"):
        yield "approval", f"after {row['approval']} scout frames: `rayfarm approve {job.id}`"
    if row.get("max_replicas"):
        yield "workers", f"{row['max_replicas']} at most"
    for label, name in (("starts", "start_before"), ("finishes", "finish_before"), ("created", "created_at")):
        if row.get(name):
            yield label, f"{'' if name == 'created_at' else 'before '}{row[name]}"


def _groups(job: Job) -> str:
    """Show and shot as a path, and the tags."""
    return " ".join(filter(None, ["/".join(filter(None, (job.show, job.shot))), *(f"#{tag}" for tag in job.tags)]))


def _frames(job: Job) -> str:
    counts = {"failed": job.counts.failed, "skipped": job.counts.skipped}
    return ", ".join([f"{job.counts.done}/{job.counts.total}", *(f"{n} {name}" for name, n in counts.items() if n)])


def _say_attempt(output: Output, frame: int, attempt: dict[str, Any] | Json) -> None:
    parts = [f"frame {frame}", str(attempt.get("outcome") or attempt.get("state") or "")]
    parts += [str(attempt[key]) for key in ("started_at", "message") if attempt.get(key)]
    output.say("  ".join(part for part in parts if part))
    log = str(attempt.get("log") or "").rstrip()
    for line in log.splitlines():
        output.say(f"    {line}")
