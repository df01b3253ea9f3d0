"""Builds the Blender extension: one zip, the same bytes from the same sources.

python clients/blender/build.py build/rayfarm-blender-0.1.0.zip
"""

from __future__ import annotations

import sys
import tomllib
import zipfile
from pathlib import Path

SOURCE = Path(__file__).resolve().parent / "rayfarm_addon"
LICENCE = SOURCE.parents[2] / "LICENSES" / "GPL-3.0-or-later.txt"
_EPOCH = (1980, 1, 1, 0, 0, 0)
"""The earliest time that a zip can hold: when a file was checked out is no part of the add-on."""
_MODE = 0o644 << 16


def build(target: Path) -> Path:
    """Write the zip; its parent folder is made."""
    files = {path.relative_to(SOURCE).as_posix(): path for path in SOURCE.rglob("*") if path.suffix in (".py", ".toml")}
    files["LICENSE"] = LICENCE
    target.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(target, "w") as archive:
        for name, path in sorted(files.items()):
            entry = zipfile.ZipInfo(name, date_time=_EPOCH)
            entry.external_attr = _MODE
            entry.create_system = 3  # Unix, wherever it is built
            archive.writestr(entry, path.read_bytes(), compress_type=zipfile.ZIP_STORED)
    return target


def version() -> str:
    return str(tomllib.loads((SOURCE / "blender_manifest.toml").read_text())["version"])


if __name__ == "__main__":
    default = SOURCE.parents[2] / "build" / f"rayfarm-blender-{version()}.zip"
    sys.stdout.write(f"{build(Path(sys.argv[1]) if len(sys.argv) > 1 else default)}\n")
