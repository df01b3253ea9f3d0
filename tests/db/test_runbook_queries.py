"""Each statement that a page gives to an operator runs on the schema of this release."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.db.builders import Farm

PAGES = Path(__file__).resolve().parents[2] / "docs" / "operations"


def statements() -> list[tuple[str, str]]:
    """(page, SQL) of each `psql -c "…"`, and of each select between backticks."""
    found = []
    for page in sorted(PAGES.rglob("*.md")):
        text = page.read_text()
        for statement in [*re.findall(r'psql -c "([^"]+)"', text), *re.findall(r"`(select [^`]+)`", text)]:
            found.append((page.name, " ".join(statement.replace("PID", "0").split())))
    return found


def test_there_are_some() -> None:
    assert len(statements()) > 10


@pytest.mark.parametrize(("page", "statement"), statements())
async def test_a_statement_of_a_page_runs(farm: Farm, page: str, statement: str) -> None:
    await farm.execute(statement.replace(":", "\\:"))
