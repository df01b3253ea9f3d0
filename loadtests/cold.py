"""A fresh Blender process for each frame: by itself, and as a task of the Open Job Description runtime."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from loadtests.cases import ROOT, Settings

_DURATION = re.compile(r"^Duration: ([0-9.]+) seconds$", re.MULTILINE)


def render_cold(blend: Path, settings: Settings, frames: Sequence[int], folder: Path) -> float:
    """Seconds per frame; one process after the other."""
    begun = time.perf_counter()
    for frame in frames:
        subprocess.run(
            _command(blend, settings, str(frame), folder / f"cold-{frame:06d}.png"),
            cwd=ROOT,
            check=True,
            stdout=subprocess.DEVNULL,
            start_new_session=True,  # as the farm has: a busy Linux shares its cores out by session
        )
    return (time.perf_counter() - begun) / len(frames)


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionSeconds:
    """What ``openjd run`` took for each of its tasks."""

    session: float
    """In the session alone: what a worker of AWS Deadline Cloud, which runs for long, would pay."""
    command: float
    """With the start of the ``openjd`` command in it."""


def render_by_openjd(blend: Path, settings: Settings, frames: Sequence[int], folder: Path) -> SessionSeconds:
    """One job, one step, one task for each frame, all in one session."""
    template = folder / "openjd-job.json"
    template.write_text(json.dumps(job_template(blend, settings, frames, folder)), encoding="utf-8")
    begun = time.perf_counter()
    done = subprocess.run(
        [str(Path(sys.executable).with_name("openjd")), "run", str(template), "--step", "Render"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=False,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    seconds = time.perf_counter() - begun
    duration = _DURATION.search(done.stdout)
    if done.returncode != 0 or duration is None:
        raise RuntimeError(f"openjd run ended with status {done.returncode}:\n{done.stdout[-2000:]}")
    return SessionSeconds(session=float(duration[1]) / len(frames), command=seconds / len(frames))


def job_template(blend: Path, settings: Settings, frames: Sequence[int], folder: Path) -> dict[str, object]:
    """The job as Open Job Description has it."""
    command, *arguments = _command(blend, settings, "{{Task.Param.Frame}}", folder / "openjd-{{Task.Param.Frame}}.png")
    return {
        "specificationVersion": "jobtemplate-2023-09",
        "name": "render",
        "steps": [
            {
                "name": "Render",
                "parameterSpace": {
                    "taskParameterDefinitions": [{"name": "Frame", "type": "INT", "range": list(frames)}]
                },
                "script": {"actions": {"onRun": {"command": command, "args": arguments}}},
            }
        ],
    }


def _command(blend: Path, settings: Settings, frame: str, picture: Path) -> list[str]:
    return [
        sys.executable,
        "-m",
        "loadtests.blender.plain_frame",
        str(blend),
        json.dumps(dict(settings)),
        frame,
        str(picture),
    ]
