"""How soon a farm that is warm answers: ``python -m loadtests.bench_latency`` (``make bench-latency``).

Through the REST API of a real farm, one job at a time: from the client's submit until it has heard that the first frame
is committed, on a resident model; once with the fake pipeline (the farm alone) and once with a tiny Cycles frame. Then
from the client's cancel until the engine's process is gone, as ``bench_cancel`` measures it.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from loadtests.bench_cancel import run_round as cancel_round
from loadtests.budgets import Figure, judge, read_goals, unmeasured
from loadtests.cases import CASES, OUT, ROOT, SAMPLE
from loadtests.farm import running_farm
from loadtests.report import verdict_lines, write_json
from rayfarm import Client
from rayfarm.types import Model

BENCH = "latency"
ROUNDS = 60
CANCELS = 7
_TINY = CASES[0].settings
_FAKE: Mapping[str, Any] = {"width": 16, "height": 9}


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
        blend = client.register_blend(SAMPLE)
        for case, pipeline, model, settings in (
            ("fake pipeline", "fake", fake, _FAKE),
            ("tiny cycles frame", "cycles", blend, _TINY),
        ):
            seconds = [first_frame(client, model, pipeline, settings) for _ in range(options.rounds + 3)][3:]
            figures += _latencies(case, seconds)
        gone = [cancel_round(client, blend)[0] for _ in range(options.cancels)]
        figures.append(Figure(case="cancel, long frame", name="engine_gone_ms", value=max(gone)))
    goals = read_goals(BENCH)
    verdicts = judge(goals, figures)
    missing = unmeasured(goals, verdicts)
    for figure in figures:
        print(f"  {figure.case:20} {figure.name:20} {figure.value:9.1f}")
    print("\n".join(verdict_lines(verdicts, missing)))
    path = write_json(
        OUT, bench=BENCH, at=at, seconds=time.perf_counter() - begun, load=(load, os.getloadavg()[0]), results=[],
        verdicts=verdicts, missing=missing, figures=figures,
    )  # fmt: skip
    print(path.relative_to(ROOT))
    return 0 if all(verdict.held for verdict in verdicts) else 1


def first_frame(client: Client, model: Model, pipeline: str, settings: Mapping[str, Any]) -> float:
    """Milliseconds from the call of ``submit`` until the SDK has heard of the first committed frame."""
    begun = time.perf_counter()
    job = client.submit(
        model,
        frames="1",
        pipeline=pipeline,
        settings=dict(settings),
        name="latency",
        outputs={"video": None, "previews": False},
        reuse=False,
    )
    heard = 0.0
    for event in client.watch(job):
        if event.kind == "frames.committed" and not heard:
            heard = time.perf_counter()
    if not heard:
        raise RuntimeError(f"The job ended without a frame: {client.job(job.id).message}")
    return (heard - begun) * 1000


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


def _latencies(case: str, seconds: Sequence[float]) -> list[Figure]:
    return [
        Figure(case=case, name="first_frame_p50_ms", value=percentile(seconds, 0.50)),
        Figure(case=case, name="first_frame_p99_ms", value=percentile(seconds, 0.99)),
    ]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
