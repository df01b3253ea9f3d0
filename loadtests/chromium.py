"""Debian's Chromium, driven without a window and without a word to anybody."""

from __future__ import annotations

from pathlib import Path

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = (
    "--no-sandbox",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-gpu",  # pages are drawn by the CPU itself, which is faster than a graphics card played by it
    "--enable-unsafe-swiftshader",  # WebGL by the CPU as well, which is no more to be had unasked
)


def require_chromium() -> None:
    """Raises ``FileNotFoundError``, which says how to get it."""
    if not CHROMIUM.exists():
        raise FileNotFoundError(f"{CHROMIUM} is not here. Run: .ci/system-packages browser")
