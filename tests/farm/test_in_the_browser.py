"""A whole farm from the browser: a scene becomes frames and files, an operator drains, a replica of the API dies."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from jobs.access import FarmRole, ProjectRole, Role
from tests.farm.running import RunningFarm, wait_for
from tests.serve_app.farm import PASSWORD
from tests.web.api_process import ROOT
from tests.web.chromium import chromium
from tests.web.visitor import Visitor
from tests.web.world import NAMES, PROJECT, email_of

SCENE = ROOT / "examples" / "sample.blend"
RENDERS_MS = 120_000
"""Opening a scene and rendering a few small frames, on a machine that does much else."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def farm(running: RunningFarm) -> RunningFarm:
    """With an artist and an operator."""
    _people(running)
    return running


def _people(farm: RunningFarm) -> None:
    for role in (ProjectRole.ARTIST, FarmRole.OPERATOR):
        place = f"/projects/{PROJECT}/invitations" if role in set(ProjectRole) else "/farm/invitations"
        offer = farm.call("POST", place, json={"email": email_of(role), "role": role})
        taken = {"token": offer["token"], "password": PASSWORD, "name": NAMES[role]}
        farm.call("POST", "/auth/accept", json=taken)


def _visit(browser: Browser, farm: RunningFarm, role: Role) -> Visitor:
    return Visitor(browser, farm.url, role=role, accept_downloads=True)


def test_a_scene_is_uploaded_rendered_played_and_downloaded(
    browser: Browser, farm: RunningFarm, tmp_path: Path
) -> None:
    with _visit(browser, farm, ProjectRole.ARTIST) as artist:
        page = artist.go(f"/projects/{PROJECT}/models/")
        artist.live()
        page.get_by_role("button", name="Upload a scene").first.click()
        with page.expect_file_chooser() as asked:
            page.get_by_role("button", name="Choose files or a zip").click()
        asked.value.set_files(SCENE)
        page.get_by_role("dialog").get_by_role("button", name="Upload", exact=True).click()
        page.get_by_role("link", name="Open the model").click(timeout=RENDERS_MS)
        page.wait_for_url(re.compile(r"/models/[0-9a-f-]{36}/"))
        artist.settled()
        page.get_by_role("main").get_by_role("link", name="New job").click()
        page.wait_for_url("**/jobs/new/?model=**")
        artist.settled()
        page.get_by_role("textbox", name=re.compile("^Frames")).fill("1-3")
        page.get_by_label("Percentage", exact=True).fill("10")
        page.get_by_label("Samples", exact=True).fill("4")
        page.get_by_role("button", name="Submit").click()
        page.wait_for_url(re.compile(r"/jobs/[0-9a-f-]{36}/"))
        artist.settled()
        expect(page.get_by_text("Succeeded").first).to_be_visible(timeout=RENDERS_MS)
        expect(page.get_by_text("3 of 3 frames")).to_be_visible()
        page.get_by_role("tab", name="Play").click()
        player = page.get_by_role("region", name="Player")
        player.get_by_role("button", name="Play", exact=True).click()
        timeline = player.get_by_role("slider", name="Timeline").element_handle()
        # Looked at with each picture of the browser: three frames are over in an eighth of a second, again and again.
        page.wait_for_function("bar => bar.getAttribute('aria-valuetext').startsWith('Frame 3,')", arg=timeline)
        page.get_by_role("button", name="More").click()
        with page.expect_download() as download:
            page.get_by_role("menuitem", name="Download as zip").click()
        download.value.save_as(tmp_path / "frames.zip")
        with zipfile.ZipFile(tmp_path / "frames.zip") as archive:
            assert archive.testzip() is None
            assert len([name for name in archive.namelist() if name.endswith(".png")]) == 3
        assert artist.faults.take() == []


def test_an_operator_drains_a_worker_and_another_takes_its_place(browser: Browser, farm: RunningFarm) -> None:
    with _visit(browser, farm, FarmRole.OPERATOR) as operator:
        page = operator.go("/farm/workers/")
        operator.live()
        [before] = farm.rows("select id from replica where gone_at is null limit 1")
        page.get_by_role("button", name=re.compile("^Actions for")).first.click()
        page.get_by_role("menuitem", name="Drain").click()
        dialog = page.get_by_role("dialog", name="Drain this replica?")
        dialog.get_by_label("Reason").fill("Its fan rattles")
        dialog.get_by_role("button", name="Drain").click()
        expect(page.get_by_text("Draining").or_(page.get_by_text("drains.")).first).to_be_visible()
        query = "select 1 from replica where gone_at is null and id <> %s"
        wait_for(lambda: farm.rows(query, before[0]), "another worker")
        assert operator.faults.take() == []


def test_a_killed_api_replica_costs_a_watcher_nothing(browser: Browser, farm: RunningFarm) -> None:
    with _visit(browser, farm, ProjectRole.ARTIST) as artist:
        job = farm.submit(frames="1-30", settings={"render_ms": 400})
        page = artist.go(f"/projects/{PROJECT}/jobs/{job}/")
        artist.live()
        farm.until_committed(job, 3)
        farm.kill("ServeReplica:rayfarm-api")
        farm.ended(job)
        expect(page.get_by_text("Succeeded").first).to_be_visible(timeout=RENDERS_MS)
        artist.live()
        assert page.evaluate("performance.getEntriesByType('navigation').length") == 1
