"""`make demo`: brings up a farm on this machine and renders the sample scene through its REST API, start to film."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import typer

from rayfarm._config import farm_home, home_key
from rayfarm.cli import exit_code
from rayfarm.cli.farm_commands import bring_up, storage_place, web_page
from rayfarm.cli.output import Output, duration
from rayfarm.cli.registering import register
from rayfarm.cli.render_command import follow
from rayfarm.client import Client
from rayfarm.errors import ClientError
from rayfarm.following import Followed

SCENE = Path("examples/sample.blend")
OUT = Path("build/demo")
FRAMES = "1-24"


def main() -> int:
    """Run the demo in the current folder; the process's exit code."""
    output = Output()
    try:
        return run(output, home=farm_home(), environ=os.environ)
    except ClientError as error:
        output.error(error)
        return exit_code(error)
    except typer.Exit as end:
        return end.exit_code
    except KeyboardInterrupt:
        output.note("Stopped. The farm goes on; `make down` ends it.")
        return 130


def run(output: Output, *, home: Path, environ: Mapping[str, str], scene: Path = SCENE, out: Path = OUT) -> int:
    """Farm, scene, frames, film; then where everything is and how long each part took."""
    fresh = environ.get("FRESH", "") not in ("", "0")
    times: list[tuple[str, float]] = []
    if set_up := _seconds(environ.get("RAYFARM_DEMO_SETUP_SECONDS")):
        times.append(("set-up", set_up))
    output.say(f"Starting the farm of this machine{' (FRESH=1: no frame is reused)' if fresh else ''}…")
    began = time.monotonic()
    info = bring_up(home, output)
    times.append(("start", time.monotonic() - began))
    with Client(info.api_url, home_key(home)) as client:
        began = time.monotonic()
        model = register(client, scene, output=output)
        job = client.submit(model, frames=FRAMES, name="Rayfarm demo", reuse=not fresh)
        times.append(("upload and probe", time.monotonic() - began))
        output.say(f"job {job.id}: {job.counts.total} frames, the first, the last and the middle one first")
        output.say(f"Watch it   {web_page(info.api_url, home, f'/projects/default/jobs/{job.id}/')}")
        followed = follow(client, job, out=out, output=output)
    times += [
        ("render", followed.render_seconds),
        ("video", followed.video_seconds),
        ("download", followed.download_seconds),
    ]
    if followed.job.state != "succeeded":
        output.error(
            ClientError(
                followed.job.message or f"The job {followed.job.state}.",
                remedy=f"See what happened: rayfarm logs {job.id}",
            )
        )
        return 1
    report(
        output, followed, out=out, home=home, info_urls=(info.api_url, info.dashboard_url), token=info.ray_token_path
    )
    output.say("")
    for part, seconds in times:
        output.say(f"{part:<18}{duration(seconds):>10}")
    output.say(f"{'in all':<18}{duration(sum(seconds for _, seconds in times)):>10}")
    return 0


def report(
    output: Output, followed: Followed, *, out: Path, home: Path, info_urls: tuple[str, str], token: Path
) -> None:
    """What was made, and where everything is."""
    counts = followed.job.counts
    api_url, dashboard_url = info_urls
    output.say("")
    if counts.reused:
        output.say(
            f"{counts.done} frames: {counts.reused} reused from an earlier run, {counts.committed} rendered "
            "(FRESH=1 renders all anew)"
        )
    else:
        output.say(f"{counts.done} frames rendered: {followed.figures.warm} warm, {followed.figures.cold} cold")
    output.say(f"Frames     {out.resolve()}")
    for path in followed.files.get("video", ()):
        output.say(f"Video      {path.resolve()}")
    output.say(f"Web        {web_page(api_url, home, f'/projects/default/jobs/{followed.job.id}/')}")
    output.say(f"API docs   {api_url}/docs   (key: {home.resolve() / 'admin_key'})")
    output.say(f"Dashboard  {dashboard_url}   (sign in with the token in {token})")
    output.say(f"Outputs    {storage_place(home)}")
    output.say("The farm stays up; `make down` ends it.")


def _seconds(text: str | None) -> float | None:
    try:
        return float(text) if text else None
    except ValueError:
        return None


if __name__ == "__main__":
    sys.exit(main())
