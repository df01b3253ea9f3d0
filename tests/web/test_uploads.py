"""Scenes that are dropped onto a page: by folder and mouse, over a reload, and without sending anything twice."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, Request, Route, expect

from jobs.access import ProjectRole
from tests.web.served_farm import ServedFarm
from tests.web.visitor import WAIT_MS, Visitor

Visit = Callable[..., Visitor]

_LARGE_BYTES = 5 << 20
"""More than goes into an archive with others: sent by itself."""
_DROP = """(files) => {
  const transfer = new DataTransfer();
  for (const [name, text] of files) transfer.items.add(new File([text], name));
  for (const type of ["dragenter", "dragover", "drop"]) {
    window.dispatchEvent(new DragEvent(type, { dataTransfer: transfer, bubbles: true, cancelable: true }));
  }
}"""


@pytest.fixture
def scene(tmp_path: Path, request: pytest.FixtureRequest) -> list[Path]:
    """A scene and its texture, each of bytes that no other test sends."""
    files = [tmp_path / "shot.blend", tmp_path / "wood.png"]
    for file in files:
        seed = f"{request.node.name} {file.name}".encode()
        file.write_bytes(hashlib.shake_256(seed).digest(_LARGE_BYTES))
    return files


def digest_of(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def choose(page: Page, files: list[Path]) -> None:
    with page.expect_file_chooser() as asked:
        page.get_by_role("button", name="Choose files or a zip").click()
    asked.value.set_files(files)
    page.get_by_role("dialog").get_by_role("button", name="Upload", exact=True).click()


def sent_blobs(requests: list[str]) -> list[str]:
    return [found[1] for each in requests if (found := re.match(r"PUT /v1/blobs/([0-9a-f]{64})", each))]


def test_an_upload_that_a_reload_cut_short_goes_on_with_what_was_not_sent(
    visit: Visit, farm: ServedFarm, scene: list[Path]
) -> None:
    blend, texture = scene
    visitor = visit(ProjectRole.ARTIST)
    page = visitor.go(f"{farm.home}/models/")

    def hold(route: Route, request: Request) -> None:
        if digest_of(texture) not in request.url:
            route.continue_()  # the texture's bytes stay on the way until the page is left

    page.route("**/v1/blobs/*", hold)
    page.get_by_role("button", name="Upload a scene").first.click()
    with page.expect_response(f"**/v1/blobs/{digest_of(blend)}") as first:
        choose(page, scene)
    assert first.value.ok
    page.on("dialog", lambda dialog: dialog.accept())  # whether the page may be left while something goes on
    page.reload(wait_until="commit")
    page.unroute("**/v1/blobs/*")
    visitor.settled()
    expect(page.get_by_text("Interrupted")).to_be_visible(timeout=WAIT_MS)
    visitor.requests.clear()
    page.get_by_role("button", name="Upload a scene").first.click()
    choose(page, scene)
    expect(page.get_by_role("link", name="Open the model")).to_be_visible(timeout=WAIT_MS)
    assert sent_blobs(visitor.requests) == [digest_of(texture)]
    expect(page.get_by_text("Interrupted")).to_have_count(0)


def test_files_dropped_anywhere_on_the_page_of_models_become_a_model(visit: Visit, farm: ServedFarm) -> None:
    visitor = visit(ProjectRole.ARTIST)
    page = visitor.go(f"{farm.home}/models/")
    visitor.live()
    page.evaluate(_DROP, [["dropped.blend", "a scene"], ["notes.txt", "what is dropped with it"]])
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_text("2 files")).to_be_visible()
    dialog.get_by_role("button", name="Upload", exact=True).click()
    page.get_by_role("link", name="Open the model").click()
    page.wait_for_url(re.compile(r"/models/[0-9a-f-]{36}/"))
    expect(page.get_by_role("heading", name="dropped")).to_be_visible()
    assert visitor.faults.take() == []


def test_nothing_of_an_upload_is_seen_by_who_signs_in_next(visit: Visit, farm: ServedFarm, scene: list[Path]) -> None:
    visitor = visit(ProjectRole.ARTIST)
    page = visitor.go(f"{farm.home}/models/")
    page.route("**/v1/blobs/*", lambda route: None)
    page.get_by_role("button", name="Upload a scene").first.click()
    with page.expect_request("**/v1/blobs/*"):
        choose(page, scene)
    page.get_by_role("button", name="Your account").click()
    page.get_by_role("menuitem", name="Sign out").click()
    page.wait_for_url("**/sign-in/**")
    kept = page.evaluate(
        """async () => {
          const open = indexedDB.open("rayfarm-uploads");
          const database = await new Promise((resolve) => (open.onsuccess = () => resolve(open.result)));
          const count = (store) => new Promise((resolve) => {
            const asked = database.transaction(store).objectStore(store).count();
            asked.onsuccess = () => resolve(asked.result);
          });
          return [await count("uploads"), await count("digests"), sessionStorage.length];
        }"""
    )
    assert kept == [0, 0, 0]
