"""Batch renders as Ray jobs: ``ray job submit … -- python -m cluster.batch render spec.yaml``.

The driver is a client of the farm that runs on its cluster: it registers the scene, submits one job, prints its
progress into the Ray job's log and exits with the verdict. The farm's rows are the truth; a driver that is stopped
(``ray job stop``, Ctrl-C) leaves the job to the farm and says how to take it up again.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Annotated, Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from cluster.tracing import current_traceparent, start_tracing, whole_span
from jobs.errors import InvalidSettings
from rayfarm import Client
from rayfarm.errors import ClientError, UsageError
from rayfarm.registration import pipeline_for
from rayfarm.types import Event, Job

SUCCEEDED, FAILED, USAGE, UNREACHABLE, STOPPED = 0, 1, 2, 3, 143
"""Exit statuses; 143 is what a shell reports for SIGTERM, and Ctrl-C ends with it too."""


class BatchSpec(BaseModel):
    """The file that describes a batch render; paths are relative to it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    scene: Path = Field(description="The scene to render, or the folder that holds it.")
    frames: str | None = Field(None, description="Frame range; the scene's own when absent.")
    pipeline: str | None = Field(None, description="How pixels are made; as the scene's kind asks when absent.")
    settings: dict[str, Any] = Field(default_factory=dict, description="Settings of the pipeline.")
    job: dict[str, Any] = Field(default_factory=dict, description="Other fields of a job: name, outputs, priority …")
    map: dict[str, str] = Field(default_factory=dict, description="Beginning of a reference -> where its files are.")
    allow: Annotated[tuple[Path, ...], Field(description="Folders outside the scene's that files may come from.")] = ()
    out: Path | None = Field(None, description="Folder for frames and film; absent: they stay in the farm's storage.")


class Stopped(BaseException):
    """SIGTERM or Ctrl-C: the driver ends, the job does not."""


@dataclass(slots=True)
class Reached:
    """How far the driver has come: what a stop has to tell, wherever it strikes."""

    submitting: bool = False
    """The request may have reached the farm, whether or not its answer comes."""
    job_id: str | None = None

    def words(self) -> str:
        if self.job_id is not None:
            return (
                f"stopped; the farm keeps job {self.job_id} and goes on with what is left of it. Take it up again with "
                f"`python -m cluster.batch follow {self.job_id}`, or end it with `rayfarm cancel {self.job_id}`."
            )
        if self.submitting:
            return (
                "stopped while the job was being submitted: the farm may have it. `rayfarm jobs` lists the newest "
                "first; take it up with `python -m cluster.batch follow JOB`, or end it with `rayfarm cancel JOB`."
            )
        return "stopped before the job was submitted; nothing was started."


def read_spec(path: Path) -> BatchSpec:
    """Read the YAML (or JSON) file; raises ``ValueError`` with the cause and the place."""
    try:
        data = yaml.safe_load(path.read_text())
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror}.") from error
    except yaml.YAMLError as error:
        raise ValueError(f"{path} is not YAML: {error}") from error
    try:
        spec = BatchSpec.model_validate(data)
    except ValidationError as error:
        lines = [f"{'.'.join(map(str, item['loc'])) or 'file'}: {item['msg']}" for item in error.errors()]
        raise ValueError(f"{path}: " + "; ".join(lines)) from error
    return spec.model_copy(
        update={
            "scene": path.parent / spec.scene,
            "allow": tuple(path.parent / folder for folder in spec.allow),
            "out": path.parent / spec.out if spec.out else None,
        }
    )


def render(spec: BatchSpec, reached: Reached) -> int:
    """Register, submit, follow, fetch; returns the exit status."""
    with Client() as client:
        _say(f"farm {client.base_url}")
        pipeline = spec.pipeline or pipeline_for(spec.scene)
        client.check(pipeline, settings=spec.settings, split=spec.job.get("split"))  # before a scene is sent in vain
        model = client.register_model(spec.scene, map=tuple(spec.map.items()), allow=spec.allow, on_step=_say)
        reached.submitting = True
        job = client.submit(
            model,
            frames=spec.frames,
            pipeline=pipeline,
            settings=spec.settings,
            **spec.job,
        )
        reached.job_id = job.id
        return follow(client, job, spec.out)


def follow(client: Client, job: Job, out: Path | None) -> int:
    """Print what happens to the job until it ends; returns the exit status."""
    _say(f"job {job.id}: {job.counts.total} frames ({job.frames})")
    for event in client.watch(job):
        _tell(event)
    ended = client.job(job.id)
    if out is not None:
        client.download(ended, out)
        _say(f"files are in {out}")
    _say(f"{ended.state}: {ended.message or ended.end_reason or ''}")
    return SUCCEEDED if ended.state == "succeeded" else FAILED


def main(arguments: Sequence[str] | None = None) -> int:
    """The program; see the module's docstring."""
    parser = argparse.ArgumentParser(prog="python -m cluster.batch", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    to_render = commands.add_parser("render", help="render what a spec file describes")
    to_render.add_argument("spec", type=Path)
    to_follow = commands.add_parser("follow", help="take up a job that goes on in the farm")
    to_follow.add_argument("job")
    to_follow.add_argument("--out", type=Path)
    given = parser.parse_args(arguments)
    reached = Reached(job_id=given.job if given.command == "follow" else None)
    try:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, _stop)
        if given.command == "render":
            start_tracing("rayfarm-batch")
            with whole_span("batch.render"):
                os.environ.update({"TRACEPARENT": parent} if (parent := current_traceparent()) else {})  # for Client
                return render(read_spec(given.spec), reached)
        with Client() as client:
            return follow(client, client.job(given.job), given.out)
    except Stopped:
        _say(reached.words())
        return STOPPED
    except (ValueError, InvalidSettings) as error:
        _say(f"error: {error}")
        return USAGE
    except ClientError as error:
        _say(f"error: {error}")
        return UNREACHABLE if error.code == "unreachable" else USAGE if isinstance(error, UsageError) else FAILED


def _tell(event: Event) -> None:
    data = event.data
    match event.kind:
        case "frames.committed":
            counts = data["counts"]
            numbers = ", ".join(str(frame["frame"]) for frame in data["frames"])
            _say(f"rendered {numbers}: {counts['committed'] + counts['reused']} of {counts['total']}")
        case "frames.reused":
            _say(f"reused {data['count']} frames that the farm had rendered before")
        case "frames.failed" | "frame.retried":
            for frame in data.get("frames", [data]):
                verb = "failed" if event.kind == "frames.failed" else "is tried again"
                _say(f"frame {frame['frame']} {verb}: {frame['reason']}: {frame['message']}")
        case "job.state":
            _say(f"job is {data['state']}")
        case "output.ready":
            _say(f"{data['kind']} is ready")
        case _:
            pass


def _stop(number: int, frame: FrameType | None) -> None:
    raise Stopped


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201 - the Ray job's log is this program's screen


if __name__ == "__main__":
    sys.exit(main())
