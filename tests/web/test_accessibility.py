"""No page breaks a rule of WCAG 2.2 AA that axe-core can check, in light and in dark."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from jobs.access import FarmRole
from tests.web.page_list import PageEntry, details, navigation
from tests.web.page_rules import SCHEMES, broken_rules, violations
from tests.web.pictures import picture
from tests.web.served_farm import ServedFarm
from tests.web.visitor import PHONE, Visitor

Visit = Callable[..., Visitor]


@pytest.mark.parametrize("path", ["/sign-in/", "/accept/", "/no/such/page/"])
def test_pages_for_strangers(visit: Visit, path: str) -> None:
    visitor = visit()
    page = visitor.go(path)
    picture(visitor, path.strip("/").replace("/", "-"))
    found = []
    for scheme in SCHEMES:
        visitor.look(scheme)
        found += [f"{scheme}: {each}" for each in violations(page)]
    assert found == []


_PARTS: dict[str, Callable[[ServedFarm], list[PageEntry]]] = {
    "project": lambda farm: [entry for entry in navigation() if entry.path.startswith(farm.home)],
    "farm": lambda farm: [entry for entry in navigation() if not entry.path.startswith(farm.home)],
    "details": lambda farm: details(farm.world),
}


@pytest.mark.parametrize("part", sorted(_PARTS))
def test_every_page_keeps_the_rules_and_fits_a_phone(visit: Visit, farm: ServedFarm, part: str) -> None:
    """One walk for all, since loading the pages takes most of the time."""
    visitor = visit(FarmRole.ADMIN)
    found = []
    for entry in _PARTS[part](farm):
        visitor.go(entry.path)
        picture(visitor, entry.name)
        found += [f"{entry.path}: {each}" for each in broken_rules(visitor)]
    assert found == [], "\n".join(found)


def test_what_opens_over_a_page(visit: Visit, farm: ServedFarm) -> None:
    """Search, shortcuts, the account's menu, and the navigation of a phone."""
    visitor = visit(FarmRole.ADMIN)
    page = visitor.go(f"{farm.home}/jobs/")
    found = []
    page.keyboard.press("Control+k")
    page.get_by_role("dialog").wait_for()
    found += violations(page)
    page.keyboard.press("Escape")
    page.get_by_role("dialog").wait_for(state="hidden")  # until then it takes what is typed
    page.keyboard.press("?")
    page.get_by_role("dialog", name="Keyboard shortcuts").wait_for()
    found += violations(page)
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Your account").click()
    page.get_by_role("menu").wait_for()
    found += violations(page)
    page.keyboard.press("Escape")
    page.set_viewport_size(PHONE)
    page.get_by_role("button", name="Open the pages").click()
    found += violations(page)
    assert found == [], "\n".join(found)
