"""Looks at a Wavefront OBJ without trusting it, and lists the material libraries that it names."""

from __future__ import annotations

import mmap
import re
from collections.abc import Iterator
from pathlib import Path

from models.errors import ModelInvalid
from models.formats.references import FileReference, check_relative, place_of

MAX_LIBRARIES = 256
"""Material libraries of one scene; exporters write one."""
MAX_LIBRARY_BYTES = 64 << 20
"""Of one ``.mtl``: 100,000 materials have some 20 MB."""
MAX_NAME_BYTES = 4096

_HEAD_BYTES = 64 << 10
_VERTEX = re.compile(rb"^[ \t]*v[ \t]", re.MULTILINE)
_LIBRARY = re.compile(rb"^[ \t]*mtllib[ \t]+((?:\\\r?\n|[^\r\n]){0,%d})" % MAX_NAME_BYTES, re.MULTILINE)
_CONTINUED = re.compile(rb"\\\r?\n")


def inspect_obj(path: Path) -> None:
    """Check a main file alone; raises ``ModelInvalid``. Reads it once, without holding it."""
    for raw in _library_names(path):
        check_relative(raw, "mtllib")


def read_obj(root: Path, main: str) -> list[FileReference]:
    """The material libraries of ``root/main``, there or not; raises ``ModelInvalid``."""
    found: dict[str, FileReference] = {}
    for raw in _library_names(root / main):
        path = place_of(raw, "mtllib", main)
        if (root / path).is_file() and (root / path).stat().st_size > MAX_LIBRARY_BYTES:
            raise ModelInvalid(
                f"{path} has more than {MAX_LIBRARY_BYTES} bytes.",
                remedy="Leave out the materials that the scene does not use.",
            )
        found.setdefault(raw, FileReference(raw=raw, path=path, owner="mtllib", kind="data"))
    return list(found.values())


def _library_names(path: Path) -> Iterator[str]:
    """Decoded; each as often as it is named."""
    if not path.stat().st_size:
        raise ModelInvalid(f"{path.name} is empty.", remedy="Export the scene again.", cause="truncated")
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        if b"\0" in data[:_HEAD_BYTES] or _VERTEX.search(data) is None:
            raise ModelInvalid(
                f"{path.name} is not a Wavefront OBJ file: it has no vertices that can be read.",
                remedy="Export the scene again as OBJ (text).",
                cause="not-an-obj",
            )
        for number, match in enumerate(_LIBRARY.finditer(data), start=1):
            if number > MAX_LIBRARIES:
                raise ModelInvalid(
                    f"{path.name} names more than {MAX_LIBRARIES} material libraries.",
                    remedy="Put its materials into one .mtl file.",
                )
            text = _CONTINUED.sub(b" ", match[1]).decode("utf-8", "replace").strip().strip('"').strip()
            if text:
                yield text
