"""Somebody at a browser: signed in by role, with an eye on everything that a page must never do."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Literal
from urllib.parse import urlsplit

import httpx
from playwright.sync_api import Browser, ConsoleMessage, Locator, Page, Request, Response, ViewportSize, expect

from jobs.access import Role
from tests.serve_app.farm import PASSWORD
from tests.web.world import email_of

Scheme = Literal["light", "dark"]
DESK: ViewportSize = {"width": 1280, "height": 800}
PHONE: ViewportSize = {"width": 390, "height": 844}
WAIT_MS = 20_000
"""What a busy machine may take; a page that works needs a fraction of it."""

_SCHEME_IS_DRAWN = """async (scheme) => {
  if (document.documentElement.dataset.mantineColorScheme !== scheme) return false;
  await new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)));
  return !document.getAnimations().some((each) => each instanceof CSSTransition);
}"""

_NOTE_VIOLATIONS = """window.violations = [];
addEventListener('securitypolicyviolation', (each) => violations.push(each.effectiveDirective));"""

_OURS = ("data:", "blob:", "about:")
_STREAM = re.compile(r"/v1/(?:projects/[^/]+/|jobs/[^/]+/)?events(?:\?|$)")


@dataclass(slots=True)
class Faults:
    """What was seen that must not be, each with the page that it happened on."""

    found: list[str] = field(default_factory=list)

    def take(self) -> list[str]:
        """All so far; the next ones count anew."""
        taken, self.found = self.found, []
        return taken


class Visitor:
    """A browser context of its own with one page. ``role`` None: a stranger."""

    def __init__(self, browser: Browser, url: str, *, role: Role | None = None, **options: Any) -> None:
        self.url = url
        state = _signed_in(url, role) if role is not None else None
        options.setdefault("viewport", DESK)
        self.context = browser.new_context(base_url=url, storage_state=state, reduced_motion="reduce", **options)
        self.context.set_default_timeout(WAIT_MS)
        self.context.add_init_script(_NOTE_VIOLATIONS)
        self.page: Page = self.context.new_page()
        self.faults = Faults()
        self.requests: list[str] = []
        """Addresses below ``/v1`` that were asked, streams left out."""
        self.page.on("console", self._on_console)
        self.page.on("pageerror", lambda error: self._note(f"uncaught: {error}"))
        self.page.on("request", self._on_request)
        self.page.on("response", self._on_response)

    def __enter__(self) -> Visitor:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.context.close()

    def go(self, path: str) -> Page:
        """Load the address, and wait until the page is there."""
        self.page.goto(path, wait_until="commit")
        return self.settled()

    def follow(self, label: str) -> Page:
        """By the navigation, without loading anew."""
        link = self.page.get_by_role("navigation", name="Pages").get_by_role("link", name=label, exact=True).first
        place = link.get_attribute("href")
        link.click()
        self.page.wait_for_url(f"**{place}")
        return self.settled()

    def settled(self) -> Page:
        """Once it has its title and nothing of it loads any more."""
        expect(self.page.locator("h1").first).to_be_visible(timeout=WAIT_MS)
        expect(self.page.get_by_role("status", name="Loading")).to_have_count(0, timeout=WAIT_MS)
        return self.page

    def look(self, scheme: Scheme) -> None:
        """Light or dark, as the system would say."""
        self.page.emulate_media(color_scheme=scheme)
        self.page.wait_for_function(_SCHEME_IS_DRAWN, arg=scheme)

    @contextmanager
    def on_a_phone(self) -> Iterator[None]:
        """The same page on a small screen."""
        self.page.set_viewport_size(PHONE)
        try:
            yield
        finally:
            self.page.set_viewport_size(DESK)

    def problem(self) -> Locator:
        """What the page says that went wrong."""
        return self.page.locator('[role="alert"]:not(#__next-route-announcer__)').first

    def policy_violations(self) -> list[str]:
        """Directives of the Content Security Policy that this page was stopped by."""
        return list(self.page.evaluate("window.violations"))

    def live(self) -> Page:
        """Once the page is kept up to date."""
        expect(self.page.locator('[data-connection="live"]')).to_be_visible(timeout=WAIT_MS)
        return self.page

    def _note(self, what: str) -> None:
        self.faults.found.append(f"{urlsplit(self.page.url).path}: {what}")

    def _on_console(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self._note(f"console: {message.text} ({message.location.get('url', '')})")

    def _on_request(self, request: Request) -> None:
        if not request.url.startswith((self.url + "/", *_OURS)):
            self._note(f"asked another host: {request.url}")
        path = request.url.removeprefix(self.url)
        if path.startswith("/v1/") and not _STREAM.match(path):
            self.requests.append(f"{request.method} {path}")

    def _on_response(self, response: Response) -> None:
        if response.status >= 400:
            self._note(f"{response.request.method} {response.url.removeprefix(self.url)}: {response.status}")


def _signed_in(url: str, role: Role) -> Any:
    """What a browser keeps of a session that has begun."""
    offer = {"email": email_of(role), "password": PASSWORD, "session": "cookie"}
    answer = httpx.post(f"{url}/v1/auth/login", json=offer, timeout=60)
    assert answer.is_success, answer.text
    [(name, value)] = answer.cookies.items()
    cookie = {"name": name, "value": value, "domain": "127.0.0.1", "path": "/v1/auth", "httpOnly": True}
    hint = [{"name": "rayfarm.signed-in", "value": "1"}]
    return {
        "cookies": [{**cookie, "sameSite": "Strict", "secure": False, "expires": -1}],
        "origins": [{"origin": url, "localStorage": hint}],
    }
