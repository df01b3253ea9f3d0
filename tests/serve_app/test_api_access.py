"""Who may do what: keys, projects, and what one project sees of another."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from db.keys import revoke_key, verify_key
from tests.serve_app.farm import ApiFarm, bearer, digest_of, problem_of
from tests.serve_app.routes import routes_of

HOME = "/v1/projects/default"


class TestKeys:
    async def test_a_request_without_a_valid_key_is_refused(self, farm: ApiFarm) -> None:
        for header in ("", "Basic Zm9vOmJhcg==", "Bearer", "Bearer nonsense", "Bearer rf_abcdefgh_x"):
            answer = await farm.http.get("/v1/jobs", headers={"Authorization": header})
            problem = problem_of(answer, 401, "unauthorized")
            assert "admin_key" in problem["remedy"]
            assert answer.headers["www-authenticate"].startswith("Bearer")

    async def test_a_key_with_one_wrong_letter_is_refused(self, farm: ApiFarm) -> None:
        wrong = farm.key[:-2] + ("A" if farm.key[-2] != "A" else "B") + farm.key[-1]
        problem_of(await farm.http.get("/v1/jobs", headers=bearer(wrong)), 401, "unauthorized")

    async def test_a_revoked_key_is_refused_at_once(self, farm: ApiFarm) -> None:
        key = await farm.new_key("studio")
        assert (await farm.http.get("/v1/jobs", headers=bearer(key))).status_code == 200
        async with farm.db.transaction() as tx:
            identity = await verify_key(tx, key)
            assert identity is not None
            assert await revoke_key(tx, key_id=identity.id)
        problem_of(await farm.http.get("/v1/jobs", headers=bearer(key)), 401, "unauthorized")

    async def test_an_expired_key_is_refused(self, farm: ApiFarm) -> None:
        key = await farm.new_key("studio", expires_at=datetime.now(UTC) - timedelta(seconds=1))
        problem_of(await farm.http.get("/v1/jobs", headers=bearer(key)), 401, "unauthorized")

    async def test_the_body_of_a_stranger_is_not_read(self, farm: ApiFarm) -> None:
        async def endless() -> AsyncIterator[bytes]:
            yield b"{"
            raise AssertionError("the body was read")

        for headers in ({"Authorization": ""}, bearer("rf_" + "0" * 12 + "_" + "x" * 43)):
            answer = await farm.http.post("/v1/jobs", content=endless(), headers=headers)
            problem_of(answer, 401, "unauthorized")

    async def test_nothing_behind_a_key_answers_without_one(self, farm: ApiFarm) -> None:
        for route in routes_of(farm):
            answer = await farm.http.request(route.method, route.address, headers={"Authorization": ""}, json={})
            assert answer.status_code == 401, route

    @pytest.mark.parametrize("role", ["manager", "artist"])
    async def test_one_that_is_narrowed_lowers_nobody_who_may_do_more_than_it(self, farm: ApiFarm, role: str) -> None:
        wish = {"name": "n", "role": "manager", "scopes": ["project:read", "project:manage"]}
        narrow = bearer((await farm.http.post("/v1/keys", json=wish)).json()["key"])
        boss = (await farm.person("boss@example.org", role=role))["access_token"]
        viewer = (await farm.person("vi@example.org", role="viewer"))["access_token"]
        ids = {each["email"]: each["account"] for each in (await farm.http.get(f"{HOME}/members")).json()["items"]}
        program = (await farm.http.post(f"{HOME}/service-accounts", json={"name": "ci", "role": role})).json()["id"]
        asked = [
            ("PUT", f"members/{ids['boss@example.org']}", {"role": "viewer"}),
            ("DELETE", f"members/{ids['boss@example.org']}", None),
            ("POST", "invitations", {"email": "boss@example.org", "role": "viewer"}),
            ("PUT", f"members/{program}", {"role": "viewer"}),
            ("DELETE", f"service-accounts/{program}", None),
            ("PUT", f"members/{ids['vi@example.org']}", {"role": "artist"}),
        ]
        for method, path, body in asked:
            problem_of(await farm.http.request(method, f"{HOME}/{path}", json=body, headers=narrow), 403, "forbidden")
        assert (await farm.http.get("/v1/me", headers=bearer(boss))).json()["memberships"][0]["role"] == role
        end = f"{HOME}/members/{ids['vi@example.org']}"
        assert (await farm.http.delete(end, headers=narrow)).status_code == 204
        assert (await farm.http.get("/v1/me", headers=bearer(viewer))).json()["memberships"] == []

    async def test_one_of_the_farm_that_is_narrowed_lowers_no_administrator(self, farm: ApiFarm) -> None:
        wish = {"name": "n", "role": "admin", "scopes": ["farm:admin"]}
        narrow = bearer((await farm.http.post("/v1/farm/keys", json=wish)).json()["key"])
        await farm.person("chief@example.org", project=None, role="admin")
        [chief] = (await farm.http.get("/v1/accounts")).json()["items"]
        for change in ({"farm_role": None}, {"disabled": True}):
            answer = await farm.http.patch(f"/v1/accounts/{chief['id']}", json=change, headers=narrow)
            problem_of(answer, 403, "forbidden")
        answer = await farm.http.patch(f"/v1/accounts/{chief['id']}", json={"name": "Chief"}, headers=narrow)
        assert answer.status_code == 200


class TestProjects:
    async def test_what_another_project_owns_does_not_exist(self, farm: ApiFarm) -> None:
        job = await farm.submit()
        await farm.render(job["id"], frames=1)
        [artifact] = (await farm.http.get(f"/v1/jobs/{job['id']}/artifacts")).json()["items"]
        stranger = bearer(await farm.new_key("stranger"))
        for path in (
            f"/v1/models/{job['model']}",
            f"/v1/jobs/{job['id']}",
            f"/v1/jobs/{job['id']}/frames",
            f"/v1/jobs/{job['id']}/frames/1",
            f"/v1/jobs/{job['id']}/frames/1/attempts",
            f"/v1/jobs/{job['id']}/artifacts",
            f"/v1/artifacts/{artifact['id']}",
            f"/v1/artifacts/{artifact['id']}/content",
        ):
            assert (await farm.http.get(path)).status_code in (200, 307), path
            problem_of(await farm.http.get(path, headers=stranger), 404, "not-found")
        problem_of(await farm.http.get(f"/v1/jobs/{job['id']}/events", headers=stranger), 404, "not-found")
        problem_of(await farm.http.post(f"/v1/jobs/{job['id']}/cancel", headers=stranger), 404, "not-found")
        assert (await farm.http.get("/v1/jobs", headers=stranger)).json()["items"] == []
        assert (await farm.http.get("/v1/models", headers=stranger)).json()["items"] == []

    async def test_a_job_cannot_name_the_model_of_another_project(self, farm: ApiFarm) -> None:
        spec = await farm.spec()
        answer = await farm.http.post("/v1/jobs", json=spec, headers=bearer(await farm.new_key("stranger")))
        problem_of(answer, 404, "not-found")

    async def test_a_blob_of_another_project_is_lacking_until_its_bytes_were_sent(self, farm: ApiFarm) -> None:
        digest = await farm.upload(b"shared bytes")
        stranger = bearer(await farm.new_key("stranger"))
        asked = {"digests": [digest]}
        assert (await farm.http.post("/v1/blobs/lacking", json=asked)).json()["lacking"] == []
        assert (await farm.http.post("/v1/blobs/lacking", json=asked, headers=stranger)).json()["lacking"] == [digest]
        problem_of(
            await farm.http.put(f"/v1/blobs/{digest}", content=b"guessed bytes", headers=stranger),
            422,
            "digest-mismatch",
        )
        assert (await farm.http.post("/v1/blobs/lacking", json=asked, headers=stranger)).json()["lacking"] == [digest]
        sent = await farm.http.put(f"/v1/blobs/{digest}", content=b"shared bytes", headers=stranger)
        assert sent.status_code == 201
        assert (await farm.http.post("/v1/blobs/lacking", json=asked, headers=stranger)).json()["lacking"] == []

    async def test_an_administrator_acts_in_the_project_that_the_header_names(self, farm: ApiFarm) -> None:
        key = await farm.new_key("studio")
        digest = digest_of(b"mine")
        assert (await farm.http.put(f"/v1/blobs/{digest}", content=b"mine", headers=bearer(key))).status_code == 201
        assert (await farm.http.head(f"/v1/blobs/{digest}")).status_code == 404
        there = await farm.http.head(f"/v1/blobs/{digest}", headers={"X-Rayfarm-Project": "studio"})
        assert there.status_code == 200

    async def test_a_project_key_cannot_reach_over_by_the_header(self, farm: ApiFarm) -> None:
        key = await farm.new_key("studio")
        await farm.new_key("other")
        for slug in ("default", "other", "no-such"):
            answer = await farm.http.get("/v1/jobs", headers=bearer(key, **{"X-Rayfarm-Project": slug}))
            problem_of(answer, 404, "not-found")
        own = await farm.http.get("/v1/jobs", headers=bearer(key, **{"X-Rayfarm-Project": "studio"}))
        assert own.status_code == 200

    async def test_replicas_show_a_project_only_its_own_work(self, farm: ApiFarm) -> None:
        job = await farm.submit()
        replica_id = await farm.replica()
        await farm.execute(
            "update replica set residents = cast(:residents as jsonb), current = cast(:current as jsonb)",
            residents=f'[{{"digest": "{"a" * 64}", "project_id": "{farm.project_id}", "bytes": 5}}]',
            current=f'{{"job_id": "{job["id"]}", "frame": 3, "part": 1, "parts": 4, "fraction": 0.5}}',
        )
        [seen] = (await farm.http.get("/v1/replicas")).json()["items"]
        assert seen["id"] == str(replica_id)
        assert seen["residents"] == [{"digest": "a" * 64, "size_bytes": 5, "vram_bytes": None}]
        assert seen["current"] == {
            "job": job["id"],
            "job_name": job["name"],
            "project": "default",
            "frame": 3,
            "part": 1,
            "parts": 4,
            "fraction": 0.5,
            "detail": None,
        }
        stranger = bearer(await farm.new_key("stranger"))
        [seen] = (await farm.http.get("/v1/replicas", headers=stranger)).json()["items"]
        assert seen["residents"] == []
        assert set(seen["current"].values()) == {None}
