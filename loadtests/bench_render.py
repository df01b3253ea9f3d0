"""Warm over cold, and Rayfarm over a bare engine loop: ``python -m loadtests.bench_render`` (``make bench``).

All that is compared is measured in turn within each round, so that a busy machine slows all of it alike. Half of the
loop's block goes before the farm's job and half behind it, so that a drift of the machine's speed falls on both alike.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from PIL import Image, ImageChops

from loadtests.bare import BareLoop
from loadtests.budgets import judge, read_goals, unmeasured
from loadtests.cases import CASES, OUT, ROOT, Case, scene_file
from loadtests.cold import render_by_openjd, render_cold
from loadtests.farm import fetch_frame, render_job, running_farm
from loadtests.hosted import HostedEngine
from loadtests.report import case_lines, verdict_lines, write_json
from loadtests.rounds import CaseResult, Round
from rayfarm import Client
from rayfarm.types import Job, Model

BENCH = "render"


@dataclass(frozen=True, slots=True, kw_only=True)
class Contenders:
    """What renders the frames of one scene."""

    blend: Path
    folder: Path
    bare: BareLoop
    host: HostedEngine | None
    client: Client | None
    model: Model | None


def main(arguments: Sequence[str]) -> int:
    options = _options(arguments)
    goals = read_goals(BENCH)
    cases = [case.quicker() if options.quick else case for case in CASES if case.name in options.cases]
    OUT.mkdir(parents=True, exist_ok=True)
    at, begun, load = datetime.now(UTC), time.perf_counter(), os.getloadavg()[0]
    print(f"load of the machine before: {load:.2f} on {os.cpu_count()} cores", flush=True)
    results: list[CaseResult] = []
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="render-", dir=OUT)))
        client = None if options.without_farm else stack.enter_context(running_farm(OUT))
        if client is not None:
            print(f"the farm {client.base_url} was ready after {time.perf_counter() - begun:.1f} s", flush=True)
        for scene in dict.fromkeys(case.scene for case in cases):
            blend = scene_file(scene, OUT)
            with contextlib.ExitStack() as of_scene:
                contenders = Contenders(
                    blend=blend,
                    folder=folder,
                    bare=of_scene.enter_context(
                        BareLoop(command=[sys.executable, "-m", "loadtests.blender.bare_loop", str(blend)])
                    ),
                    host=of_scene.enter_context(HostedEngine(blend=blend, workdir=folder / "host"))
                    if options.host
                    else None,
                    client=client,
                    model=client.register_model(blend) if client is not None else None,
                )
                for case in (case for case in cases if case.scene == scene):
                    results.append(run_case(case, contenders))
                    print("\n".join(case_lines(results[-1])), flush=True)
    verdicts = judge(goals, [figure for result in results for figure in result.figures])
    missing = unmeasured(goals, verdicts)
    print("\n".join(verdict_lines(verdicts, missing)))
    seconds, load_after = time.perf_counter() - begun, os.getloadavg()[0]
    path = write_json(
        OUT,
        bench=BENCH,
        at=at,
        seconds=seconds,
        load=(load, load_after),
        results=results,
        verdicts=verdicts,
        missing=missing,
    )
    print(f"\n{seconds:.0f} s; load of the machine after: {load_after:.2f}; {path.relative_to(ROOT)}")
    return 0 if all(verdict.held for verdict in verdicts) else 1


def run_case(case: Case, contenders: Contenders) -> CaseResult:
    """Warm up what is resident, then the rounds, then compare the pictures of the last."""
    first_job = _warm_up(case, contenders)
    rounds, job = [], None
    for _ in range(case.rounds):
        done, job = run_round(case, contenders)
        rounds.append(done)
    frame = case.frames[0]
    pictures = [contenders.folder / f"{frame:06d}.png"]
    if contenders.client is not None and job is not None:
        pictures.append(fetch_frame(contenders.client, job, frame, contenders.folder))
    by_hand = contenders.folder / f"cold-{frame:06d}.png"
    return CaseResult(
        case=case.name,
        says=case.says,
        block=case.block,
        rounds=rounds,
        first_job_s=first_job,
        same_pixels=all(same_pixels(picture, by_hand) for picture in pictures),
    )


def run_round(case: Case, contenders: Contenders) -> tuple[Round, Job | None]:
    """Each contender once; also the farm's job."""
    blend, folder = contenders.blend, contenders.folder
    frames, job = case.frames, None
    done = Round(cold=render_cold(blend, case.settings, frames[: case.cold_frames], folder))
    session = render_by_openjd(blend, case.settings, frames[: case.openjd_tasks], folder)
    done = replace(done, openjd=session.session, openjd_command=session.command)
    if contenders.host is not None:
        done = replace(done, host=contenders.host.render(case.settings, frames))
    half = len(frames) // 2
    before = contenders.bare.render(case.settings, frames[:half], folder)
    if contenders.client is not None and contenders.model is not None:
        job, seconds = render_job(contenders.client, contenders.model, case.settings, frames)
        done = replace(
            done, farm=seconds.whole, farm_between_commits=seconds.between_commits, farm_engine=seconds.engine
        )
    behind = contenders.bare.render(case.settings, frames[half:], folder)
    bare = (before * half + behind * (len(frames) - half)) / len(frames)
    return replace(done, bare=bare), job


def same_pixels(one: Path, other: Path) -> bool:
    """Whether two pictures have the same size, channels and values; what else their files say is no matter."""
    with Image.open(one) as left, Image.open(other) as right:
        if (left.size, left.mode) != (right.size, right.mode):
            return False
        difference = ImageChops.difference(left, right)
        return not any(band.getbbox() for band in difference.split())


def _warm_up(case: Case, contenders: Contenders) -> float:
    """One frame each with the case's settings; returns the seconds of the farm's, NaN without a farm."""
    contenders.bare.render(case.settings, [case.block], contenders.folder)
    if contenders.host is not None:
        contenders.host.render(case.settings, [case.block])
    if contenders.client is None or contenders.model is None:
        return float("nan")
    _, first = render_job(contenders.client, contenders.model, case.settings, [case.block])
    return first.whole


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    names = [case.name for case in CASES]
    parser = argparse.ArgumentParser(prog="loadtests.bench_render", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer and shorter rounds; too few to judge by")
    parser.add_argument("--cases", default=",".join(names), help=f"of {', '.join(names)}; comma between")
    parser.add_argument("--host", action="store_true", help="also the engine host alone: what the engine side adds")
    parser.add_argument("--without-farm", action="store_true", help="no farm: the other rows alone")
    options = parser.parse_args(arguments)
    options.cases = options.cases.split(",")
    if unknown := set(options.cases) - set(names):
        parser.error(f"no such case: {', '.join(sorted(unknown))}; there are {', '.join(names)}")
    return options


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
