"""Libraries of the ``post`` extra: loaded at the first use, and refused by name where they are not installed."""

from __future__ import annotations

import importlib
from typing import Any, ClassVar

from jobs.errors import InvalidInput


class NotInstalled(InvalidInput):
    """This farm lacks a library that the step needs.

    No outage: waiting does not end it, so it is no ``Unavailable``, which tasks wait out.
    """

    code: ClassVar[str] = "not-installed"


def optional_library(name: str, *, what: str) -> Any:
    """The module. Raises ``NotInstalled``: ``what`` completes "This farm cannot …"."""
    try:
        return importlib.import_module(name)  # some take seconds and 300 MB: only the process that uses them pays
    except ImportError as error:
        raise NotInstalled(
            f"This farm cannot {what}: {name} is not installed.", remedy="Install rayfarm with its `post` extra."
        ) from error
