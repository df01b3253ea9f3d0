"""What is installed is what was locked: every pin has hashes, and agrees with what the project asks for."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from tests.architecture.test_structure import ROOT

OUTSIDE = frozenset({"torch"})
"""CPU or CUDA build by index: outside of the lock."""

_PIN = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==([^\s;]+)", re.MULTILINE)


def pins(lock: str) -> dict[str, Version]:
    return {canonicalize_name(name): Version(version) for name, version in _PIN.findall(lock)}


def unhashed(lock: str) -> list[str]:
    """Requirements without a SHA-256, and lines that install from somewhere else than an index."""
    entries = re.split(r"\n(?=[^\s#])", "\n" + lock)
    return [entry.split()[0] for entry in entries if entry.strip() and not entry.lstrip().startswith("#") and (
        "--hash=sha256:" not in entry or not _PIN.match(entry.lstrip()))]  # fmt: skip


def wanted() -> list[Requirement]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    groups = [project["dependencies"], *project["optional-dependencies"].values()]
    return [Requirement(line) for group in groups for line in group]


def test_every_pin_has_hashes() -> None:
    lock = (ROOT / "requirements.lock").read_text()
    assert not unhashed(lock)
    assert len(pins(lock)) > 100


def test_the_lock_satisfies_what_the_project_asks_for() -> None:
    locked = pins((ROOT / "requirements.lock").read_text())
    wrong = [
        f"{asked}: locked {locked.get(canonicalize_name(asked.name))}"
        for asked in wanted()
        if asked.name not in OUTSIDE
        and (
            (version := locked.get(canonicalize_name(asked.name))) is None
            or not asked.specifier.contains(version, prereleases=True)
        )
    ]
    assert not wrong


def test_a_pin_without_a_hash_or_from_an_address_is_found() -> None:
    assert unhashed("a==1 \\\n    --hash=sha256:00\nb==2\n") == ["b==2"]
    assert unhashed("c @ https://example.org/c.whl \\\n    --hash=sha256:00\n") == ["c"]


def test_a_new_secret_in_the_tree_is_found(tmp_path: Path) -> None:
    letters = "AKIA" + "Q4ZT7XWB2LKM5NRV"  # looks like one, and is put together so that this file does not
    leak = tmp_path / "leak.py"
    leak.write_text(f'access_key = "{letters}"\n')
    clean = tmp_path / "clean.py"
    clean.write_text("answer = 42\n")
    done = [
        subprocess.run(
            [sys.executable, ROOT / ".ci" / "security", "--secrets", path], capture_output=True, text=True, check=False
        )
        for path in (leak, clean)
    ]
    assert [each.returncode for each in done] == [1, 0], done
    assert "AWS Access Key" in done[0].stdout
    assert letters not in done[0].stdout
