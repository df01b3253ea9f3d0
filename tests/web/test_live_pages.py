"""A page that is open: what is committed reaches it by the stream alone, and a break of the line costs nothing."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, expect

from jobs.access import FarmRole, ProjectRole
from tests.web.served_farm import ServedFarm
from tests.web.visitor import WAIT_MS, Visitor

Visit = Callable[..., Visitor]


def row(page: Page, name: str) -> Locator:
    return page.get_by_role("row").filter(has_text=name)


@pytest.fixture
def queued(farm: ServedFarm, request: pytest.FixtureRequest) -> tuple[str, str]:
    """Id and name of a job of this test alone."""
    name = request.node.name[-40:]
    job = farm.thread.run(farm.data.submit(name=name, frames="1-8", model=farm.world.model))
    return str(job["id"]), name


def test_what_is_committed_in_the_database_is_on_the_page_without_a_reload(
    visit: Visit, farm: ServedFarm, queued: tuple[str, str]
) -> None:
    visitor = visit(ProjectRole.ARTIST)
    visitor.go(f"{farm.home}/jobs/")
    page = visitor.live()
    expect(row(page, queued[1])).to_contain_text("Queued")
    farm.thread.run(farm.data.render(queued[0], frames=3))
    expect(row(page, queued[1])).to_contain_text("Running")
    farm.thread.run(farm.data.render(queued[0], frames=5))
    expect(row(page, queued[1])).to_contain_text("Succeeded")


def test_a_job_that_somebody_else_submits_appears(visit: Visit, farm: ServedFarm) -> None:
    visitor = visit(ProjectRole.VIEWER)
    visitor.go(f"{farm.home}/jobs/")
    page = visitor.live()
    farm.thread.run(farm.data.submit(name="From the add-on", model=farm.world.model))
    expect(row(page, "From the add-on")).to_be_visible()


@pytest.mark.parametrize("path", ["/projects/default/jobs/", "job", "/farm/", "/farm/workers/"])
def test_a_page_that_is_connected_and_at_rest_asks_for_nothing(visit: Visit, farm: ServedFarm, path: str) -> None:
    visitor = visit(FarmRole.ADMIN)
    visitor.page.clock.install()
    visitor.go(f"{farm.home}/jobs/{farm.world.large_job}/" if path == "job" else path)
    page = visitor.live()
    page.wait_for_load_state("load")
    page.clock.run_for(3_000)  # whatever was put off after the start
    visitor.settled()
    visitor.requests.clear()
    # Its timers go off as if it was open for half a minute; after 40 s without a real heartbeat it would reconnect.
    page.clock.run_for(30_000)
    page.evaluate("fetch('/v1/health/live')")  # whatever was asked is on its way before this
    assert visitor.requests.pop().endswith("/v1/health/live")
    assert visitor.requests == []
    assert visitor.faults.take() == []


def test_a_killed_api_costs_a_reconnect_and_no_event(visit: Visit, farm: ServedFarm, queued: tuple[str, str]) -> None:
    visitor = visit(ProjectRole.ARTIST)
    visitor.go(f"{farm.home}/jobs/")
    page = visitor.live()
    expect(row(page, queued[1])).to_contain_text("Queued")
    farm.thread.run(farm.data.start(queued[0]))
    claimed = farm.thread.run(farm.data.claim(queued[0], frames=8))
    farm.api.kill()
    expect(page.locator('[data-connection="lost"], [data-connection="connecting"]')).to_be_visible(timeout=WAIT_MS)
    farm.thread.run(farm.data.commit(*claimed))  # while nobody tells
    farm.api.start()
    visitor.live()
    expect(row(page, queued[1])).to_contain_text("Succeeded")
    assert page.evaluate("performance.getEntriesByType('navigation').length") == 1


def test_a_laptop_that_was_offline_catches_up(visit: Visit, farm: ServedFarm, queued: tuple[str, str]) -> None:
    visitor = visit(ProjectRole.ARTIST)
    visitor.go(f"{farm.home}/jobs/{queued[0]}/")
    page = visitor.live()
    visitor.context.set_offline(True)
    farm.api.kill()  # an open stream outlives the switch
    expect(page.locator('[data-connection="lost"], [data-connection="connecting"]')).to_be_visible(timeout=WAIT_MS)
    farm.api.start()
    farm.thread.run(farm.data.render(queued[0], frames=8))
    visitor.context.set_offline(False)
    visitor.live()
    expect(page.get_by_text("Succeeded").first).to_be_visible()


def test_a_second_tab_shares_the_stream_of_the_first_and_takes_over_when_it_closes(
    visit: Visit, farm: ServedFarm, queued: tuple[str, str]
) -> None:
    visitor = visit(ProjectRole.ARTIST)
    first = visitor.go(f"{farm.home}/jobs/")
    visitor.live()
    streams: list[str] = []
    second = visitor.context.new_page()
    second.on("request", lambda request: streams.append(request.url) if "/events" in request.url else None)
    second.goto(f"{farm.home}/jobs/")
    expect(second.locator('[data-connection="live"]')).to_be_visible(timeout=WAIT_MS)
    expect(row(second, queued[1])).to_contain_text("Queued")
    assert streams == []
    first.close()
    farm.thread.run(farm.data.render(queued[0], frames=8))
    expect(row(second, queued[1])).to_contain_text("Succeeded", timeout=WAIT_MS)
    assert len(streams) == 1
