"""How much script a page of the web app has loaded."""

from __future__ import annotations

import gzip
from collections.abc import Iterable
from pathlib import Path

from loadtests.cases import ROOT

EXPORT = ROOT / "web" / "out"
LOADED = (
    "performance.getEntriesByType('resource').map((each) => new URL(each.name).pathname)"
    ".filter((path) => path.endsWith('.js'))"
)
"""For the page: addresses of the scripts that it has asked for."""


def script_sizes(paths: Iterable[str], *, export: Path = EXPORT) -> dict[str, int]:
    """Bytes of each as gzip, whatever the server sent it as. What is no file of the export is left out."""
    files = {path: export / path.lstrip("/") for path in paths}
    return {path: len(gzip.compress(file.read_bytes(), 9)) for path, file in files.items() if file.is_file()}
