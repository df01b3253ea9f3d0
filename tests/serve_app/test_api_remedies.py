"""A value that is nearly right is refused with one that would be."""

from __future__ import annotations

from tests.serve_app.farm import ApiFarm, problem_of


async def test_a_time_without_its_zone_is_answered_with_an_example(farm: ApiFarm) -> None:
    problem = problem_of(await farm.http.get("/v1/jobs?created_after=2026-01-01T00:00"), 422, "invalid-input")
    assert problem["field"] == "created_after"
    assert "2026-01-31T12:00:00Z" in problem["remedy"]


async def test_a_webhook_of_another_scheme_is_answered_with_an_example(farm: ApiFarm) -> None:
    answer = await farm.http.post("/v1/projects/default/webhooks", json={"url": "ftp://hooks.example.org/farm"})
    assert answer.status_code == 422, answer.text
    assert "https://hooks.example.org/farm" in answer.json()["remedy"]
