"""A job that no worker can take names what is missing, not all that might be."""

from __future__ import annotations

import pytest

from jobs.misfit import why_none_fits
from jobs.planning import CrowdView

GPU, CPU = {"device": "gpu"}, {"device": "cpu"}


def worker(labels: dict[str, str], *pipelines: str, device_class: str = "cpu") -> CrowdView:
    engines = {name: f"{name} 1" for name in pipelines or ("cycles",)}
    return CrowdView(pool="default", replicas=1, labels=labels, engines=engines, device_class=device_class)


@pytest.mark.parametrize(
    ("labels", "there", "words"),
    [
        ({}, [worker(CPU, "splats"), worker(GPU, "fake")], "No worker has the pipeline cycles: install it"),
        (GPU, [worker(CPU)], "No worker has a GPU, and the job asks for one"),
        (GPU, [worker(CPU), worker(GPU, "fake")], "No worker with a GPU has the pipeline cycles: install it there"),
        ({"rack": "3"}, [worker(CPU), worker({"rack": "4"})], "No worker has the label rack=3."),
        ({"ram": ">=64"}, [worker({"ram": "32"})], "No worker has the label ram>=64."),
        (
            {"rack": "3"},
            [worker(CPU), worker({"rack": "3"}, "fake")],
            "No worker with the pipeline cycles has the",
        ),
        (
            {"a": "1", "b": "2"},
            [worker({"a": "1"}), worker({"b": "2"})],
            "No worker has all labels that the job asks for: a=1, b=2.",
        ),
    ],
)
def test_the_words_name_what_is_missing(labels: dict[str, str], there: list[CrowdView], words: str) -> None:
    assert why_none_fits(pipeline="cycles", labels=labels, there=there).startswith(words)


def test_a_job_that_began_on_cards_that_are_gone_says_which() -> None:
    there = [worker(GPU, device_class="cuda:nvidia-l4")]
    said = why_none_fits(pipeline="cycles", labels=GPU, device_class="cuda:nvidia-h100", there=there)
    assert "cuda:nvidia-h100" in said


@pytest.mark.parametrize("there", [[], [worker(CPU)]])
def test_where_nothing_is_missing_any_more_it_names_all_that_a_person_can_check(there: list[CrowdView]) -> None:
    assert why_none_fits(pipeline="cycles", labels={}, there=there).startswith("No worker fits: check")
