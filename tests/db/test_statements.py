"""Statements and their variants, as ``db/_query.py`` reads them."""

from __future__ import annotations

import pytest

from db._query import statement


def test_a_variant_has_its_own_lines_and_the_statement_itself_has_none_of_them() -> None:
    whole, some = str(statement("read_jobs")), str(statement("read_jobs.some"))
    assert ":ids" not in whole
    assert some.count(":ids") == 5
    assert "--some" not in whole + some


@pytest.mark.parametrize("name", ["read_jobs.sum", "read_horizon.some"])
def test_a_variant_that_the_file_does_not_know_is_refused_and_not_read_as_the_whole(name: str) -> None:
    with pytest.raises(LookupError, match="has no line of the variant"):
        statement(name)
