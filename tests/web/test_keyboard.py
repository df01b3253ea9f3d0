"""With the keyboard alone: the door, the list, a job, its frames; no pointer is used in this file."""

from __future__ import annotations

import re
from collections.abc import Callable

from playwright.sync_api import Page, expect

from jobs.access import ProjectRole
from tests.serve_app.farm import PASSWORD
from tests.web.served_farm import ServedFarm
from tests.web.visitor import Visitor
from tests.web.world import email_of

Visit = Callable[..., Visitor]
MOST_TABS = 80


def tab_to(page: Page, role: str, name: re.Pattern[str]) -> None:
    """Until the focus is on it, as somebody would."""
    wanted = page.get_by_role(role, name=name)  # type: ignore[arg-type]
    for _ in range(MOST_TABS):
        page.keyboard.press("Tab")
        if wanted.evaluate_all("(found) => found.some((each) => each === document.activeElement)"):
            return
    raise AssertionError(f"The focus does not come to the {role} {name.pattern}")


def test_from_the_door_to_frames_that_render_again(visit: Visit, farm: ServedFarm) -> None:
    job = farm.thread.run(farm.data.submit(name="By keyboard", frames="1-12", model=farm.world.model))
    farm.thread.run(farm.data.render(job["id"], frames=6))
    visitor = visit()
    page = visitor.go("/")
    page.wait_for_url("**/sign-in/**")
    tab_to(page, "textbox", re.compile("E-mail"))
    page.keyboard.type(email_of(ProjectRole.ARTIST))
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url("**/jobs/")
    visitor.settled()
    page.keyboard.press("j")
    for _ in range(MOST_TABS):
        if page.evaluate("document.activeElement.textContent") == "By keyboard":
            break
        page.keyboard.press("j")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/jobs/{job['id']}/**")
    visitor.settled()
    tab_to(page, "grid", re.compile("^Frames"))
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("Shift+ArrowRight")
    expect(page.get_by_text("3 frames selected")).to_be_visible()
    tab_to(page, "button", re.compile("^Render again"))
    page.keyboard.press("Enter")
    expect(page.get_by_text("3 frames are rendered again.")).to_be_visible()
    read = farm.thread.run(farm.data.http.get(f"/v1/jobs/{job['id']}")).json()
    assert read["counts"]["committed"] == 3, read["counts"]


def test_the_first_key_leads_past_the_navigation(visit: Visit, farm: ServedFarm) -> None:
    page = visit(ProjectRole.ARTIST).go(f"{farm.home}/jobs/")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.querySelector('#content').contains(document.activeElement)")


def test_pages_are_gone_to_by_their_letters_and_by_search(visit: Visit, farm: ServedFarm) -> None:
    visitor = visit(ProjectRole.ARTIST)
    page = visitor.go(f"{farm.home}/jobs/")
    page.keyboard.press("g")
    page.keyboard.press("m")
    page.wait_for_url(f"**{farm.home}/models/")
    visitor.settled()
    page.keyboard.press("Control+k")
    page.get_by_role("dialog").wait_for()
    page.keyboard.type("Flight over")
    expect(page.get_by_role("dialog").get_by_text("Flight over the ice")).to_be_visible()
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/jobs/{farm.world.large_job}/**")


def test_letters_that_are_typed_into_a_field_go_nowhere(visit: Visit, farm: ServedFarm) -> None:
    page = visit(ProjectRole.ARTIST).go(f"{farm.home}/jobs/")
    page.keyboard.press("/")
    page.keyboard.type("g m?")
    assert page.url.split("?")[0].endswith(f"{farm.home}/jobs/")
    assert page.get_by_role("dialog").count() == 0
