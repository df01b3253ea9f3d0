"""`rayfarm pause|resume|approve|retry|skip|requeue|change|clone|estimate`: steer jobs that exist, and ask before."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal

import typer

from rayfarm.cli.job_commands import JobId, connect
from rayfarm.cli.options import (
    ApiKey,
    AsJson,
    ExpiresAt,
    FinishBefore,
    NamingOption,
    ShotOption,
    ShowOption,
    SplitOption,
    StartBefore,
    TagOption,
    Url,
    read_settings,
    read_split,
    read_time,
)
from rayfarm.cli.output import Output, duration
from rayfarm.client import Client
from rayfarm.errors import UsageError
from rayfarm.types import Estimate, Job

Frames = Annotated[str, typer.Argument(help="Frames of the job: 5,10-20 …", metavar="FRAMES")]
Priority = Literal["interactive", "normal", "batch"]


def pause(job_id: JobId, url: Url = None, api_key: ApiKey = None, as_json: AsJson = False) -> None:
    """Pause a job; frames that render finish, no other starts."""
    _steer(url, api_key, as_json, lambda client: client.pause(job_id))


def resume(job_id: JobId, url: Url = None, api_key: ApiKey = None, as_json: AsJson = False) -> None:
    """Let a paused job go on."""
    _steer(url, api_key, as_json, lambda client: client.resume(job_id))


def approve(job_id: JobId, url: Url = None, api_key: ApiKey = None, as_json: AsJson = False) -> None:
    """Render the rest of a job whose scout frames are good."""
    _steer(url, api_key, as_json, lambda client: client.approve(job_id))


def retry(
    job_id: JobId,
    frames: Annotated[str | None, typer.Option("--frames", "-f", help="Only these. Default: all without one.")] = None,
    url: Url = None,
    api_key: ApiKey = None,
    as_json: AsJson = False,
) -> None:
    """Try a failed or canceled job again; frames that have their picture keep it."""
    _steer(url, api_key, as_json, lambda client: client.retry(job_id, frames=frames))


def skip(job_id: JobId, frames: Frames, url: Url = None, api_key: ApiKey = None, as_json: AsJson = False) -> None:
    """Do not render these frames; the job can succeed without them."""
    _steer(url, api_key, as_json, lambda client: client.skip(job_id, frames))


def requeue(job_id: JobId, frames: Frames, url: Url = None, api_key: ApiKey = None, as_json: AsJson = False) -> None:
    """Render these frames again; an old picture stays until the new one is there."""
    _steer(url, api_key, as_json, lambda client: client.requeue(job_id, frames))


def change(
    job_id: JobId,
    priority: Annotated[Priority | None, typer.Option(help="What starts first.")] = None,
    weight: Annotated[int | None, typer.Option(min=1, max=1000, help="Share among jobs of one class.")] = None,
    max_replicas: Annotated[int | None, typer.Option(min=0, help="Workers at once; 0: as many as there are.")] = None,
    start_before: StartBefore = None,
    finish_before: FinishBefore = None,
    expires_at: ExpiresAt = None,
    tag: TagOption = None,
    no_tags: Annotated[bool, typer.Option("--no-tags", help="Take all tags away.")] = False,
    show: ShowOption = None,
    shot: ShotOption = None,
    url: Url = None,
    api_key: ApiKey = None,
    as_json: AsJson = False,
) -> None:
    """Change the priority, weight, workers at once, deadlines, tags, show or shot of a job. `--show ""` takes show and
    shot away; tags are all that it shall have."""
    fields: dict[str, Any] = {}
    if priority is not None:
        fields["priority"] = priority
    if weight is not None:
        fields["weight"] = weight
    if max_replicas is not None:
        fields["max_replicas"] = max_replicas or None
    for name, text in (("start_before", start_before), ("finish_before", finish_before), ("expires_at", expires_at)):
        if text is not None:
            fields[name] = None if text == "none" else read_time(text)
    if tag or no_tags:
        fields["tags"] = tag or []
    if show is not None:
        fields |= {"show": show or None, **({} if show else {"shot": None})}
    if shot is not None:
        fields["shot"] = shot or None
    if not fields:
        raise UsageError("Nothing to change was named.", remedy="For example: rayfarm change JOB --weight 200.")
    _steer(url, api_key, as_json, lambda client: client.change(job_id, **fields))


def priority(
    job_id: JobId,
    to: Annotated[Priority, typer.Argument(help="What starts first.", metavar="interactive|normal|batch")],
    url: Url = None,
    api_key: ApiKey = None,
    as_json: AsJson = False,
) -> None:
    """Change the priority class of a job; its waiting frames go by it at once."""
    _steer(url, api_key, as_json, lambda client: client.change(job_id, priority=to))


def clone(
    job_id: JobId,
    frames: Annotated[str | None, typer.Option("--frames", "-f", help="Other frames.")] = None,
    set_: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="A setting that differs; null: take it away.")
    ] = None,
    name: Annotated[str | None, typer.Option(help="Name of the new job.")] = None,
    priority: Annotated[Priority | None, typer.Option(help="What starts first.")] = None,
    split: SplitOption = None,
    naming: NamingOption = None,
    url: Url = None,
    api_key: ApiKey = None,
    as_json: AsJson = False,
) -> None:
    """Submit a job like this one, with other frames, settings or names of its pictures."""
    named = {"frames": frames, "name": name, "priority": priority}
    changes: dict[str, Any] = {key: value for key, value in named.items() if value is not None}
    if set_:
        changes["settings"] = read_settings(set_)
    if split:
        changes["split"] = read_split(split)
    output = Output(as_json=as_json)
    with connect(url, api_key) as client:
        if naming is not None:  # a field is replaced as a whole, and the film shall stay
            changes["outputs"] = {**client.job(job_id).raw["spec"]["outputs"], "naming": naming or None}
        job = client.clone(job_id, **changes)
    output.record(**job.raw)
    output.say(f"job {job.id}: {job.counts.total} frames ({job.frames})")


def estimate(
    model: Annotated[str, typer.Argument(help="Id of a registered model.", metavar="MODEL")],
    frames: Annotated[str | None, typer.Option("--frames", "-f", help="Default: the scene's own range.")] = None,
    pipeline: Annotated[
        str | None, typer.Option(help="How pixels are made. Default: as the model's kind asks.")
    ] = None,
    set_: Annotated[list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="A setting.")] = None,
    reuse: Annotated[bool, typer.Option("--reuse/--no-reuse", help="Count frames that exist already.")] = True,
    split: SplitOption = None,
    url: Url = None,
    api_key: ApiKey = None,
    as_json: AsJson = False,
) -> None:
    """Say what a job would cost; nothing is submitted. `rayfarm render --dry-run` does so for a scene's file."""
    output = Output(as_json=as_json)
    with connect(url, api_key) as client:
        fields = {"split": read_split(split)} if split else {}
        settings = read_settings(set_ or ())
        found = client.estimate(model, frames=frames, pipeline=pipeline, settings=settings, reuse=reuse, **fields)
    say_estimate(output, found)


def say_estimate(output: Output, found: Estimate) -> None:
    """The figures of an estimate; for each that is not known, why."""
    output.record(estimate=dict(found.raw))
    output.say(f"frames     {found.frames}")
    reused = "?" if found.reused is None else str(found.reused)
    output.say(f"reused     {reused}{_why(found, 'reused')}")
    hint = " (measured with other settings)" if found.seconds_per_frame_source == "same_model" else ""
    output.say(f"a frame    {duration(found.seconds_per_frame)}{hint}{_why(found, 'seconds_per_frame')}")
    if found.slot_seconds is not None:
        output.say(f"work       {duration(found.slot_seconds)} of one worker")
    output.say(f"workers    {found.replicas} that fit")
    output.say(f"takes      {duration(found.expected_seconds)}{_why(found, 'expected_seconds')}")
    if found.cost is not None:
        output.say(f"costs      {found.cost} {found.currency}")


def _why(found: Estimate, figure: str) -> str:
    why = found.unknown.get(figure)
    return f"  {why}" if why else ""


def _steer(url: str | None, api_key: str | None, as_json: bool, command: Callable[[Client], Job]) -> None:
    output = Output(as_json=as_json)
    with connect(url, api_key) as client:
        job = command(client)
    output.record(**job.raw)
    output.say(f"{job.id} is {job.state.replace('_', ' ')}.")
