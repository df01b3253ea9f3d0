"""Every page as everybody: who may see it does, who may not is told so, and nothing fails behind the page."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import expect

from jobs.access import Role
from tests.web.page_list import ROLES, details, for_role, navigation
from tests.web.served_farm import ServedFarm
from tests.web.visitor import Visitor

Visit = Callable[..., Visitor]
NOT_YOURS = "This page is for others"
NOT_FOUND = "There is no such page"


@pytest.mark.parametrize("role", ROLES)
def test_the_navigation_shows_what_the_role_may_and_each_page_of_it_works(
    visit: Visit, farm: ServedFarm, role: Role
) -> None:
    visitor = visit(role)
    visitor.go(f"{farm.home}/jobs/")
    page = visitor.live()
    expected = for_role(navigation(), role)
    links = page.get_by_role("navigation", name="Pages").get_by_role("link")
    expect(links).to_have_text([each.label for each in expected])
    failed = visitor.faults.take()
    for number, entry in enumerate(expected):
        links.nth(number).click()
        page.wait_for_url(f"**{entry.path}")
        visitor.settled()
        assert page.get_by_text(NOT_FOUND).count() == 0, entry.path
        assert page.get_by_text(NOT_YOURS).count() == 0, entry.path
        failed += visitor.faults.take()
    assert failed == []


@pytest.mark.parametrize("role", ROLES)
def test_a_link_to_a_page_of_others_says_so_and_asks_for_nothing_that_is_refused(
    visit: Visit, farm: ServedFarm, role: Role
) -> None:
    visitor = visit(role)
    others = [page for page in [*navigation(), *details(farm.world)] if not page.is_for(role)]
    failed = []
    for entry in others:
        page = visitor.go(entry.path)
        expect(page.get_by_text(NOT_YOURS)).to_be_visible()
        failed += visitor.faults.take()
    assert failed == []


@pytest.mark.parametrize("role", ROLES)
def test_pages_of_one_thing_work_by_their_link(visit: Visit, farm: ServedFarm, role: Role) -> None:
    visitor = visit(role)
    failed = []
    for entry in for_role(details(farm.world), role):
        page = visitor.go(entry.path)
        assert page.get_by_text(NOT_FOUND).count() == 0, entry.path
        assert urlsplit(page.url).path == urlsplit(entry.path).path
        failed += visitor.faults.take()
    assert failed == []


def test_an_address_that_is_no_page_says_so(visit: Visit) -> None:
    page = visit().page
    page.goto("/no/such/page/")
    expect(page.get_by_role("heading", name=NOT_FOUND)).to_be_visible()
