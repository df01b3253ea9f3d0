"""A short run of chaos; `.ci/run --full` has ten minutes of it, `make chaos MINUTES=30` thirty."""

from __future__ import annotations

import secrets

import pytest

from tests.chaos.faults import WEIGHTS, part_of
from tests.chaos.run import run_chaos

MINUTES = 0.75


@pytest.mark.timeout(1500)
def test_whatever_is_killed_stopped_or_full_no_frame_is_lost_or_made_twice() -> None:
    seed = secrets.randbelow(2**31)
    print(f"chaos: seed {seed}")  # shown where the test fails, also where it never comes to a report
    report = run_chaos(seed=seed, minutes=MINUTES)
    assert not report.wrong, str(report)
    parts = {part_of(fault) for fault in WEIGHTS}
    assert len({part_of(fault) for fault in report.faults}) >= len(parts) - 2, str(report)  # one may be away when drawn
    assert report.ledger.frames["committed"] > 0, str(report)
    assert report.requests_harmed > 0, str(report)
