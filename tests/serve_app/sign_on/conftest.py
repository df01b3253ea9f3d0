"""A farm whose people log in at a real OpenID provider."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack

import pytest

from tests.oidc.openid_provider import (
    CLIENT_ID,
    CLIENT_SECRET,
    Browser,
    OpenIdProvider,
    openid_provider,
)
from tests.serve_app.farm import ApiFarm
from tests.serve_app.sign_on.steps import PEOPLE


@pytest.fixture(scope="module")
def provider() -> Iterator[OpenIdProvider]:
    with openid_provider(PEOPLE) as running:
        yield running


@pytest.fixture
def oidc() -> dict[str, str]:
    """Settings of the farm beside those that every test has; a class or test may override it."""
    return {}


@pytest.fixture(autouse=True)
def environment(provider: OpenIdProvider, oidc: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    given = {"ISSUER": provider.issuer, "CLIENT_ID": CLIENT_ID, "CLIENT_SECRET": CLIENT_SECRET, **oidc}
    for name, value in given.items():
        monkeypatch.setenv(f"RAYFARM_OIDC_{name}", value)


@pytest.fixture
async def new_browser(farm: ApiFarm) -> AsyncIterator[Callable[[], Browser]]:
    async with AsyncExitStack() as stack:

        def make() -> Browser:
            browser = Browser(farm.app)
            stack.push_async_callback(browser.http.aclose)
            return browser

        yield make


@pytest.fixture
def browser(new_browser: Callable[[], Browser]) -> Browser:
    return new_browser()
