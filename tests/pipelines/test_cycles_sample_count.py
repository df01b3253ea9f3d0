"""How many samples are done, read out of what Blender 5.0.1 says."""

from __future__ import annotations

import pytest

from pipelines.base import Tally
from pipelines.cycles.sample_count import SampleCount


def test_the_lines_of_a_render_are_counted() -> None:
    count = SampleCount()
    assert not count.read("Mem: 1M | Updating Meshes | Copying Mesh to device")
    assert (count.tally, count.fraction) == (None, 0.0)
    assert count.read("Mem: 3M | Sample 0/400")
    assert (count.tally, count.fraction) == (Tally(0, 400, "samples"), 0.0)
    assert count.read("Remaining: 01:42:01.90 | Mem: 11M | Sample 100/400")
    assert (count.tally, count.fraction) == (Tally(100, 400, "samples"), 0.25)


def test_the_layers_of_a_frame_are_counted_one_after_the_other() -> None:
    count = SampleCount(layers=2)
    seen = []
    for line in ("Sample 0/8", "Sample 8/8", "Sample 0/8", "Sample 4/8", "Sample 8/8"):
        count.read(f"Mem: 3M | {line}")
        seen.append(count.fraction)
    assert seen == pytest.approx([0, 0.5, 0.5, 0.75, 1])


@pytest.mark.parametrize(
    ("line", "fraction", "told"),
    [
        ("Sample 5/10", 0.5, True),
        ("Sample 5/10", 0.6, True),  # within the sample that is on its way
        ("Sample 5/10", 0.85, False),
        ("Sample 200/400", 0.54, True),
        ("Sample 200/400", 0.56, False),
        ("Sample 0/400", 0.5, False),
        ("Sample 0/0", 0.0, False),
        ("Updating Meshes", 0.0, False),
    ],
)
def test_a_count_that_time_has_left_behind_is_not_told_beside_it(line: str, fraction: float, told: bool) -> None:
    count = SampleCount()
    count.read(line)
    assert count.at(fraction) == (count.tally if told else None)


def test_more_layers_than_were_announced_never_make_more_than_all() -> None:
    count = SampleCount(layers=1)
    for line in ("Sample 8/8", "Sample 0/8", "Sample 8/8"):
        count.read(line)
    assert count.fraction == 1
