"""The figures of the render bench follow from its rounds, and the report holds them as they are."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime
from pathlib import Path

import pytest

from loadtests.budgets import judge, read_goals
from loadtests.report import case_lines, verdict_lines, write_json
from loadtests.rounds import CaseResult, Round


def result(*rounds: Round, same_pixels: bool | None = None) -> CaseResult:
    return CaseResult(case="tiny", says="a frame", block=8, rounds=list(rounds), same_pixels=same_pixels)


def figures(*rounds: Round) -> dict[str, float]:
    return {figure.name: figure.value for figure in result(*rounds).figures}


class TestFigures:
    def test_ratios_are_taken_within_a_round_so_that_a_slow_minute_does_not_tell(self) -> None:
        calm, busy = Round(bare=0.1, farm=0.11), Round(bare=1.0, farm=1.1)
        assert figures(calm, busy, busy)["farm_over_bare"] == pytest.approx(1.1)

    def test_a_short_frame_is_judged_by_milliseconds_alone(self) -> None:
        found = figures(Round(bare=0.1, farm=0.11))
        assert found["over_bare_ms"] == pytest.approx(10)
        assert "over_bare_ratio" not in found

    def test_a_frame_of_a_second_is_judged_by_its_share_alone(self) -> None:
        found = figures(Round(bare=1.0, farm=1.02))
        assert found["over_bare_ratio"] == pytest.approx(1.02)
        assert "over_bare_ms" not in found

    def test_what_is_kept_of_warm_is_the_farms_gain_over_the_loops(self) -> None:
        found = figures(Round(cold=1.0, bare=0.1, farm=0.125))
        assert found["cold_over_bare"] == pytest.approx(10)
        assert found["cold_over_farm"] == pytest.approx(8)
        assert found["kept_of_warm"] == pytest.approx(0.8)

    def test_what_was_not_measured_is_no_figure(self) -> None:
        assert set(figures(Round(cold=1.0, bare=0.1))) == {"cold_over_bare"}


class TestNotes:
    def test_a_loop_that_was_disturbed_is_told(self) -> None:
        assert "DISTURBED" in "\n".join(case_lines(result(Round(bare=0.1), Round(bare=0.15))))

    def test_a_calm_run_has_no_note(self) -> None:
        assert result(Round(bare=0.1), Round(bare=0.11)).notes == []


class TestReport:
    def test_a_miss_stands_in_the_report_and_in_the_file(self, tmp_path: Path) -> None:
        slow = result(Round(cold=1.0, bare=0.1, farm=0.2), same_pixels=True)
        verdicts = judge(read_goals("render"), slow.figures)
        assert {each.figure.name: each.held for each in verdicts} == {
            "kept_of_warm": False,
            "over_bare_ms": False,
            "same_pixels": True,
        }
        lines = list(verdict_lines(verdicts, []))
        assert sum("MISS" in line for line in lines) == 2
        path = write_json(
            tmp_path / "bench",
            bench="render",
            at=datetime(2026, 1, 5, 10, 0, 3, tzinfo=UTC),
            seconds=1.0,
            load=(0.1, 0.2),
            results=[slow],
            verdicts=verdicts,
            missing=[],
        )
        assert path.name == "render-2026-01-05T100003Z.json"
        record = json.loads(path.read_text())
        assert {goal["figure"]: goal["held"] for goal in record["goals"]}["over_bare_ms"] is False
        assert record["cases"][0]["rounds"][0]["host"] is None

    def test_rows_that_were_not_measured_are_not_printed(self) -> None:
        text = "\n".join(case_lines(result(Round(cold=1.0, bare=0.1))))
        assert "bare loop" in text
        assert "Rayfarm" not in text
        assert "nan" not in text

    def test_a_row_shows_median_and_range(self) -> None:
        text = "\n".join(case_lines(result(*(Round(bare=bare) for bare in (0.3, 0.1, 0.2)))))
        assert "0.200   (0.100 .. 0.300)" in text


def test_a_round_starts_with_nothing_measured() -> None:
    assert all(math.isnan(getattr(Round(), name)) for name in Round.__dataclass_fields__)
