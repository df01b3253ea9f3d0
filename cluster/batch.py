"""Batch renders as Ray jobs: ``ray job submit … -- python -m cluster.batch render spec.yaml``.

The driver is a client of the farm that runs on its cluster: it registers the scene, submits one job, prints its
progress into the Ray job's log and exits with the verdict. The farm's rows are the truth; a driver that is stopped
(``ray job stop``, Ctrl-C) leaves the job to the farm and says how to take it up again.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from types import FrameType
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from cluster.batch_settings import BatchSettings
from cluster.tracing import current_traceparent, start_tracing, whole_span
from cluster.yaml_files import read_documents
from jobs.errors import InvalidInput, InvalidSettings
from rayfarm import Client
from rayfarm.errors import ClientError, UsageError
from rayfarm.registration import pipeline_for
from rayfarm.types import Event, Job, Model

SUCCEEDED, FAILED, USAGE, UNREACHABLE, STOPPED = 0, 1, 2, 3, 143
"""Exit statuses; 143 is what a shell reports for SIGTERM, and Ctrl-C ends with it too."""


class BatchSpec(BaseModel):
    """The file that describes a batch render; paths are relative to it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    scene: Path = Field(description="The scene to render, or the folder that holds it.")
    frames: str | None = Field(
        None,
        coerce_numbers_to_str=True,  # YAML takes `frames: 7` for a number
        description="Frame range; the scene's own when absent.",
    )
    pipeline: str | None = Field(None, description="How pixels are made; as the scene's kind asks when absent.")
    settings: dict[str, Any] = Field(default_factory=dict, description="Settings of the pipeline.")
    job: dict[str, Any] = Field(default_factory=dict, description="Other fields of a job: name, outputs, priority …")
    map: dict[str, str] = Field(default_factory=dict, description="Beginning of a reference -> where its files are.")
    allow: Annotated[tuple[Path, ...], Field(description="Folders outside the scene's that files may come from.")] = ()
    out: Path | None = Field(None, description="Folder for frames and film; absent: they stay in the farm's storage.")


class Stopped(BaseException):
    """SIGTERM or Ctrl-C: the driver ends, the job does not."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a command line asks for; its file is read."""

    module: str
    """Whose program it is, for its words."""
    spec: BatchSpec | None = None
    """What to render. None: ``job_id`` is followed."""
    job_id: str | None = None
    out: Path | None = None


@dataclass(slots=True)
class Reached:
    """How far the driver has come: what a stop has to tell, wherever it strikes."""

    submitting: bool = False
    """The request may have reached the farm, whether or not its answer comes."""
    job_id: str | None = None
    module: str = "cluster.batch"
    """What takes the job up again."""

    def words(self) -> str:
        if self.job_id is not None:
            return (
                f"stopped; the farm keeps job {self.job_id} and goes on with what is left of it. Take it up again with "
                f"`python -m {self.module} follow {self.job_id}`, or end it with `rayfarm cancel {self.job_id}`."
            )
        if self.submitting:
            return (
                "stopped while the job was being submitted: the farm may have it. `rayfarm jobs` lists the newest "
                f"first; take it up with `python -m {self.module} follow JOB`, or end it with `rayfarm cancel JOB`."
            )
        return "stopped before the job was submitted; nothing was started."


def read_spec(path: Path) -> BatchSpec:
    """Read the YAML (or JSON) file; raises ``InvalidInput`` with the cause and the place."""
    documents = read_documents(path)
    if len(documents) != 1:
        raise InvalidInput(f"{path} holds {len(documents)} documents, and should hold one.")
    try:
        spec = BatchSpec.model_validate(documents[0])
    except ValidationError as error:
        lines = [f"{'.'.join(map(str, item['loc'])) or 'file'}: {item['msg']}" for item in error.errors()]
        raise InvalidInput(f"{path}: " + "; ".join(lines)) from error
    return spec.model_copy(
        update={
            "scene": path.parent / spec.scene,
            "allow": tuple(path.parent / folder for folder in spec.allow),
            "out": path.parent / spec.out if spec.out else None,
        }
    )


def render(spec: BatchSpec, reached: Reached) -> int:
    """Register, submit, follow, fetch; returns the exit status."""
    identity = BatchSettings().identity
    with Client() as client:
        _say(f"farm {client.base_url}")
        pipeline = spec.pipeline or pipeline_for(spec.scene)
        client.check(pipeline, settings=spec.settings, split=spec.job.get("split"))  # before a scene is sent in vain
        model = client.register_model(spec.scene, map=tuple(spec.map.items()), allow=spec.allow, on_step=_say)
        reached.submitting = True
        asked = {"frames": spec.frames, "pipeline": pipeline, "settings": spec.settings, **spec.job}
        job = submitted(client, model, asked, identity=identity)
        reached.job_id = job.id
        return follow(client, job, spec.out)


def submitted(client: Client, model: Model, asked: dict[str, Any], *, identity: str | None) -> Job:
    """The job; where a driver of this identity asked for the same before, its job, unless it ended without success."""
    if not identity or "idempotency_key" in asked:
        return client.submit(model, **asked)
    request = json.dumps([identity, model.id, asked], sort_keys=True, default=str)
    for attempt in count():
        key = hashlib.sha256(f"{attempt} {request}".encode()).hexdigest()
        job = client.submit(model, idempotency_key=key, **asked)
        if job.state not in ("failed", "canceled"):
            break
        _say(f"job {job.id}, which an earlier start of this render submitted, is {job.state}: another one follows")
    return job


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


def parsed(arguments: Sequence[str] | None = None, *, module: str = "cluster.batch") -> Asked:
    """What is asked, before anything is made for it. Ends the program at a wrong call; raises ``InvalidInput``."""
    parser = argparse.ArgumentParser(prog=f"python -m {module}", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    to_render = commands.add_parser("render", help="render what a spec file describes")
    to_render.add_argument("spec", type=Path)
    to_follow = commands.add_parser("follow", help="take up a job that goes on in the farm")
    to_follow.add_argument("job")
    to_follow.add_argument("--out", type=Path)
    given = parser.parse_args(arguments)
    if given.command == "render":
        return Asked(module, spec=read_spec(given.spec))
    return Asked(module, job_id=given.job, out=given.out)


def run(asked: Asked) -> int:
    """Do it as a client of the farm; returns the exit status."""
    reached = Reached(job_id=asked.job_id, module=asked.module)
    try:
        with stoppable():
            if asked.spec is not None:
                start_tracing("rayfarm-batch")
                with whole_span("batch.render"):
                    parent = current_traceparent()
                    os.environ.update({"TRACEPARENT": parent} if parent else {})  # for Client
                    return render(asked.spec, reached)
            with Client() as client:
                return follow(client, client.job(str(asked.job_id)), asked.out)
    except Stopped:
        _say(reached.words())
        return STOPPED
    except (ValueError, InvalidInput, InvalidSettings) as error:
        _say(f"error: {error}")
        return USAGE
    except ClientError as error:
        _say(f"error: {error}")
        return UNREACHABLE if error.code == "unreachable" else USAGE if isinstance(error, UsageError) else FAILED


def main(arguments: Sequence[str] | None = None) -> int:
    """The program; see the module's docstring."""
    try:
        asked = parsed(arguments)
    except InvalidInput as error:
        _say(f"error: {error}")
        return USAGE
    return run(asked)


@contextmanager
def stoppable() -> Iterator[None]:
    """SIGTERM and Ctrl-C raise ``Stopped`` in this block, and what they did before after it."""
    former = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        for number in former:
            signal.signal(number, _stop)
        yield
    finally:
        for number, handler in former.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)


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
