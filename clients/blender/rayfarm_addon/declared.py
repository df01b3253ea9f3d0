# SPDX-License-Identifier: GPL-3.0-or-later
"""Declares properties of a Blender class."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

Class = TypeVar("Class", bound=type)


def properties(**declared: Any) -> Callable[[Class], Class]:
    """Blender reads properties from a class's annotations, where neither a type checker nor a linter wants calls."""

    def declare(cls: Class) -> Class:
        cls.__annotations__ = declared
        return cls

    return declare
