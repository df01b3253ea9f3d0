"""Warm over cold, and Rayfarm over the engine's bare loop, for Mitsuba, splats and diffusion (part of ``make bench``).

As ``bench_render`` does for Cycles, with the same goals: all is measured in turn within each round; half of the loop's
block goes before the farm's job, half behind it. A cold frame is a fresh process that loads the engine and the model.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from loadtests.bare import BareLoop
from loadtests.budgets import judge, read_goals
from loadtests.cases import OUT, ROOT
from loadtests.farm import render_job, running_farm
from loadtests.report import case_lines, verdict_lines, write_json
from loadtests.rounds import CaseResult, Round
from rayfarm import Client
from rayfarm.types import Model

BENCH = "pipelines"
GOALS = "render"
ROUNDS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class PipelineCase:
    """One model of one pipeline, and the frames of a block."""

    pipeline: str
    says: str
    main: str
    maker: Sequence[str]
    """Arguments of the script that writes the model into the folder that follows them; none: it lies in examples/."""
    settings: dict[str, Any]
    block: int = 24
    folder: str = "."
    """Of the model, below what the script wrote."""

    def make(self, target: Path) -> Path:
        """The model's folder, written by a process of its own."""
        if not self.maker:
            return ROOT / "examples"
        subprocess.run(
            [sys.executable, *self.maker, str(target)],
            cwd=ROOT,
            check=True,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        return (target / self.folder).resolve()


CASES = (
    PipelineCase(
        pipeline="mitsuba",
        says="Cornell box, 256x256, 4 samples, a camera that moves",
        main="cornell.xml",
        maker=(),
        settings={"width": 256, "height": 256, "spp": 4, "camera_path": {"kind": "orbit", "radius": 4, "frames": 120}},
    ),
    PipelineCase(
        pipeline="splats",
        says="100,000 gaussians, 640x360, an orbit",
        main="torus.ply",
        maker=("examples/make_splats.py", "--count", "100000"),
        settings={"width": 640, "height": 360, "cameras": {"type": "orbit"}},
    ),
    PipelineCase(
        pipeline="diffusion",
        says="a tiny Stable Diffusion, 64x64, 4 steps",
        main="model_index.json",
        maker=("-m", "tests.pipelines.build_diffusion"),
        settings={"prompt": "a lighthouse at dusk", "width": 64, "height": 64, "steps": 4},
        block=12,
        folder="sd",
    ),
)


def main(names: Sequence[str]) -> int:
    """Print each case and the verdicts; 1 where a goal is missed."""
    at, begun, load = datetime.now(UTC), time.perf_counter(), os.getloadavg()[0]
    OUT.mkdir(parents=True, exist_ok=True)
    print(f"load of the machine before: {load:.2f} on {os.cpu_count()} cores", flush=True)
    results = []
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="pipelines-", dir=OUT)))
        client = stack.enter_context(running_farm(OUT))
        for case in (case for case in CASES if not names or case.pipeline in names):
            results.append(run_case(case, client, folder))
            print("\n".join(case_lines(results[-1])), flush=True)
    verdicts = judge(read_goals(GOALS), [figure for result in results for figure in result.figures])
    print("\n".join(verdict_lines(verdicts, [])))
    path = write_json(
        OUT, bench=BENCH, at=at, seconds=time.perf_counter() - begun, load=(load, os.getloadavg()[0]),
        results=results, verdicts=verdicts, missing=[],
    )  # fmt: skip
    print(path.relative_to(ROOT))
    return 0 if all(verdict.held for verdict in verdicts) else 1


def run_case(case: PipelineCase, client: Client, folder: Path) -> CaseResult:
    """The rounds of one pipeline, after a warm-up of all that is resident."""
    root = case.make(folder / case.pipeline)
    command = [sys.executable, "-m", "loadtests.engine_loop", case.pipeline, str(root), case.main]
    model = client.register_model(root if case.maker else root / case.main)
    frames = list(range(1, case.block + 1))
    with BareLoop(command=command) as bare:
        bare.render(case.settings, frames[:1], folder)
        _, first = render_job(client, model, case.settings, frames[:1], pipeline=case.pipeline)
        rounds = [_round(case, command, bare, client, model, frames, folder) for _ in range(ROUNDS)]
    return CaseResult(
        case=case.pipeline, says=case.says, block=case.block, rounds=rounds, first_job_s=first.whole, same_pixels=None
    )


def _round(
    case: PipelineCase, command: Sequence[str], bare: BareLoop, client: Client, model: Model, frames: list[int],
    folder: Path,
) -> Round:  # fmt: skip
    begun = time.perf_counter()
    with BareLoop(command=command) as fresh:
        fresh.render(case.settings, frames[:1], folder)
        cold = time.perf_counter() - begun
    half = len(frames) // 2
    before = bare.render(case.settings, frames[:half], folder)
    _, seconds = render_job(client, model, case.settings, frames, pipeline=case.pipeline)
    behind = bare.render(case.settings, frames[half:], folder)
    return Round(
        cold=cold,
        bare=(before * half + behind * (len(frames) - half)) / len(frames),
        farm=seconds.whole,
        farm_between_commits=seconds.between_commits,
        farm_engine=seconds.engine,
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
