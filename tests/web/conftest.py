"""Chromium before the real API, which serves the built web app, over a real PostgreSQL with something of all in it.

No worker renders here: tests commit frames themselves, through the queue that workers use. A whole farm is in
``tests/farm/test_in_the_browser.py``.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from playwright.sync_api import Browser

from jobs.access import Role
from tests.web.chromium import chromium
from tests.web.pictures import picture_of_failure
from tests.web.served_farm import ServedFarm, served_farm
from tests.web.visitor import Visitor

_FAILED = pytest.StashKey[bool]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.failed:
        item.stash[_FAILED] = True
    return report


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="session")
def farm(browser: Browser) -> Iterator[ServedFarm]:
    with served_farm() as served:
        yield served


@pytest.fixture
def visit(browser: Browser, farm: ServedFarm, request: pytest.FixtureRequest) -> Iterator[Callable[..., Visitor]]:
    """``visit(role)``: a browser of somebody with that role; ``visit()``: of a stranger. Closed after the test."""
    visitors: list[Visitor] = []
    with ExitStack() as stack:

        def begin(role: Role | None = None, **options: Any) -> Visitor:
            visitors.append(stack.enter_context(Visitor(browser, farm.url, role=role, **options)))
            return visitors[-1]

        yield begin
        if request.node.stash.get(_FAILED, False):
            for number, visitor in enumerate(visitors, start=1):
                picture_of_failure(visitor, f"{request.node.name}-{number}")
