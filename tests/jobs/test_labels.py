"""Labels: an exact value, or a bound on a number; nonsense is refused when the job is submitted."""

from __future__ import annotations

from uuid import uuid4

import pytest
from pydantic import ValidationError

from jobs.labels import has_labels
from jobs.spec import JobSpec


@pytest.mark.parametrize(
    ("wish", "value", "fits"),
    [
        ("l4", "l4", True),
        ("l4", "l40", False),
        (">=24", "24", True),
        (">=24", "23.9", False),
        (">=24", "80", True),
        (">24", "24", False),
        ("<=8", "8", True),
        ("<8", "8", False),
        (">=24", "a lot", False),
        (">=24", "nan", False),
        ("24", "24.0", False),
    ],
)
def test_a_wish_is_a_value_or_a_bound_on_a_number(wish: str, value: str, fits: bool) -> None:
    assert has_labels({"gpu_memory_gib": wish}, {"gpu_memory_gib": value, "other": "x"}) is fits


def test_a_replica_without_the_label_does_not_fit() -> None:
    assert not has_labels({"gpu_memory_gib": ">=0"}, {})


@pytest.mark.parametrize("wish", [">=", ">=24G", "<many", ">inf", "<=nan"])
def test_a_bound_that_is_no_number_is_refused_with_an_example(wish: str) -> None:
    with pytest.raises(ValidationError, match="a number is expected"):
        JobSpec(model=uuid4(), frames="1", labels={"gpu_memory_gib": wish})


def test_a_bound_on_memory_is_accepted() -> None:
    assert JobSpec(model=uuid4(), frames="1", labels={"gpu_memory_gib": ">=24"}).labels["gpu_memory_gib"] == ">=24"
