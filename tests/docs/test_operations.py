"""What the pages for operators name exists: settings, commands of `rayfarm`, targets of make, alerts, modules."""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.main import get_command

from docs.generate import SECTIONS, settings_of
from rayfarm.cli.commands import command as rayfarm
from tests.docs.test_generated import ROOT
from tests.observability.tools import alert_rules

PAGES = sorted((ROOT / "docs" / "operations").rglob("*.md"))
MINE = [page for page in PAGES if page.name not in {"metrics.md"}]


def code_of(page: Path) -> Iterator[str]:
    """Lines of shell blocks, and code between words."""
    text = page.read_text()
    for block in re.findall(r"^ *```sh\n(.*?)^ *```", text, re.MULTILINE | re.DOTALL):
        yield from (line.strip() for line in block.replace("\\\n", " ").splitlines())
    yield from (
        " ".join(code.split())
        for code in re.findall(r"(?<!`)`([^`]+)`(?!`)", re.sub(r"```.*?```", "", text, flags=re.DOTALL))
    )


def variables_in_sources() -> set[str]:
    """Every variable that code of this repository names in a string, and every setting."""
    found = {setting.name for owner, _ in SECTIONS for setting in settings_of(owner)}
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split(
        "\n"
    )
    for name in listed:
        path = ROOT / name
        if (
            not name.startswith(("docs/", "tests/"))
            and path.suffix in {".py", ".yaml", ".yml", ".tf", ".sh", ""}
            and path.is_file()
        ):
            try:
                found |= set(re.findall(r"RAYFARM_[A-Z0-9_]*[A-Z0-9]", path.read_text()))
            except UnicodeDecodeError:
                continue
    return found


def test_a_setting_that_a_page_names_exists() -> None:
    known = variables_in_sources()
    unknown = []
    for page in MINE:
        for name in re.findall(r"RAYFARM_[A-Z0-9_]+\*?", page.read_text()):
            whole = name.rstrip("*_")
            if not (any(each.startswith(whole) for each in known) if name != whole else whole in known):
                unknown.append(f"{page.name}: {name}")
    assert not unknown


@pytest.mark.parametrize("page", MINE, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_command_that_a_page_names_exists(page: Path) -> None:
    root = get_command(rayfarm)
    unknown = []
    for code in code_of(page):
        for line in re.split(r"\s*(?:\||&&|;)\s*", code):
            words = re.sub(r"[{}$()\"']", " ", line).split()
            if words[:1] != ["rayfarm"] or len(words) < 2:
                continue
            command, rest = root, words[1:]
            while rest and hasattr(command, "commands"):
                name = rest[0]
                if name not in command.commands:
                    break
                command, rest = command.commands[name], rest[1:]
            options = {
                option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)
            }
            wrong = [word for word in rest if word.startswith("--") and word.split("=")[0] not in options]
            if (command is root and words[1].isalpha()) or wrong:
                unknown.append(f"{line!r}: {wrong or words[1]}")
    assert not unknown


def test_a_target_of_make_that_a_page_names_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = {
        (page.name, word)
        for page in MINE
        for code in code_of(page)
        if re.match(r"make [a-z]", code)
        for word in shlex.split(re.split("#|&&", code)[0])[1:]
        if re.fullmatch(r"[a-z-]+", word)
    }
    assert named
    assert not {(page, word) for page, word in named if word not in targets}


def test_a_module_that_a_page_runs_exists() -> None:
    run = {
        (page.name, name) for page in MINE for code in code_of(page) for name in re.findall(r"python -m ([\w.]+)", code)
    }
    assert run
    for page, name in run:
        path = ROOT / name.replace(".", "/")
        source = path.with_suffix(".py") if path.with_suffix(".py").exists() else path / "__main__.py"
        assert source.exists(), f"{page}: {name}"
        assert "__main__" in source.read_text() + source.name, f"{page}: {name} is no program"


def test_an_alert_that_a_page_names_exists() -> None:
    others = {"README", "AwsAlarms"}  # CloudWatch's alarms are held by tests/terraform
    pages = {page.stem for page in (ROOT / "docs" / "operations" / "runbooks").glob("*.md")} - others
    assert pages == set(alert_rules())
