"""`rayfarm render` and `rayfarm watch`: a scene becomes frames in a folder."""

from __future__ import annotations

import shlex
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from jobs.errors import RayfarmError
from jobs.frames import FrameRange
from rayfarm.cli._named_settings import having, require_companions, settings_of
from rayfarm.cli.control_commands import say_estimate
from rayfarm.cli.destination_commands import destination_id
from rayfarm.cli.exit_codes import INTERRUPTED, JOB_FAILED
from rayfarm.cli.job_commands import JobId, connect
from rayfarm.cli.options import (
    ApiKey,
    AsJson,
    DeliverTo,
    FinishBefore,
    NamingOption,
    NotifyOption,
    ShotOption,
    ShowOption,
    SplitOption,
    StartBefore,
    TagOption,
    Url,
    read_maps,
    read_notify,
    read_outputs,
    read_resolution,
    read_settings,
    read_split,
    read_time,
    require_show,
    same_farm,
)
from rayfarm.cli.output import Output, duration
from rayfarm.cli.registering import register
from rayfarm.cli.views import open_view
from rayfarm.client import Client
from rayfarm.errors import ClientError, UsageError
from rayfarm.following import Followed, Follower
from rayfarm.registration import pipeline_for
from rayfarm.types import Job


def render(
    scene: Annotated[Path, typer.Argument(help="The scene's file, or the folder that holds it.", metavar="SCENE")],
    frames: Annotated[
        str | None,
        typer.Option("--frames", "-f", help="1-48, 1-100:2, 5,10,20-30, 100-1. Default: the scene's own range."),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", "-o", help="Folder for the frames and the video. Default: render/SCENE.", file_okay=False
        ),
    ] = None,
    pipeline: Annotated[
        str | None, typer.Option(help="How pixels are made. Default: as the scene's kind asks.")
    ] = None,
    set_: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="A setting of the pipeline; repeatable.")
    ] = None,
    samples: Annotated[int | None, typer.Option(min=1, help=f"Samples per pixel. {having('--samples')}")] = None,
    resolution: Annotated[
        str | None, typer.Option(metavar="WxH", help=f"For example 640x360. {having('--resolution')}")
    ] = None,
    percentage: Annotated[
        int | None, typer.Option(min=1, help=f"Scale of the resolution, in per cent. {having('--percentage')}")
    ] = None,
    format_: Annotated[str | None, typer.Option("--format", help=f"png, jpeg or exr. {having('--format')}")] = None,
    seed: Annotated[int | None, typer.Option(min=0, help=f"Default: as the scene says. {having('--seed')}")] = None,
    camera: Annotated[str | None, typer.Option(help=f"Name of the camera. {having('--camera')}")] = None,
    view_layer: Annotated[str | None, typer.Option(help=f"Name of the view layer. {having('--view-layer')}")] = None,
    denoise: Annotated[
        bool | None,
        typer.Option("--denoise/--no-denoise", help=f"Default: as the scene says. {having('--denoise')}"),
    ] = None,
    video: Annotated[bool, typer.Option("--video/--no-video", help="Make a film of more than one frame.")] = True,
    codec: Annotated[
        Literal["h264", "hevc", "av1", "prores"] | None, typer.Option(help="Of the film. Default: h264.")
    ] = None,
    audio: Annotated[
        Literal["auto", "scene", "none"] | None,
        typer.Option(help="Sound of the film: the scene's where it can be (auto, the default), or must be (scene)."),
    ] = None,
    contact_sheet: Annotated[bool, typer.Option("--contact-sheet", help="A picture of all frames, too.")] = False,
    naming: NamingOption = None,
    priority: Annotated[
        Literal["interactive", "normal", "batch"], typer.Option(help="What starts first when workers are scarce.")
    ] = "normal",
    reuse: Annotated[
        bool, typer.Option("--reuse/--no-reuse", help="Take identical frames that were rendered before.")
    ] = True,
    map_: Annotated[
        list[str] | None,
        typer.Option("--map", metavar="FROM=TO", help="Look for files under TO that the scene names under FROM."),
    ] = None,
    allow: Annotated[
        list[Path] | None,
        typer.Option("--allow", metavar="DIR", help="Also take files from DIR, outside the scene's folder."),
    ] = None,
    name: Annotated[str | None, typer.Option(help="Name of the job. Default: the scene's file name.")] = None,
    after: Annotated[
        list[str] | None, typer.Option("--after", metavar="JOB", help="Start when this job has succeeded; repeatable.")
    ] = None,
    after_frames: Annotated[
        list[str] | None,
        typer.Option("--after-frames", metavar="JOB", help="Start each frame when this job has that frame."),
    ] = None,
    approve_after: Annotated[
        int | None,
        typer.Option("--approve-after", min=1, max=100, help="Render so many frames, then wait for `rayfarm approve`."),
    ] = None,
    split: SplitOption = None,
    start_before: StartBefore = None,
    finish_before: FinishBefore = None,
    tag: TagOption = None,
    show: ShowOption = None,
    shot: ShotOption = None,
    notify: NotifyOption = None,
    deliver_to: DeliverTo = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Register the scene and say what the job would cost; submit nothing.")
    ] = False,
    detach: Annotated[bool, typer.Option("--detach", help="Return once the job is submitted.")] = False,
    url: Url = None,
    api_key: ApiKey = None,
    as_json: AsJson = False,
) -> None:
    """Render a scene: upload what the farm lacks, watch, and bring each frame home as it lands."""
    output = Output(as_json=as_json)
    require_show(show, shot)
    pipeline = pipeline or pipeline_for(scene)
    if frames is not None:
        check_frames(frames)
    folder = out or Path("render") / scene.stem
    if not detach:
        check_folder(folder)
    settings = read_settings(set_ or ())
    named = {
        "--samples": samples,
        "--resolution": read_resolution(resolution) if resolution else None,
        "--percentage": percentage,
        "--format": format_.lower() if format_ else None,
        "--seed": seed,
        "--camera": camera,
        "--view-layer": view_layer,
        "--denoise": denoise,
    }
    settings |= settings_of(pipeline, named)
    require_companions(scene, pipeline=pipeline, settings=settings)
    control: dict[str, Any] = {
        "depends_on": [{"job": job_id} for job_id in after or ()]
        + [{"job": job_id, "by": "frame"} for job_id in after_frames or ()],
        "approval": approve_after,
        "split": read_split(split) if split else None,
        "start_before": read_time(start_before) if start_before else None,
        "finish_before": read_time(finish_before) if finish_before else None,
        "tags": tag,
        "show": show,
        "shot": shot,
        "notify": read_notify(notify) if notify else None,
    }
    title = name or scene.stem
    fields: dict[str, Any] = {
        "name": title,
        "priority": priority,
        "reuse": reuse,
        "outputs": read_outputs(video=video, codec=codec, contact_sheet=contact_sheet, audio=audio, naming=naming),
        **{key: value for key, value in control.items() if value},
    }
    found_maps = read_maps(map_ or ())
    asked = False  # once it is, the farm may have the job, whether or not the answer comes
    job: Job | None = None
    with connect(url, api_key) as client:
        try:
            client.check(pipeline, settings=settings, split=control["split"])  # before gigabytes are sent in vain
            if deliver_to is not None:
                fields["deliver_to"] = destination_id(client, deliver_to)
            model = register(client, scene, output=output, maps=found_maps, allow=allow or ())
            if dry_run:
                found = client.estimate(model, frames=frames, pipeline=pipeline, settings=settings, **fields)
                say_estimate(output, found)
                return
            asked = True
            job = client.submit(model, frames=frames, pipeline=pipeline, settings=settings, **fields)
            output.record(job=job.id, model=model.id, frames=job.frames, total=job.counts.total)
            output.say(f"job {job.id}: {job.counts.total} frame{'s' if job.counts.total != 1 else ''} ({job.frames})")
            if detach:
                output.say(f"watch it with: {resume_command(job, folder, url)}")
                return
            followed = follow(client, job, out=folder, output=output, url=url)
        except KeyboardInterrupt:
            if job is not None:
                leave(job, out=folder, output=output, url=url)
            else:
                leave_unknown(title if asked else None, output=output, url=url)
            raise typer.Exit(INTERRUPTED) from None
    conclude(followed, out=folder, output=output)


def watch(
    job_id: JobId,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Also bring the frames and the video to this folder.")
    ] = None,
    url: Url = None,
    api_key: ApiKey = None,
    as_json: AsJson = False,
) -> None:
    """Follow a job to its end; with --out, bring home what is not there yet."""
    output = Output(as_json=as_json)
    with connect(url, api_key) as client:
        followed = follow(client, client.job(job_id), out=out, output=output, url=url)
    conclude(followed, out=out, output=output)


def check_frames(text: str) -> None:
    """Refuse a bad range before anything is uploaded."""
    try:
        FrameRange.parse(text)
    except RayfarmError as error:
        raise UsageError(error.message, remedy=error.remedy) from error


def check_folder(folder: Path) -> None:
    """Refuse a folder that cannot be written before anything is rendered for it; leaves nothing there."""
    made = [path for path in (folder, *folder.parents) if not path.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise UsageError(
            f"{folder} cannot be written: {error.strerror or error}.", remedy="Choose another folder with --out."
        ) from error
    finally:
        for path in made:
            with suppress(OSError):
                path.rmdir()


def conclude(followed: Followed, *, out: Path | None, output: Output) -> None:
    """End the command with the job's verdict."""
    summarize(followed, out=out, output=output)
    if followed.job.state != "succeeded":
        raise typer.Exit(JOB_FAILED)


def follow(client: Client, job: Job, *, out: Path | None, output: Output, url: str | None = None) -> Followed:
    """Show the job until it is over. Ctrl-C, or a farm that is gone, leaves it running and says how to go on."""
    try:
        with open_view(output) as view:
            return Follower(client=client, job=job, view=view, out=out).run()
    except KeyboardInterrupt:
        leave(job, out=out, output=output, url=url)
        raise typer.Exit(INTERRUPTED) from None
    except ClientError as error:
        error.remedy = " ".join(part for part in (error.remedy, f"The job is kept. {go_on(job, out, url)}") if part)
        raise


def leave(job: Job, *, out: Path | None, output: Output, url: str | None) -> None:
    """What a stop tells of a job that the farm has."""
    output.note(f"\nThe job goes on without you. {go_on(job, out, url)}")
    output.record(interrupted=True, job=job.id, submitted=True, resume=resume_command(job, out, url))


def leave_unknown(title: str | None, *, output: Output, url: str | None) -> None:
    """What a stop tells where no answer named a job; ``title``: of the one that was asked for, None: none was."""
    if title is None:
        output.note("Stopped; no job was submitted. What is uploaded need not be sent again.")
        output.record(interrupted=True, job=None, submitted=False)
        return
    at = same_farm(url)
    look, cancel = shlex.join(["rayfarm", "jobs", *at]), shlex.join(["rayfarm", "cancel", "JOB", *at])
    output.note(
        f"\nStopped while the job was being submitted: the farm may have it. Look for {title!r}, newest first:\n"
        f"  {look}\nand watch it (`rayfarm watch`), or cancel it:\n  {cancel}"
    )
    output.record(interrupted=True, job=None, submitted=None, look=look)


def go_on(job: Job, out: Path | None, url: str | None) -> str:
    """How to come back to a job, or end it."""
    cancel = shlex.join(["rayfarm", "cancel", job.id, *same_farm(url)])
    return f"Watch it again:\n  {resume_command(job, out, url)}\nor cancel it:\n  {cancel}"


def resume_command(job: Job, out: Path | None, url: str | None) -> str:
    """The command that goes on where this one stops."""
    words: list[Any] = ["rayfarm", "watch", job.id]
    words += ["--out", str(out)] if out else []
    words += same_farm(url)
    return shlex.join(words)


def summarize(followed: Followed, *, out: Path | None, output: Output) -> None:
    """How it ended, in two or three lines."""
    job, counts = followed.job, followed.job.counts
    output.record(
        result=job.state,
        job=job.id,
        end_reason=job.end_reason,
        message=job.message,
        frames={"total": counts.total, "committed": counts.committed, "reused": counts.reused, "failed": counts.failed},
        files={kind: [str(path) for path in paths] for kind, paths in followed.files.items()},
        seconds={
            "render": round(followed.render_seconds, 3),
            "video": round(followed.video_seconds, 3),
            "download": round(followed.download_seconds, 3),
        },
    )
    reused = f", {counts.reused} of them reused" if counts.reused else ""
    where = f" in {out}" if out else ""
    pace = followed.figures.seconds_per_frame
    took = duration(followed.render_seconds) + (f", {duration(pace)}/frame" if pace is not None else "")
    output.say(f"{job.state}: {counts.done}/{counts.total} frames{reused}{where} ({took})")
    for path in followed.files.get("video", ()):
        output.say(f"video: {path}")
    if job.state != "succeeded":
        output.trouble(
            code="job-failed" if job.state == "failed" else "job-canceled",
            message=job.message or f"The job {job.state}.",
            remedy=f"See what happened: rayfarm logs {job.id}" if job.state == "failed" else None,
        )
