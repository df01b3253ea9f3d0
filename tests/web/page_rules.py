"""What every page has to keep: rules of WCAG 2.2 AA that axe-core can check, in light and dark, and a phone's width."""

from __future__ import annotations

from collections.abc import Mapping

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page
from playwright.sync_api import TimeoutError as PlaywrightTimeout

from tests.web.visitor import PHONE, Scheme, Visitor

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


def broken_rules(visitor: Visitor) -> list[str]:
    """Of the page that is open. What is wider than a phone, a table, scrolls by itself."""
    found = []
    for scheme, rules in (("light", RULES), ("dark", _COLOURS)):
        visitor.look(scheme)
        found += [f"{scheme}: {each}" for each in violations(visitor.page, rules)]
    with visitor.on_a_phone():
        return found + _too_wide(visitor.page)


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


def _too_wide(page: Page) -> list[str]:
    """Charts and the navigation follow the window a moment later."""
    width = "document.documentElement.scrollWidth"
    try:
        page.wait_for_function(f"most => {width} <= most", arg=PHONE["width"], timeout=_PAINTED_MS)
    except PlaywrightTimeout:  # also where a busy machine has not asked once more after the page had followed
        found = page.evaluate(width)
        return [f"{found} pixels wide on a phone of {PHONE['width']}"] if found > PHONE["width"] else []
    return []
