"""All of them, for Locust."""

from __future__ import annotations

from loadtests.users.artist import Artist
from loadtests.users.operator import Operator
from loadtests.users.program import Program
from loadtests.users.watcher import Watcher
from loadtests.users.yardstick import Yardstick

__all__ = ["Artist", "Operator", "Program", "Watcher", "Yardstick"]
