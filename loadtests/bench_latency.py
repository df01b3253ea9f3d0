"""How soon a farm that is warm answers: ``python -m loadtests.bench_latency`` (``make bench-latency``).

Through the REST API of a real farm, one job at a time: from the client's submit until it has heard that the first frame
is committed, on a resident model; once with the fake pipeline (the farm alone) and once with a tiny Cycles frame. The
job's events say where that time went. Then from the client's cancel until the engine's process is gone, as
``bench_cancel`` measures it.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

from loadtests.bench_cancel import run_round as cancel_round
from loadtests.budgets import Figure
from loadtests.cases import CASES, OUT, SAMPLE
from loadtests.farm import running_farm
from loadtests.report import conclude
from rayfarm import Client
from rayfarm.types import Model

BENCH = "latency"
ROUNDS = 60
CANCELS = 7
_WARM_UP = 3
"""Jobs before those that count: the first loads the model."""
_TINY = CASES[0].settings
_FAKE: Mapping[str, Any] = {"width": 16, "height": 9}


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstFrame:
    """Milliseconds of one job, in the order in which they passed. The marks between are the database's clock, at the
    start of the transaction that wrote the event; client and database share a machine."""

    accepted: float
    """From the call of ``submit`` until the API's transaction began."""
    planned: float
    """Until the dispatcher started the job."""
    handed_over: float
    """Until the replica had claimed the chunk and said that it starts."""
    rendered: float
    """The frame in the engine, by its own clock; what does not count as the farm's."""
    written: float
    """Around the render, until the commit began: to and from the engine, check, upload."""
    told: float
    """Until the client had read the event of the commit."""

    @property
    def whole(self) -> float:
        return float(sum(getattr(self, stage.name) for stage in fields(self)))

    @property
    def over_render(self) -> float:
        """What the farm adds to the frame."""
        return self.whole - self.rendered


def main(arguments: Sequence[str]) -> int:
    """Print medians and tails and the verdicts; 1 where a goal is missed."""
    parser = argparse.ArgumentParser(prog="loadtests.bench_latency", description=__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--cancels", type=int, default=CANCELS)
    options = parser.parse_args(arguments)
    OUT.mkdir(parents=True, exist_ok=True)
    at, begun, load = datetime.now(UTC), time.perf_counter(), os.getloadavg()[0]
    figures: list[Figure] = []
    with running_farm(OUT) as client, tempfile.TemporaryDirectory(dir=OUT) as folder:
        fake = register_fake(client, Path(folder))
        blend = client.register_model(SAMPLE)
        for case, pipeline, model, settings in (
            ("fake pipeline", "fake", fake, _FAKE),
            ("tiny cycles frame", "cycles", blend, _TINY),
        ):
            jobs = [first_frame(client, model, pipeline, settings) for _ in range(options.rounds + _WARM_UP)]
            figures += latencies(case, jobs[_WARM_UP:])
        gone = [cancel_round(client, blend)[0] for _ in range(options.cancels)]
        if gone:
            figures.append(Figure(case="cancel, long frame", name="engine_gone_ms", value=max(gone)))
    for figure in figures:
        print(f"  {figure.case:20} {figure.name:22} {figure.value:9.1f}")
    return conclude(BENCH, figures, at=at, begun=begun, load=load)


def first_frame(client: Client, model: Model, pipeline: str, settings: Mapping[str, Any]) -> FirstFrame:
    """Submit one frame and follow the job to its end."""
    begun = time.time()
    job = client.submit(
        model,
        frames="1",
        pipeline=pipeline,
        settings=dict(settings),
        name="latency",
        outputs={"video": None, "previews": False},
        reuse=False,
    )
    marks: dict[str, float] = {}
    heard = rendered = 0.0
    for event in client.watch(job):
        kind = str(event.data["state"]) if event.kind == "job.state" else event.kind
        if kind == "frames.committed" and not heard:
            heard = time.time()
            [frame] = event.data["frames"]
            rendered = float(frame["render_ms"])
        if event.at is not None:
            marks.setdefault(kind, datetime.fromisoformat(event.at).timestamp())
    if not heard:
        raise RuntimeError(f"The job ended without a frame: {client.job(job.id).message}")
    return FirstFrame(
        accepted=(marks["job.created"] - begun) * 1000,
        planned=(marks["running"] - marks["job.created"]) * 1000,
        handed_over=(marks["chunk.started"] - marks["running"]) * 1000,
        rendered=rendered,
        written=(marks["frames.committed"] - marks["chunk.started"]) * 1000 - rendered,
        told=(heard - marks["frames.committed"]) * 1000,
    )


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that ``share`` of all do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, -(-len(ordered) * round(share * 1000) // 1000) - 1)]


def register_fake(client: Client, folder: Path) -> Model:
    """A ready model of one file that the fake pipeline takes; the SDK itself only knows real scenes."""
    file = folder / "scene.fake"
    file.write_bytes(b"fake scene of the latency bench")
    [blob] = client.upload([file]).blobs
    files = [{"path": file.name, "digest": blob.digest, "size_bytes": blob.size_bytes}]
    manifest = {"kind": "fake", "main": file.name, "files": files, "remap": {}}
    body = {"name": "latency", "kind": "fake", "manifest": manifest}
    model = Model.read(client._transport.json("POST", "/v1/models", json=body, repeatable=True))
    while model.state == "probing":
        model = client.model(model.id, wait=20)
    if model.state != "ready":
        raise RuntimeError(f"The fake model is {model.state}: {model.problem}")
    return model


def latencies(case: str, jobs: Sequence[FirstFrame]) -> list[Figure]:
    """Whole times and what the farm adds, at the median and the tail; then the median of each stage."""
    figures = [
        Figure(case=case, name=f"{name}_p{share * 100:.0f}_ms", value=percentile(values, share))
        for name, values in (
            ("first_frame", [job.whole for job in jobs]),
            ("over_render", [job.over_render for job in jobs]),
        )
        for share in (0.50, 0.99)
    ]
    for stage in fields(FirstFrame):
        middle = median(getattr(job, stage.name) for job in jobs)
        figures.append(Figure(case=case, name=f"{stage.name}_ms", value=middle))
    return figures


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
