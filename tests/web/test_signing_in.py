"""The door: by password, by key, with neither; and how long one stays in."""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from playwright.sync_api import Page, expect

from jobs.access import ProjectRole
from tests.serve_app.farm import PASSWORD
from tests.web.served_farm import ServedFarm
from tests.web.visitor import Visitor
from tests.web.world import email_of

Visit = Callable[..., Visitor]


def sign_in(page: Page, *, password: str = PASSWORD) -> None:
    page.get_by_role("textbox", name="E-mail address").fill(email_of(ProjectRole.ARTIST))
    page.get_by_label(re.compile("^Password")).fill(password)
    page.get_by_role("button", name="Sign in", exact=True).click()


def path_of(page: Page) -> str:
    parts = urlsplit(page.url)
    return parts.path + (f"?{parts.query}" if parts.query else "")


def test_a_stranger_signs_in_by_password_and_is_where_the_link_led(visit: Visit, farm: ServedFarm) -> None:
    visitor = visit()
    link = f"{farm.home}/jobs/{farm.world.large_job}/"
    page = visitor.go(link)
    page.wait_for_url("**/sign-in/**")
    assert parse_qs(urlsplit(page.url).query)["next"] == [link]
    sign_in(page)
    page.wait_for_url(f"**{link}")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Flight over the ice")
    assert visitor.faults.take() == []


def test_a_wrong_password_is_said_and_the_right_one_then_works(visit: Visit) -> None:
    visitor = visit()
    page = visitor.go("/sign-in/")
    sign_in(page, password="a horse that knows a battery")
    expect(visitor.problem()).to_contain_text("password")
    sign_in(page)
    page.wait_for_url("**/jobs/")


def test_a_key_signs_its_tab_in_and_no_other(visit: Visit, farm: ServedFarm) -> None:
    visitor = visit()
    page = visitor.go("/sign-in/")
    page.get_by_role("button", name="Use an API key").click()
    page.get_by_label(re.compile("^API key")).fill(farm.data.key)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.wait_for_url("**/jobs/")
    page.reload()
    visitor.settled()
    assert path_of(page) == f"{farm.home}/jobs/"
    other = visitor.context.new_page()
    other.goto("/")
    other.wait_for_url("**/sign-in/**")


def test_a_key_that_nobody_has_is_refused(visit: Visit) -> None:
    visitor = visit()
    page = visitor.go("/sign-in/")
    page.get_by_role("button", name="Use an API key").click()
    page.get_by_label(re.compile("^API key")).fill("rf_nobody_has_this_one")
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(visitor.problem()).to_be_visible()
    assert path_of(page) == "/sign-in/"


def test_who_signs_out_is_out_in_this_tab_and_after_a_reload(visit: Visit, farm: ServedFarm) -> None:
    visitor = visit(ProjectRole.ARTIST)
    page = visitor.go(f"{farm.home}/jobs/")
    page.get_by_role("button", name="Your account").click()
    page.get_by_role("menuitem", name="Sign out").click()
    page.wait_for_url("**/sign-in/**")
    page.goto(f"{farm.home}/jobs/")
    page.wait_for_url("**/sign-in/**")


@pytest.mark.parametrize("place", ["https://elsewhere.example/", "//elsewhere.example/", "/\\elsewhere.example/"])
def test_a_link_to_the_door_leads_to_no_other_site(visit: Visit, place: str) -> None:
    visitor = visit()
    page = visitor.page
    page.goto(f"/sign-in/?{urlencode({'next': place})}")
    sign_in(page)
    page.wait_for_url("**/jobs/")
    assert urlsplit(page.url).netloc == urlsplit(visitor.url).netloc
    assert not any("another host" in fault for fault in visitor.faults.take())
