"""The bench of no-op frames stands in for parts of the product's replica."""

from __future__ import annotations

import inspect
import re

from cluster.replica import Replica
from loadtests.noop.replica import NoOpRoom


def test_the_room_without_engines_answers_all_that_a_replica_asks_of_its_room() -> None:
    asked = set(re.findall(r"self\._engines\.(\w+)", inspect.getsource(Replica)))
    assert asked >= {"close", "residents", "trouble"}  # else the pattern finds nothing
    assert asked <= set(dir(NoOpRoom))
