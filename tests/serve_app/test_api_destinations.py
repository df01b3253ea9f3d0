"""Destinations over the API: made, shown without their secret, changed, tried, and nobody else's."""

from __future__ import annotations

import logging
from typing import Any
from uuid import uuid4

import pytest
from structlog.testing import capture_logs

from tests.serve_app.buckets import DESTINATIONS, SECRET, Yard, s3_server, yard
from tests.serve_app.farm import bearer, problem_of

__all__ = ["s3_server", "yard"]


class TestRoutes:
    async def test_what_was_made_is_listed_changed_and_deleted(self, yard: Yard) -> None:
        made = await yard.destination()
        assert (made["prefix"], made["endpoint_url"]) == ("renders/", yard.endpoint)
        listed = (await yard.farm.http.get(DESTINATIONS)).json()
        assert listed["items"] == [made]
        one = f"{DESTINATIONS}/{made['id']}"
        changed = (await yard.farm.http.patch(one, json={"prefix": "", "endpoint_url": None, "name": "aws"})).json()
        assert (changed["prefix"], changed["endpoint_url"], changed["name"]) == ("", None, "aws")
        assert (await yard.farm.http.get(one)).json() == changed
        assert (await yard.farm.http.delete(one)).status_code == 204
        problem_of(await yard.farm.http.get(one), 404, "not-found")

    async def test_pages_show_each_once(self, yard: Yard) -> None:
        made = [(await yard.destination(name=f"d{number}"))["id"] for number in range(5)]
        seen, cursor = [], None
        while True:
            query = {"limit": 2, **({"cursor": cursor} if cursor else {})}
            page = (await yard.farm.http.get(DESTINATIONS, params=query)).json()
            seen += [each["id"] for each in page["items"]]
            cursor = page["next_cursor"]
            if cursor is None:
                break
        assert seen == made

    async def test_a_name_is_had_once_and_there_are_so_many_at_most(self, yard: Yard) -> None:
        await yard.destination()
        problem_of(await yard.farm.http.post(DESTINATIONS, json=yard.wish()), 409, "conflict")
        second = await yard.destination(name="second")
        taken = await yard.farm.http.patch(f"{DESTINATIONS}/{second['id']}", json={"name": "studio"})
        problem_of(taken, 409, "conflict")
        for number in range(18):
            await yard.destination(name=f"d{number}")
        full = await yard.farm.http.post(DESTINATIONS, json=yard.wish(name="one more"))
        assert problem_of(full, 409, "conflict")["limit"] == 20

    @pytest.mark.parametrize(
        "wrong",
        [
            {"bucket": "Not/A/Bucket"},
            {"bucket": "arn:aws:s3:us-east-1:123456789012:accesspoint/x"},
            {"bucket": "192.168.1.1"},
            {"prefix": "a/../b"},
            {"prefix": "a//b"},
            {"prefix": "a\\b"},
            {"prefix": "x" * 161},
            {"region": "evil.example.org/"},
            {"access_key_id": "with blank"},
            {"access_key_id": None},
            {"role_arn": "arn:aws:iam::123456789012:role/farm"},
        ],
    )
    async def test_what_is_no_bucket_prefix_region_or_key_is_refused(self, yard: Yard, wrong: dict[str, Any]) -> None:
        answer = await yard.farm.http.post(DESTINATIONS, json=yard.wish(**wrong))
        assert answer.status_code == 422, answer.text
        assert await yard.farm.count("destination") == 0

    async def test_one_that_cannot_be_written_to_is_named_with_the_reason(self, yard: Yard) -> None:
        there = await yard.destination()
        answer = await yard.farm.http.post(f"{DESTINATIONS}/{there['id']}:test")
        assert answer.json() == {"key": "renders/.rayfarm-test", "deleted": True}
        assert yard.objects() == {}
        nowhere = await yard.destination(name="nowhere", bucket=f"none-{uuid4().hex}")
        problem = problem_of(
            await yard.farm.http.post(f"{DESTINATIONS}/{nowhere['id']}:test"), 409, "destination-refused"
        )
        assert problem["s3_code"] == "NoSuchBucket"
        assert problem["remedy"]
        tries = await yard.rows("select resource_id from audit_entry where action = 'destination.test' order by id")
        assert [row.resource_id for row in tries] == [there["id"], nowhere["id"]]


class TestSecret:
    async def test_it_is_in_no_answer_no_log_no_audit_and_no_row(
        self, yard: Yard, caplog: pytest.LogCaptureFixture
    ) -> None:
        words: list[str] = []
        with caplog.at_level(logging.DEBUG), capture_logs() as logs:
            made = await yard.destination()
            one = f"{DESTINATIONS}/{made['id']}"
            key = {"access_key_id": "AKIDEXAMPLE", "secret_access_key": SECRET}
            for answer in (
                await yard.farm.http.get(DESTINATIONS),
                await yard.farm.http.get(one),
                await yard.farm.http.patch(one, json={"prefix": "other"}),
                await yard.farm.http.put(f"{one}/key", json=key),
                await yard.farm.http.put(f"{one}/key", json={**key, "extra": 1}),
                await yard.farm.http.post(f"{one}:test"),
                await yard.farm.http.post(DESTINATIONS, json=yard.wish()),
                await yard.farm.http.post(DESTINATIONS, json={**yard.wish(name="x"), "bucket": "NO"}),
                await yard.farm.http.post(DESTINATIONS, json=yard.wish(secret_access_key=[SECRET])),
            ):
                words.append(answer.text)
            job = await yard.farm.submit(deliver_to=made["id"])
            await yard.commit_file(job["id"], b"picture")
            await yard.farm.execute("update destination set bucket = 'gone-away'")
            await yard.courier.tick(await yard.farm._lead())
            await yard.courier.settle()
        words += [caplog.text, str(logs)]
        for table in ("destination", "audit_pending", "audit_entry", "delivery", "event"):
            words += [row[0] for row in await yard.rows(f"select {table}::text from {table}")]
        [kept] = await yard.rows("select secret from destination")
        assert any("gone-away" in each for each in words)
        assert not [each for each in words if SECRET in each]
        assert SECRET.encode() not in bytes(kept.secret)

    async def test_another_rows_secret_does_not_open(self, yard: Yard) -> None:
        first, second = await yard.destination(), await yard.destination(name="second")
        await yard.farm.execute(
            "update destination set secret = (select secret from destination where id = :first) where id = :second",
            first=first["id"],
            second=second["id"],
        )
        answer = await yard.farm.http.post(f"{DESTINATIONS}/{second['id']}:test")
        problem_of(answer, 503, "cannot-unseal")


class TestRights:
    async def test_another_projects_manager_finds_nothing(self, yard: Yard) -> None:
        made = await yard.destination()
        stranger = bearer(await yard.farm.new_key("elsewhere"))
        for method, path, body in (
            ("GET", "", None),
            ("PATCH", "", {"prefix": "x"}),
            ("DELETE", "", None),
            ("POST", ":test", None),
            ("PUT", "/key", {"access_key_id": "AKIDEXAMPLE", "secret_access_key": SECRET}),
        ):
            for slug in ("default", "elsewhere"):
                answer = await yard.farm.http.request(
                    method, f"/v1/projects/{slug}/destinations/{made['id']}{path}", json=body, headers=stranger
                )
                problem_of(answer, 404, "not-found")
        job = await yard.farm.submit(deliver_to=made["id"])
        for method, path in (("GET", ""), ("POST", "/retry")):
            answer = await yard.farm.http.request(method, f"/v1/jobs/{job['id']}/deliveries{path}", headers=stranger)
            problem_of(answer, 404, "not-found")
        assert (await yard.farm.http.get(f"{DESTINATIONS}/{made['id']}")).json() == made

    async def test_artists_choose_among_them_and_change_none(self, yard: Yard) -> None:
        made = await yard.destination()
        artist = bearer((await yard.farm.person("ada@example.org"))["access_token"])
        assert (await yard.farm.http.get(DESTINATIONS, headers=artist)).json()["items"] == [made]
        answer = await yard.farm.http.post(DESTINATIONS, json=yard.wish(name="own"), headers=artist)
        problem_of(answer, 403, "forbidden")
        answer = await yard.farm.http.delete(f"{DESTINATIONS}/{made['id']}", headers=artist)
        problem_of(answer, 403, "forbidden")
