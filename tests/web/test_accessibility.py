"""No page breaks a rule of WCAG 2.2 AA that axe-core can check, in light and in dark."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page
from playwright.sync_api import TimeoutError as PlaywrightTimeout

from jobs.access import FarmRole
from tests.web.page_list import PageEntry, details, navigation
from tests.web.pictures import picture
from tests.web.served_farm import ServedFarm
from tests.web.visitor import PHONE, Scheme, Visitor

Visit = Callable[..., Visitor]
SCHEMES: tuple[Scheme, ...] = ("light", "dark")
RULES = {
    "resultTypes": ["violations"],
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    # The title of a dialog stands in a <header> of the component kit, which axe takes for a second one of the page.
    "rules": {name: {"enabled": False} for name in ("landmark-no-duplicate-banner", "landmark-unique")},
}

_COLOURS = {
    "resultTypes": ["violations"],
    "runOnly": {"type": "rule", "values": ["color-contrast", "link-in-text-block"]},
}
"""All that differs between light and dark."""
_PAINTED_MS = 3000
"""Until a busy machine has drawn what a change of the window or of the scheme brought."""


def violations(page: Page, options: Mapping[str, object] = RULES) -> list[str]:
    found = Axe().run(page, options=dict(options)).response["violations"]
    if found:  # a busy machine may still have painted half of it: what is wrong stays so
        page.wait_for_timeout(_PAINTED_MS)
        found = Axe().run(page, options=dict(options)).response["violations"]
    return [
        f"{each['id']}: {each['help']}: {' '.join(map(str, node['target']))} {node['html'][:160]}"
        for each in found
        for node in each["nodes"][:3]
    ]


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
    """One walk for all, since loading the pages takes most of the time. What is wider, a table, scrolls by itself."""
    visitor = visit(FarmRole.ADMIN)
    found = []
    for entry in _PARTS[part](farm):
        page = visitor.go(entry.path)
        picture(visitor, entry.name)
        for scheme, rules in (("light", RULES), ("dark", _COLOURS)):
            visitor.look(scheme)
            found += [f"{entry.path}, {scheme}: {each}" for each in violations(page, rules)]
        with visitor.on_a_phone():
            found += [f"{entry.path}: {each}" for each in _too_wide(page)]
    assert found == [], "\n".join(found)


def _too_wide(page: Page) -> list[str]:
    """Charts and the navigation follow the window a moment later."""
    width = "document.documentElement.scrollWidth"
    try:
        page.wait_for_function(f"most => {width} <= most", arg=PHONE["width"], timeout=_PAINTED_MS)
    except PlaywrightTimeout:
        return [f"{page.evaluate(width)} pixels wide on a phone of {PHONE['width']}"]
    return []


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
