"""Bodies made to cost the farm more than their sender: each is refused for a price that does not grow with it."""

from __future__ import annotations

import difflib
from typing import Any
from uuid import uuid4

import pytest

from jobs.access import ProjectRole
from jobs.spec import MAX_SETTINGS
from serve_app.validation import MOST_ERRORS
from tests.serve_app.farm import ApiFarm, bearer, problem_of


@pytest.fixture
def guesses(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names for which the one that was meant was sought."""
    asked: list[str] = []
    seek = difflib.get_close_matches

    def note(word: str, *args: Any, **options: Any) -> list[str]:
        asked.append(word)
        return seek(word, *args, **options)

    monkeypatch.setattr(difflib, "get_close_matches", note)
    return asked


class TestUnknownNames:
    async def test_the_first_alone_are_guessed_at_and_fifty_described(self, farm: ApiFarm, guesses: list[str]) -> None:
        viewer = bearer(await farm.new_key("film", role=ProjectRole.VIEWER))
        settings = {"sampels": 64, **{f"k{number}": 0 for number in range(MAX_SETTINGS - 1)}}
        answer = await farm.http.post("/v1/pipelines/cycles/check", json={"settings": settings}, headers=viewer)
        problem = problem_of(answer, 422, "invalid-input")
        assert len(guesses) <= 3
        assert "samples instead of sampels" in problem["remedy"]
        assert len(problem["errors"]) == MOST_ERRORS
        assert f"(and {MAX_SETTINGS - 3} more)" in problem["detail"]

    async def test_a_long_name_is_not_guessed_at(self, farm: ApiFarm, guesses: list[str]) -> None:
        answer = await farm.http.post("/v1/pipelines/cycles/check", json={"settings": {"a" * 100_000: 0}})
        problem_of(answer, 422, "invalid-input")
        assert guesses == []

    async def test_so_are_those_of_the_fields_of_a_job(self, farm: ApiFarm, guesses: list[str]) -> None:
        body = {"model": str(uuid4()), "frames": "1", **{f"k{number}": 0 for number in range(1000)}}
        problem = problem_of(await farm.http.post("/v1/jobs", json=body), 422, "invalid-input")
        assert len(guesses) <= 3
        assert len(problem["errors"]) == MOST_ERRORS
        assert "(and 997 more)" in problem["detail"]

    @pytest.mark.parametrize(
        ("path", "others"),
        [("/v1/pipelines/cycles/check", {}), ("/v1/jobs", {"model": str(uuid4()), "frames": "1"})],
    )
    async def test_more_settings_than_any_pipeline_has_are_one_error(
        self, farm: ApiFarm, path: str, others: dict[str, str]
    ) -> None:
        body = {**others, "settings": {f"k{number}": 0 for number in range(15_000)}}
        problem = problem_of(await farm.http.post(path, json=body), 422, "invalid-input")
        assert [error["field"] for error in problem["errors"]] == ["settings"]
