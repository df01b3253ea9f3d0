"""The audit log over HTTP: what stands in it, who may read it, and that it is found when somebody touched it."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from datetime import timedelta
from typing import Any

import httpx
import pytest
from pydantic import IPvAnyNetwork, TypeAdapter

from db.audit import seal_entries
from db.dispatch import lead
from serve_app.app import build_app
from serve_app.settings import ApiSettings
from tests.serve_app.audited import EMAIL, NOBODY
from tests.serve_app.farm import CLUSTER, PASSWORD, ApiFarm, bearer, problem_of


async def entries(farm: ApiFarm, **filters: str) -> list[Any]:
    answer = await farm.http.get("/v1/audit", params=filters)
    assert answer.status_code == 200, answer.text
    found: list[Any] = answer.json()["items"]
    return found


async def seal(farm: ApiFarm) -> int:
    epoch = await lead(farm.db, role="loops", cluster_id=CLUSTER, holder=farm.project_id, ttl=timedelta(minutes=5))
    assert epoch is not None
    return (await seal_entries(farm.db, limit=1000, epoch=epoch)).count


async def licence(farm: ApiFarm, name: str, capacity: int) -> None:
    assert (await farm.http.put(f"/v1/licences/{name}", json={"capacity": capacity})).is_success


class TestWhatIsWritten:
    async def test_before_and_after_say_what_changed_and_nothing_else(self, farm: ApiFarm) -> None:
        await licence(farm, "nuke", 3)
        await licence(farm, "nuke", 5)
        await licence(farm, "nuke", 5)
        changed, made = await entries(farm, resource_id="nuke")
        assert (made["before"], made["after"]) == ({}, {"capacity": 3})
        assert (changed["before"], changed["after"]) == ({"capacity": 3}, {"capacity": 5})

    async def test_a_change_of_a_job_names_its_state_before_and_after(self, farm: ApiFarm) -> None:
        job = await farm.submit()
        await farm.http.post(f"/v1/jobs/{job['id']}/pause")
        paused, submitted = await entries(farm, resource_type="job", resource_id=job["id"])
        assert (paused["before"], paused["after"]) == ({"state": "queued"}, {"state": "paused"})
        assert (submitted["before"], submitted["after"]["frames"]) == (None, "1-4")
        assert submitted["project_id"] == str(farm.project_id)

    async def test_what_was_asked_twice_is_written_once(self, farm: ApiFarm) -> None:
        spec = await farm.spec()
        for _ in range(2):
            answer = await farm.http.post("/v1/jobs", json=spec, headers={"Idempotency-Key": "once"})
            assert answer.status_code == 202
        for _ in range(2):
            await farm.http.post(f"/v1/jobs/{answer.json()['id']}/cancel")
        assert [each["action"] for each in await entries(farm, resource_type="job")] == ["job.cancel", "job.submit"]

    async def test_a_request_that_is_refused_leaves_no_entry(self, farm: ApiFarm) -> None:
        job = await farm.submit()
        before = await farm.count("audit_entry")
        problem_of(await farm.http.post(f"/v1/jobs/{job['id']}/resume"), 409, "conflict")
        problem_of(await farm.http.delete("/v1/licences/nuke"), 404, "not-found")
        problem_of(await farm.http.put("/v1/licences/nuke", json={"capacity": -1}), 422, "invalid-input")
        assert await farm.count("audit_entry") == before

    async def test_no_change_without_its_entry(self, farm: ApiFarm) -> None:
        await farm.execute("alter table audit_entry add constraint full_disk check (action <> 'licence.set') not valid")
        try:
            answer = await farm.http.put("/v1/licences/nuke", json={"capacity": 3})
            assert answer.status_code == 500
            assert (await farm.http.get("/v1/licences")).json()["items"] == []
        finally:
            await farm.execute("alter table audit_entry drop constraint full_disk")

    async def test_a_person_is_named_by_address_and_role_and_a_key_by_its_name(self, farm: ApiFarm) -> None:
        session = await farm.person(EMAIL, role="manager")
        made = await farm.http.post("/v1/keys", json={"name": "ci"}, headers=bearer(session["access_token"]))
        assert made.status_code == 201
        [by_person] = await entries(farm, action="key.create")
        assert (by_person["actor_kind"], by_person["actor_name"], by_person["actor_role"]) == (
            "account",
            EMAIL,
            "manager",
        )
        await licence(farm, "nuke", 1)
        [by_key] = await entries(farm, resource_id="nuke")
        assert (by_key["actor_kind"], by_key["actor_name"], by_key["actor_role"]) == ("key", "test", "admin")

    async def test_a_forged_address_and_browser_do_not_get_further_than_they_should(self, farm: ApiFarm) -> None:
        forged = {"X-Forwarded-For": "6.6.6.6", "User-Agent": "x" * 5000, "X-Request-Id": "mine-1"}
        await farm.http.put("/v1/licences/nuke", json={"capacity": 1}, headers=forged)
        [entry] = await entries(farm, resource_id="nuke")
        assert (entry["address"], entry["request_id"], len(entry["user_agent"])) == ("127.0.0.1", "mine-1", 256)

    async def test_a_proxy_that_is_named_is_believed(self, farm: ApiFarm, api_settings: ApiSettings) -> None:
        networks = TypeAdapter(tuple[IPvAnyNetwork, ...]).validate_python(["127.0.0.0/8"])
        app = build_app(api_settings.model_copy(update={"trusted_proxies": networks}))
        async with app.router.lifespan_context(app):
            transport = httpx.ASGITransport(app)
            async with httpx.AsyncClient(transport=transport, base_url="http://farm.test") as http:
                headers = bearer(farm.key, **{"X-Forwarded-For": "6.6.6.6, 203.0.113.9"})
                await http.put("/v1/licences/nuke", json={"capacity": 1}, headers=headers)
        [entry] = await entries(farm, resource_id="nuke")
        assert entry["address"] == "203.0.113.9"


class TestLogins:
    async def test_a_failed_login_is_written_although_it_is_refused(self, farm: ApiFarm) -> None:
        await farm.person(EMAIL)
        for email in (EMAIL, "eve@example.org"):
            body = {"email": email, "password": "wrong"}
            answer = await farm.http.post("/v1/auth/login", json=body, headers=NOBODY)
            problem_of(answer, 401, "unauthorized")
        unknown, wrong = await entries(farm, action="login.fail")
        assert (wrong["actor_kind"], wrong["actor_name"]) == ("nobody", None)
        assert wrong["after"] == {"email": EMAIL, "why": "wrong password"}
        assert wrong["resource_id"]
        assert (unknown["after"]["why"], unknown["resource_id"]) == ("unknown address", None)

    async def test_a_wrong_old_password_is_not_taken_for_a_failed_login(self, farm: ApiFarm) -> None:
        session = await farm.person(EMAIL)
        body = {"old": "guess", "new": "another sentence of mine"}
        await farm.http.put("/v1/me/password", json=body, headers=bearer(session["access_token"]))
        [entry] = await entries(farm, action="password.fail")
        assert entry["actor_name"] == EMAIL
        assert await entries(farm, action="login.fail") == []

    async def test_a_refresh_token_that_comes_twice_is_written_and_one_that_does_not_is_not(
        self, farm: ApiFarm
    ) -> None:
        session = await farm.person(EMAIL)
        before = await farm.count("audit_entry")
        body = {"refresh_token": session["refresh_token"]}
        assert (await farm.http.post("/v1/auth/refresh", json=body, headers=NOBODY)).status_code == 200
        assert await farm.count("audit_entry") == before
        problem_of(await farm.http.post("/v1/auth/refresh", json=body, headers=NOBODY), 401, "unauthorized")
        [entry] = await entries(farm, action="session.reuse")
        assert entry["after"]["email"] == EMAIL

    async def test_no_password_token_or_key_stands_in_it(self, farm: ApiFarm) -> None:
        session = await farm.person(EMAIL)
        headers = bearer(session["access_token"])
        new = "another sentence of mine"
        await farm.http.post("/v1/auth/login", json={"email": EMAIL, "password": "wrong words"}, headers=NOBODY)
        await farm.http.put("/v1/me/password", json={"old": PASSWORD, "new": new}, headers=headers)
        key = (await farm.http.post("/v1/keys", json={"name": "ci"}, headers={"User-Agent": farm.key})).json()["key"]
        invited = await farm.http.post("/v1/projects/default/invitations", json={"email": "bob@example.org"})
        again = await farm.http.post("/v1/auth/login", json={"email": EMAIL, "password": new}, headers=NOBODY)
        body = {"refresh_token": again.json()["refresh_token"]}
        await farm.http.post("/v1/auth/logout", json=body, headers=NOBODY)
        await farm.http.post("/v1/jobs", json=await farm.spec(name=f"with {key} in it"))
        async with farm.db.transaction() as tx:
            rows = (await tx.exec_driver_sql("select audit_entry::text from audit_entry")).scalars().all()
        assert len(rows) >= 7
        said = "\n".join(rows)
        secrets = (PASSWORD, new, "wrong words", key, farm.key, invited.json()["token"], body["refresh_token"])
        assert not [each for each in (*secrets, session["access_token"]) if each in said]
        assert "_[redacted] in it" in said


class TestReading:
    async def test_pages_follow_each_other_without_a_gap(self, farm: ApiFarm) -> None:
        for number in range(5):
            await licence(farm, f"l{number}", 1)
        seen: list[str] = []
        cursor: str | None = None
        while True:
            params = {"limit": "2", "action": "licence.set", **({"cursor": cursor} if cursor else {})}
            page = (await farm.http.get("/v1/audit", params=params)).json()
            seen += [each["resource_id"] for each in page["items"]]
            cursor = page["next_cursor"]
            if cursor is None:
                break
        assert seen == ["l4", "l3", "l2", "l1", "l0"]

    async def test_a_manager_reads_their_own_project_and_nothing_beside_it(self, farm: ApiFarm) -> None:
        mine, theirs = await farm.new_key("mine"), await farm.new_key("theirs")
        for key in (mine, theirs):
            assert (await farm.http.post("/v1/keys", json={"name": "ci"}, headers=bearer(key))).status_code == 201
        await licence(farm, "nuke", 1)
        await farm.http.get("/v1/projects/mine/audit/export", headers=bearer(mine))
        await seal(farm)
        listed = (await farm.http.get("/v1/projects/mine/audit", headers=bearer(mine))).json()["items"]
        assert [each["action"] for each in listed] == ["audit.export", "key.create"]
        file = await farm.http.get("/v1/projects/mine/audit/export", headers=bearer(mine))
        assert {json.loads(line)["project_id"] for line in file.text.splitlines()} == {listed[0]["project_id"]}
        problem_of(await farm.http.get("/v1/projects/theirs/audit", headers=bearer(mine)), 404, "not-found")
        for path in ("/v1/audit", "/v1/audit/export", "/v1/audit/verification"):
            problem_of(await farm.http.get(path, headers=bearer(mine)), 403, "forbidden")
        artist = bearer(await farm.new_key("mine", role="artist"))
        problem_of(await farm.http.get("/v1/projects/mine/audit", headers=artist), 403, "forbidden")

    @pytest.mark.parametrize(
        "query", ["since=yesterday", "since=2026-01-01T00:00:00", "actor=%00", "project=x", "cursor=x", "action=a%0Ab"]
    )
    async def test_a_filter_that_makes_no_sense_is_refused(self, farm: ApiFarm, query: str) -> None:
        assert (await farm.http.get(f"/v1/audit?{query}")).status_code == 422

    async def test_time_bounds_are_kept(self, farm: ApiFarm) -> None:
        await licence(farm, "nuke", 1)
        [entry] = await entries(farm, since="2026-01-01T00:00:00Z")
        assert await entries(farm, since=entry["at"], until="2999-01-01T00:00:00Z") == [entry]
        assert await entries(farm, until=entry["at"]) == []


class TestExport:
    async def test_an_export_can_be_verified_by_anybody_who_has_it(self, farm: ApiFarm) -> None:
        await licence(farm, "nuke", 1)
        await farm.submit(name="Größe \U0001f98a")
        await seal(farm)
        answer = await farm.http.get("/v1/audit/export")
        assert answer.headers["content-type"] == "application/jsonl"
        assert answer.headers["content-disposition"] == 'attachment; filename="audit.jsonl"'
        lines = answer.content.decode().split("\n")[:-1]
        assert len(lines) > 2
        previous = bytes(32)
        for line in lines:
            entry = json.loads(line)
            claimed = entry.pop("sha256")
            body = json.dumps(entry, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
            previous = hashlib.sha256(previous + body.encode()).digest()
            assert previous.hex() == claimed
        state = (await farm.http.get("/v1/audit/verification")).json()
        assert (state["sealed_sha256"], state["sealed_seq"]) == (previous.hex(), len(lines))

    async def test_exports_one_behind_the_other_miss_nothing(self, farm: ApiFarm) -> None:
        await licence(farm, "a", 1)
        await seal(farm)
        first = (await farm.http.get("/v1/audit/export")).text.splitlines()
        await licence(farm, "b", 1)
        await seal(farm)
        last = json.loads(first[-1])["seq"]
        second = (await farm.http.get("/v1/audit/export", params={"after_seq": last})).text.splitlines()
        assert [json.loads(line)["action"] for line in first + second] == [
            "licence.set",
            "audit.export",
            "licence.set",
        ]

    async def test_a_cell_of_the_csv_is_never_a_formula(self, farm: ApiFarm) -> None:
        await farm.execute("update api_key set name = '=HYPERLINK(\"http://evil.example\")'")
        agent = {"User-Agent": '+cmd|" /C calc"!A0'}
        await farm.http.put("/v1/licences/nuke", json={"capacity": 1}, headers=agent)
        await seal(farm)
        answer = await farm.http.get("/v1/audit/export", params={"format": "csv"})
        assert answer.headers["content-type"] == "text/csv; charset=utf-8"
        [row] = list(csv.DictReader(io.StringIO(answer.text)))
        assert row["actor_name"] == '\'=HYPERLINK("http://evil.example")'
        assert row["user_agent"].startswith("'+cmd|")
        assert json.loads(row["after"]) == {"capacity": 1}
        assert not [cell for cell in row.values() if cell.startswith(("=", "+", "-", "@"))]

    async def test_an_export_of_many_pages_is_whole(self, farm: ApiFarm) -> None:
        await farm.execute(
            "insert into audit_entry (actor_kind, action, resource_type) select 'farm', 'a.b', 'c'"
            " from generate_series(1, 2500)"
        )
        for _ in range(3):
            await seal(farm)
        lines = (await farm.http.get("/v1/audit/export")).text.splitlines()
        assert [json.loads(line)["seq"] for line in lines] == list(range(1, 2501))


class TestVerification:
    async def test_a_log_that_nobody_touched_is_whole(self, farm: ApiFarm) -> None:
        await licence(farm, "nuke", 1)
        waiting = (await farm.http.get("/v1/audit/verification")).json()
        assert (waiting["ok"], waiting["pending"], waiting["sealed_seq"]) == (True, 1, 0)
        await seal(farm)
        sealed = (await farm.http.get("/v1/audit/verification")).json()
        assert (sealed["ok"], sealed["complete"], sealed["pending"], sealed["verified_seq"]) == (True, True, 0, 1)

    async def test_the_first_broken_entry_is_named(self, farm: ApiFarm) -> None:
        for number in range(4):
            await licence(farm, f"l{number}", 1)
        await seal(farm)
        kept = (await farm.http.get("/v1/audit/verification")).json()
        async with farm.db.transaction() as tx:
            await tx.exec_driver_sql("set local session_replication_role = replica")
            await tx.exec_driver_sql("update audit_entry set actor_name = 'eve' where resource_id in ('l1', 'l2')")
        found = (await farm.http.get("/v1/audit/verification")).json()
        assert (found["ok"], found["verified_seq"]) == (False, 1)
        assert (found["breach"]["kind"], found["breach"]["seq"]) == ("changed", 2)
        anchor = f"{kept['sealed_seq']}:{kept['sealed_sha256']}"
        assert not (await farm.http.get("/v1/audit/verification", params={"anchor": anchor})).json()["ok"]
        problem_of(await farm.http.get("/v1/audit/verification?anchor=1:x"), 422, "invalid-input")
