"""Lists that find: filters, orders, cursors of one order, tags, and the shows and shots of a project."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.serve_app.farm import ApiFarm, bearer, problem_of


async def names(farm: ApiFarm, address: str = "/v1/jobs", **params: Any) -> list[str]:
    answer = await farm.http.get(address, params=params)
    assert answer.status_code == 200, answer.text
    return [item["name"] for item in answer.json()["items"]]


async def walk(farm: ApiFarm, address: str, **params: Any) -> list[Any]:
    """All items, two at a time."""
    found: list[Any] = []
    cursor: str | None = None
    while True:
        answer = await farm.http.get(address, params={**params, "limit": 2, **({"cursor": cursor} if cursor else {})})
        assert answer.status_code == 200, answer.text
        found += answer.json()["items"]
        cursor = answer.json()["next_cursor"]
        if cursor is None:
            return found


class TestJobs:
    async def test_each_filter_finds_what_it_says(self, farm: ApiFarm) -> None:
        model = await farm.model()
        blender = await farm.model(kind="blender")
        done = await farm.submit(model=model, name="Opening 100%_a", frames="1", tags=["hero", "wip"], show="dune")
        await farm.render(done["id"], frames=1)
        await farm.submit(model=model, name="closing", tags=["wip"], show="dune", shot="s020")
        await farm.submit(model=blender, pipeline="cycles", name="turntable", settings={"samples": 1})
        for params, expected in (
            ({}, ["turntable", "closing", "Opening 100%_a"]),
            ({"state": "succeeded"}, ["Opening 100%_a"]),
            ({"state": ["succeeded", "queued"]}, ["turntable", "closing", "Opening 100%_a"]),
            ({"pipeline": "cycles"}, ["turntable"]),
            ({"model": model}, ["closing", "Opening 100%_a"]),
            ({"name": "opening"}, ["Opening 100%_a"]),
            ({"name": "%_"}, ["Opening 100%_a"]),
            ({"name": "_"}, ["Opening 100%_a"]),
            ({"tag": "wip"}, ["closing", "Opening 100%_a"]),
            ({"tag": ["wip", "hero"]}, ["Opening 100%_a"]),
            ({"show": "dune"}, ["closing", "Opening 100%_a"]),
            ({"show": "dune", "shot": "s020"}, ["closing"]),
            ({"ended_after": "2000-01-01T00:00Z"}, ["Opening 100%_a"]),
            ({"ended_before": "2000-01-01T00:00Z"}, []),
            ({"created_after": "2000-01-01T00:00Z", "tag": "hero"}, ["Opening 100%_a"]),
            ({"created_before": done["created_at"]}, []),
            ({"created_after": done["created_at"], "state": "succeeded"}, ["Opening 100%_a"]),
            ({"tag": "nobody's"}, []),
        ):
            assert await names(farm, **params) == expected, params

    async def test_who_submitted_is_kept_and_found(self, farm: ApiFarm) -> None:
        ada = bearer((await farm.person("ada@example.org"))["access_token"])
        by_key = await farm.submit(name="by the key")
        assert by_key["submitted_by"] == "key test"
        spec = await farm.spec(name="by ada")
        assert (await farm.http.post("/v1/jobs", json=spec, headers=ada)).json()["submitted_by"] == "ada@example.org"
        assert await names(farm, submitted_by="ada@example.org") == ["by ada"]
        mine = await farm.http.get("/v1/jobs", params={"submitted_by": "me"}, headers=ada)
        assert [job["name"] for job in mine.json()["items"]] == ["by ada"]
        assert await names(farm, submitted_by="me") == ["by the key"]

    @pytest.mark.parametrize(
        ("sort", "expected"),
        [
            ("-created_at", ["a", "c", "b", "e", "d"]),
            ("created_at", ["d", "e", "b", "c", "a"]),
            ("name", ["a", "b", "c", "d", "e"]),
            ("-name", ["e", "d", "c", "b", "a"]),
            ("ended_at", ["c", "d", "b"]),
            ("-ended_at", ["b", "d", "c"]),
        ],
    )
    async def test_pages_of_each_order_have_every_job_once(self, farm: ApiFarm, sort: str, expected: list[str]) -> None:
        made = {name: await farm.submit(name=name) for name in ("d", "e", "b", "c", "a")}
        for name in ("c", "d", "b"):
            await farm.http.post(made[name]["links"]["cancel"])
        assert [job["name"] for job in await walk(farm, "/v1/jobs", sort=sort)] == expected

    async def test_jobs_of_one_name_are_all_found_by_name(self, farm: ApiFarm) -> None:
        made = {(await farm.submit(name="same"))["id"] for _ in range(5)}
        found = [job["id"] for job in await walk(farm, "/v1/jobs", sort="name")]
        assert (len(found), set(found)) == (5, made)

    async def test_a_cursor_of_another_order_is_refused(self, farm: ApiFarm) -> None:
        for _ in range(3):
            await farm.submit()
        cursor = (await farm.http.get("/v1/jobs", params={"limit": 2, "sort": "name"})).json()["next_cursor"]
        for sort in ("-created_at", "-name"):
            answer = await farm.http.get("/v1/jobs", params={"cursor": cursor, "sort": sort})
            problem_of(answer, 422, "bad-cursor")

    async def test_a_filter_that_cannot_be_is_refused_in_words(self, farm: ApiFarm) -> None:
        for params, field in (
            ({"sort": "weight"}, "sort"),
            ({"created_after": "yesterday"}, "created_after"),
            ({"created_after": "2026-01-01T00:00"}, "created_after"),
            ({"ended_before": "9999-12-31T23:59Z"}, "ended_before"),
            ({"model": "sphere"}, "model"),
            ({"name": "a\x00"}, "name"),
            ({"tag": ["x"] * 21}, "tag"),
        ):
            answer = await farm.http.get("/v1/jobs", params=params)
            assert problem_of(answer, 422, "invalid-input")["field"].startswith(field), params

    async def test_a_filter_finds_nothing_of_another_project(self, farm: ApiFarm) -> None:
        await farm.submit(tags=["wip"], show="dune", name="secret")
        other = bearer(await farm.new_key("other"))
        for params in ({"tag": "wip"}, {"show": "dune"}, {"name": "secret"}, {"sort": "name"}):
            assert (await farm.http.get("/v1/jobs", params=params, headers=other)).json()["items"] == []
        for path in ("shows", "tags", "shots?show=dune"):
            answer = await farm.http.get(f"/v1/projects/other/{path}", headers=other)
            assert answer.json()["items"] == [], path


class TestTags:
    async def test_tags_show_and_shot_are_kept_and_changed(self, farm: ApiFarm) -> None:
        job = await farm.submit(tags=["wip", " wip ", "hero"], show="dune", shot="s010")
        assert (job["tags"], job["show"], job["shot"]) == (["wip", "hero"], "dune", "s010")
        changed = (await farm.http.patch(job["links"]["self"], json={"tags": ["final"], "shot": "s020"})).json()
        assert (changed["tags"], changed["show"], changed["shot"]) == (["final"], "dune", "s020")
        assert changed["spec"]["tags"] == ["wip", "hero"]
        none = (await farm.http.patch(job["links"]["self"], json={"tags": [], "show": None, "shot": None})).json()
        assert (none["tags"], none["show"], none["shot"]) == ([], None, None)

    async def test_a_change_is_told_in_the_feed(self, farm: ApiFarm) -> None:
        job = await farm.submit(frames="1", tags=["wip"])
        await farm.http.patch(job["links"]["self"], json={"tags": ["final"]})
        await farm.http.post(job["links"]["cancel"])
        feed = (await farm.http.get(job["links"]["events"])).text
        assert '"tags":{"from":["wip"],"to":["final"]}' in feed

    async def test_a_shot_without_a_show_is_refused(self, farm: ApiFarm) -> None:
        answer = await farm.http.post("/v1/jobs", json=await farm.spec(shot="s010"))
        problem_of(answer, 422, "invalid-input")
        job = await farm.submit(show="dune", shot="s010")
        answer = await farm.http.patch(job["links"]["self"], json={"show": None})
        assert problem_of(answer, 422, "invalid-input")["field"] == "shot"

    async def test_too_many_and_too_long_ones_are_refused(self, farm: ApiFarm) -> None:
        for tags in ([str(n) for n in range(21)], ["x" * 61], [""], ["two\nlines"], "wip"):
            problem_of(await farm.http.post("/v1/jobs", json=await farm.spec(tags=tags)), 422, "invalid-input")

    async def test_a_clone_has_the_tags_that_its_source_has_now(self, farm: ApiFarm) -> None:
        job = await farm.submit(tags=["wip"])
        await farm.http.patch(job["links"]["self"], json={"tags": ["final"], "show": "dune"})
        clone = (await farm.http.post(f"{job['links']['self']}/clone", json={})).json()
        assert (clone["tags"], clone["show"]) == (["final"], "dune")


class TestGroups:
    async def test_shows_shots_and_tags_are_listed_with_counts(self, farm: ApiFarm) -> None:
        first = await farm.submit(show="dune", shot="s010", tags=["wip", "hero"])
        await farm.submit(show="dune", shot="s010", tags=["wip"])
        await farm.submit(show="dune", shot="s020")
        await farm.submit(show="arrakis")
        await farm.submit()
        await farm.http.post(first["links"]["cancel"])

        def facts(answer: httpx.Response, *fields: str) -> list[tuple[Any, ...]]:
            assert answer.status_code == 200, answer.text
            return [tuple(item[field] for field in ("name", *fields)) for item in answer.json()["items"]]

        shows = await farm.http.get("/v1/projects/default/shows")
        assert facts(shows, "jobs", "live", "shots") == [("arrakis", 1, 1, 0), ("dune", 3, 2, 2)]
        shots = await farm.http.get("/v1/projects/default/shots", params={"show": "dune"})
        assert facts(shots, "jobs", "live") == [("s010", 2, 1), ("s020", 1, 1)]
        tags = await farm.http.get("/v1/projects/default/tags")
        assert facts(tags, "jobs", "live") == [("hero", 1, 0), ("wip", 2, 1)]

    async def test_they_page(self, farm: ApiFarm) -> None:
        for n in range(5):
            await farm.submit(show=f"show {n}", shot="s", tags=[f"tag {n}"])
        assert [item["name"] for item in await walk(farm, "/v1/projects/default/shows")] == [
            f"show {n}" for n in range(5)
        ]
        assert [item["name"] for item in await walk(farm, "/v1/projects/default/tags")] == [
            f"tag {n}" for n in range(5)
        ]


class TestOtherLists:
    async def test_models_are_found_by_state_kind_and_name(self, farm: ApiFarm) -> None:
        ready = await farm.register(name="sphere")
        await farm.set_model(ready["id"], "ready")
        await farm.register(name="cube", kind="blender")
        assert await names(farm, "/v1/models") == ["cube", "sphere"]
        assert await names(farm, "/v1/models", state="ready") == ["sphere"]
        assert await names(farm, "/v1/models", kind="blender") == ["cube"]
        assert await names(farm, "/v1/models", name="SPH") == ["sphere"]
        assert await names(farm, "/v1/models", created_before="2000-01-01T00:00Z") == []
        await farm.register(name="arch")
        by_name = await walk(farm, "/v1/models", sort="name")
        assert [item["name"] for item in by_name] == ["arch", "cube", "sphere"]

    async def test_projects_are_paged_and_searched(self, farm: ApiFarm) -> None:
        for slug in ("alpha", "beta", "gamma"):
            await farm.new_key(slug)
        assert [item["slug"] for item in await walk(farm, "/v1/projects")] == ["alpha", "beta", "default", "gamma"]
        found = (await farm.http.get("/v1/projects", params={"name": "AMM"})).json()["items"]
        assert [item["slug"] for item in found] == ["gamma"]

    async def test_artifacts_are_found_by_name(self, farm: ApiFarm) -> None:
        job = await farm.submit()
        await farm.render(job["id"], frames=4)
        assert await names(farm, job["links"]["artifacts"], name="003") == ["0003.png"]
        assert await names(farm, job["links"]["artifacts"], created_before="2000-01-01T00:00Z") == []

    async def test_a_list_of_frames_says_how_many_there_are(self, farm: ApiFarm) -> None:
        job = await farm.submit(frames="1-1000")
        assert (await farm.http.get(job["links"]["frames"], params={"limit": 1})).json()["total"] == 1000
        queued = await farm.http.get(job["links"]["frames"], params={"limit": 1, "state": "queued"})
        assert queued.json()["total"] is None
