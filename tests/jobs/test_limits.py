"""Ceilings that are set apart from each other and have to agree."""

from __future__ import annotations

from datetime import timedelta

import pytest

from cluster.settings import ClusterSettings
from jobs.errors import InvalidSettings
from jobs.limits import FarmLimits
from jobs.spec import JobLimits


def test_a_job_that_names_no_frame_timeout_is_within_the_farms_limit() -> None:
    assert timedelta(seconds=JobLimits().frame_timeout_s) <= FarmLimits().max_frame_timeout


def test_a_replica_that_drains_outlasts_the_longest_frame() -> None:
    assert ClusterSettings().drain_timeout > FarmLimits().max_frame_timeout


@pytest.mark.parametrize("longest", ["PT0S", "-PT1H"])
def test_a_farm_without_time_for_a_frame_does_not_start(longest: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAYFARM_LIMITS_MAX_FRAME_TIMEOUT", longest)
    with pytest.raises(InvalidSettings):
        FarmLimits()
