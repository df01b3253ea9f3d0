"""A run on paper: the table, each value against its goal, and the same as JSON."""

from __future__ import annotations

import json
import math
import os
import platform
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import datetime
from pathlib import Path

from loadtests.budgets import Figure, Goal, Verdict, judge, read_goals, unmeasured
from loadtests.cases import OUT, ROOT
from loadtests.rounds import CaseResult, Round

_ROWS: tuple[tuple[str, str, str], ...] = (
    ("cold", "a", "a fresh process per frame"),
    ("openjd", "a'", "the same as tasks of openjd-cli, in one session"),
    ("openjd_command", "", "    with the start of the openjd command"),
    ("bare", "b", "bare loop, scene resident"),
    ("host", "", "    the same in the farm's engine host, no farm"),
    ("farm", "c", "Rayfarm by REST: submit to last commit, over the frames"),
    ("farm_between_commits", "", "    between commits, in mid-job"),
    ("farm_engine", "", "    of it in the engine, by its own clock"),
)
_FIGURES = {
    "farm_over_bare": "c/b",
    "host_over_bare": "host/b",
    "cold_over_farm": "a/c",
    "cold_over_bare": "a/b",
    "openjd_over_farm": "a'/c",
    "openjd_over_bare": "a'/b",
    "kept_of_warm": "(a/c)/(a/b)",
}


def case_lines(result: CaseResult) -> Iterator[str]:
    """One case: seconds per frame, then the ratios."""
    yield f"\n{result.case}: {result.says}"
    yield f"  medians of {len(result.rounds)} rounds; {result.block} frames in a block or job; seconds per frame"
    for name, letter, says in _ROWS:
        values = [getattr(each, name) for each in result.rounds]
        middle = result.middle(lambda each, name=name: getattr(each, name))  # type: ignore[misc]
        if not math.isnan(middle):
            known = [value for value in values if not math.isnan(value)]
            yield f"  {letter:2} {says:58} {middle:8.3f}   ({min(known):.3f} .. {max(known):.3f})"
    figures = {figure.name: figure.value for figure in result.figures}
    ratios = [f"{says} {figures[name]:.3g}" for name, says in _FIGURES.items() if name in figures]
    if "over_bare_ms" in figures:
        ratios.append(f"c-b {figures['over_bare_ms']:.1f} ms")
    yield "  " + "   ".join(ratios)
    if not math.isnan(result.first_job_s):
        yield f"  the farm's first job with this scene and settings, one frame: {result.first_job_s:.2f} s"
    yield from (f"  {note}" for note in result.notes)


def verdict_lines(verdicts: Sequence[Verdict], missing: Sequence[Goal]) -> Iterator[str]:
    """Each value against its goal."""
    yield "\nvalue against goal"
    for verdict in verdicts:
        figure, goal = verdict.figure, verdict.goal
        name = f"{figure.case} {figure.name}"
        value = f"{figure.value:.3f} {goal.unit}".strip()
        mark = "ok  " if verdict.held else "MISS"
        yield f"  {mark} {name:32} {value:>12}  {goal.bound.sign} {goal.value:g}  {goal.says}"
    yield from (f"  --   {goal.figure:32} not measured in this run: {goal.says}" for goal in missing)


def conclude(bench: str, figures: Sequence[Figure], *, at: datetime, begun: float, load: float) -> int:
    """Print a run's figures against their goals and keep them as JSON; 1 where a goal is missed.

    ``begun``: by ``time.perf_counter``; ``load``: of the machine before it.
    """
    goals = read_goals(bench)
    verdicts = judge(goals, figures)
    missing = unmeasured(goals, verdicts)
    print("\n".join(verdict_lines(verdicts, missing)))
    seconds, load_after = time.perf_counter() - begun, os.getloadavg()[0]
    path = write_json(
        OUT, bench=bench, at=at, seconds=seconds, load=(load, load_after), results=[], verdicts=verdicts,
        missing=missing, figures=figures,
    )  # fmt: skip
    print(f"\n{seconds:.0f} s; load of the machine after: {load_after:.2f}; {path.relative_to(ROOT)}")
    return 0 if all(verdict.held for verdict in verdicts) else 1


def write_json(
    folder: Path,
    *,
    bench: str,
    at: datetime,
    seconds: float,
    load: Sequence[float],
    results: Sequence[CaseResult],
    verdicts: Sequence[Verdict],
    missing: Sequence[Goal],
    figures: Sequence[Figure] = (),
) -> Path:
    """``<bench>-<date>.json``; a second run in one second would replace it. ``figures``: those of no ``results``."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{bench}-{at:%Y-%m-%dT%H%M%SZ}.json"
    record = {
        "bench": bench,
        "at": at.isoformat(),
        "seconds": round(seconds, 1),
        "machine": {"cpus": os.cpu_count(), "kind": platform.machine(), "system": platform.platform()},
        "load_before_and_after": list(load),
        "cases": [
            {
                "case": result.case,
                "says": result.says,
                "block": result.block,
                "first_job_s": _number(result.first_job_s),
                "rounds": [_round(each) for each in result.rounds],
                "figures": {figure.name: figure.value for figure in result.figures},
                "notes": result.notes,
            }
            for result in results
        ],
        "goals": [
            {
                "case": verdict.figure.case,
                "figure": verdict.figure.name,
                "value": _number(verdict.figure.value),
                verdict.goal.bound.value: verdict.goal.value,
                "held": verdict.held,
            }
            for verdict in verdicts
        ],
        "figures": [asdict(figure) for figure in figures],
        "not_measured": [goal.figure for goal in missing],
    }
    path.write_text(json.dumps(record, indent=1, allow_nan=False) + "\n", encoding="utf-8")
    return path


def _round(each: Round) -> dict[str, float | None]:
    return {name: _number(value) for name, value in asdict(each).items()}


def _number(value: float) -> float | None:
    return None if math.isnan(value) else value
