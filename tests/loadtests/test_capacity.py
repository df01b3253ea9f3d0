"""The arithmetic of `docs/operations/capacity-and-cost.md`, and the example on that page."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from loadtests.capacity import Load, need_of

PAGE = Path(__file__).resolve().parents[2] / "docs" / "operations" / "capacity-and-cost.md"


def test_replicas_are_frames_over_what_one_manages_in_the_time() -> None:
    need = need_of(Load(frames=3600, frame_s=10, hours=1, busy=1, failed=0))
    assert (need.replicas, need.replica_hours) == (10, 10)


def test_a_frame_is_not_cut_in_two() -> None:
    """Of frames of 40 minutes one replica has one in an hour, and not one and a half."""
    assert need_of(Load(frames=3, frame_s=2400, hours=1, busy=1, failed=0)).replicas == 3


def test_loading_waste_and_retries_cost_replicas_and_money() -> None:
    plain = Load(frames=3600, frame_s=10, hours=1, busy=1, failed=0, price_hour=2)
    assert need_of(plain).cost == 20
    for worse in ({"busy": 0.5}, {"failed": 0.5}, {"load_s": 1800}):
        need = need_of(Load(**{name: getattr(plain, name) for name in plain.__slots__} | worse))
        assert need.replicas == 20
        assert need.cost > 20


def test_what_is_stored_goes_over_the_line_while_it_is_rendered() -> None:
    need = need_of(Load(frames=3600, frame_s=10, hours=1, busy=1, failed=0, frame_mb=10))
    assert need.stored_gb == 36
    assert need.upload_mbit_s == pytest.approx(80)


def test_no_time_at_all_is_refused() -> None:
    with pytest.raises(ValueError, match="leaves no time"):
        need_of(Load(frames=1, frame_s=10, hours=1, load_s=4000))


def test_the_example_of_the_page_is_what_the_program_prints() -> None:
    [(command, printed)] = re.findall(
        r"```sh\npython -m (loadtests\.capacity [^\n]+)\n```\n\n```\n(.*?)```", PAGE.read_text(), re.S
    )
    done = subprocess.run([sys.executable, "-m", *shlex.split(command)], capture_output=True, text=True, check=True)
    assert done.stdout == printed
