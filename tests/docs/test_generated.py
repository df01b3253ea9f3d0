"""The documents stay true: generated pages equal their source, links lead somewhere, named tests exist."""

from __future__ import annotations

import ast
import os
import pkgutil
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from cluster.local.settings import LocalFarmSettings
from cluster.local.settings_check import READ_BY_THE_FARM
from db.settings import DatabaseSettings
from docs.generate import PAGES, ROOT, SECTIONS, attribute_docstrings, environment_value, settings_of
from jobs.limits import FarmLimits
from pipelines.cycles.settings import CyclesSettings

PACKAGES = ("jobs", "models", "pipelines", "storage", "db", "cluster", "serve_app", "clients")
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
NAMED_TEST = re.compile(r"`(tests/[\w/]+\.py)::([\w:]+)`")


def documents() -> list[Path]:
    """Every Markdown file of the repository."""
    outside = {".venv", "build", "node_modules", "LICENSES"}
    return [
        path
        for path in sorted(ROOT.rglob("*.md"))
        if not any(part in outside or part.startswith(".") for part in path.relative_to(ROOT).parts)
    ]


def headings_of(path: Path) -> set[str]:
    """Anchors of a page, as GitHub makes them."""
    titles = re.findall(r"^#+ (.+)$", path.read_text(), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def settings_classes() -> Iterator[str]:
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.ClassDef) and any(
                    isinstance(base, ast.Name) and base.id == "FarmSettings" for base in node.bases
                ):
                    yield node.name


@pytest.mark.parametrize("path", PAGES, ids=str)
def test_a_generated_file_is_what_its_generator_writes(path: Path) -> None:
    assert (ROOT / path).read_text() == PAGES[path](), "run: python -m docs.generate"


def test_every_settings_class_is_on_the_page() -> None:
    assert sorted(settings_classes()) == sorted(owner.__name__ for owner, _ in SECTIONS)


@pytest.mark.parametrize("owner", [owner for owner, _ in SECTIONS], ids=lambda owner: owner.__name__)
def test_a_written_default_is_read_back_as_the_default(owner: type, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("RAYFARM_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("RAYFARM_DATABASE_URL", "postgresql://somebody@127.0.0.1/farm")
    written = [setting for setting in settings_of(owner) if not setting.required and environment_value(setting)]
    expected = owner().model_dump()
    for setting in written:
        monkeypatch.setenv(setting.name, environment_value(setting))
    assert owner().model_dump() == expected


def test_the_whole_example_is_a_shell_file_that_every_settings_class_takes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in os.environ if name.startswith("RAYFARM_")]:
        monkeypatch.delenv(name)
    expected = {owner: _built(owner) for owner, _ in SECTIONS}
    example = re.sub(r"^#(?=RAYFARM_)", "", (ROOT / ".env.example").read_text(), flags=re.MULTILINE)
    (tmp_path / ".env").write_text(example)
    sourced = subprocess.run(
        ["bash", "-c", "set -ea; . ./.env; set +a; env -0"], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert sourced.stderr == ""
    for name, _, value in (line.partition("=") for line in sourced.stdout.split("\0")):
        if name.startswith("RAYFARM_"):
            monkeypatch.setenv(name, value)
    assert {owner: _built(owner) for owner, _ in SECTIONS} == expected


def test_every_settings_class_is_read_before_a_farm_starts() -> None:
    read = {pkgutil.resolve_name(name) for name in READ_BY_THE_FARM}
    assert read | {LocalFarmSettings, DatabaseSettings} == {owner for owner, _ in SECTIONS}


def _built(owner: type) -> dict[str, object]:
    required = {"url": "postgresql://somebody@127.0.0.1/farm"} if owner is DatabaseSettings else {}
    return owner(**required).model_dump()


@pytest.mark.parametrize("owner", [owner for owner, _ in SECTIONS], ids=lambda owner: owner.__name__)
def test_only_an_address_is_called_one(owner: type) -> None:
    named = [setting.name for setting in settings_of(owner) if setting.type.startswith("URL")]
    assert all(name.endswith(("_URL", "_API_BASE", "_ENDPOINT")) for name in named), named


def test_the_words_of_a_setting_are_those_below_it() -> None:
    words = "How often a replica renews the leases that it works on, in one statement."
    assert attribute_docstrings(FarmLimits)["beat"] == words


def test_every_relative_link_leads_to_a_file_and_to_a_heading_in_it() -> None:
    broken = []
    for document in documents():
        for target in LINK.findall(document.read_text()):
            if re.match(r"[a-z]+:", target):
                continue
            place, _, anchor = target.partition("#")
            found = (document.parent / place).resolve() if place else document
            if not found.exists() or (anchor and anchor not in headings_of(found)):
                broken.append(f"{document.relative_to(ROOT)} -> {target}")
    assert not broken


def test_a_test_that_a_document_names_exists() -> None:
    unknown = []
    for document in documents():
        for path, name in NAMED_TEST.findall(document.read_text()):
            file = ROOT / path
            last = name.split("::")[-1]
            if not file.exists() or not re.search(rf"(def|class) {re.escape(last)}\b", file.read_text()):
                unknown.append(f"{document.relative_to(ROOT)} -> {path}::{name}")
    assert not unknown


def test_the_readme_lists_every_setting_of_cycles() -> None:
    table = (ROOT / "README.md").read_text().partition("| Key | Value |\n|---|---|\n")[2].partition("\n\n")[0]
    keys = [key for line in table.splitlines() for key in re.findall(r"`(\w+)`", line.split("|")[1])]
    assert sorted(keys) == sorted(CyclesSettings.model_fields)
