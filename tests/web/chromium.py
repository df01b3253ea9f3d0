"""The browser of these tests."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, sync_playwright

from loadtests.chromium import CHROMIUM, FLAGS, require_chromium
from tests.web.api_process import ROOT


@contextmanager
def chromium() -> Iterator[Browser]:
    """Up until the block ends. Fails the test where the web app is not built or the browser is not installed."""
    if not (ROOT / "web" / "out" / "index.html").is_file():
        pytest.fail("The web app is not built. Run: make web")
    require_chromium()
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()
