"""Pictures of pages, into ``build/screenshots``: what a reader of a change looks at, and two for the README.

Taken where ``CI`` or ``RAYFARM_SCREENSHOTS`` is set; of a test that failed always.
"""

from __future__ import annotations

import os
import re
from contextlib import suppress

from playwright.sync_api import Error as PlaywrightError

from tests.web.api_process import ROOT
from tests.web.visitor import Visitor

FOLDER = ROOT / "build" / "screenshots"
ARE_WANTED = bool(os.environ.get("RAYFARM_SCREENSHOTS") or os.environ.get("CI"))
_ALSO_DARK_AND_NARROW = ("job", "farm")


def picture(visitor: Visitor, name: str) -> None:
    """The page that is open; of the two best known ones also dark, and as a phone shows it."""
    if not ARE_WANTED:
        return
    _take(visitor, name)
    if name in _ALSO_DARK_AND_NARROW:
        visitor.look("dark")
        _take(visitor, f"{name}-dark")
        visitor.look("light")
        with visitor.on_a_phone():
            _take(visitor, f"{name}-phone")


def picture_of_failure(visitor: Visitor, test: str) -> None:
    """What the page showed when the test was given up; nothing where it shows nothing any more."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    name = re.sub(r"[^\w-]+", "-", test).strip("-")
    with suppress(PlaywrightError):
        visitor.page.screenshot(path=FOLDER / f"failed-{name}.png")


def _take(visitor: Visitor, name: str) -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    visitor.page.evaluate("document.fonts.ready")
    visitor.page.wait_for_function("[...document.images].every((each) => each.complete)")
    visitor.page.screenshot(path=FOLDER / f"{name}.png", animations="disabled", caret="hide")
