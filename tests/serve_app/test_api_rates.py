"""A caller who asks too often is told so in time, keeps nobody else out, and gets nothing by it."""

from __future__ import annotations

import asyncio
import re
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import httpx
import pytest
from pydantic import SecretStr
from sqlalchemy import text

from cluster.local.services import BELIEVED_BY_UVICORN
from jobs.errors import InvalidSettings
from serve_app.settings import ApiSettings
from tests.serve_app.conftest import Server
from tests.serve_app.farm import PASSWORD, ApiFarm, bearer, problem_of

NOBODY = {"Authorization": ""}
POLICY = re.compile(r'"(\w+)";q=(\d+);w=(\d+)')
STANDING = re.compile(r'"(\w+)";r=(\d+);t=(\d+)')


def settings(**wishes: object) -> ApiSettings:
    """Of a window so long that nothing comes back while a test runs."""
    return ApiSettings.model_validate(
        {"token_key": SecretStr("a-key-of-these-tests-alone-0123456789"), "rate_window": timedelta(days=10), **wishes}
    )


async def reads(farm: ApiFarm, key: str, times: int) -> list[httpx.Response]:
    return [await farm.http.get("/v1/jobs", headers=bearer(key)) for _ in range(times)]


def codes(answers: list[httpx.Response]) -> list[int]:
    return [answer.status_code for answer in answers]


class TestCallers:
    @pytest.fixture
    def api_settings(self) -> ApiSettings:
        return settings(rate_read=20, rate_write=3, rate_submit=2, rate_batch_share=0.1)

    async def test_who_has_used_up_a_class_is_refused_in_it_and_told_until_when(self, farm: ApiFarm) -> None:
        key = await farm.new_key("other")
        answers = await reads(farm, key, 21)
        assert codes(answers) == [200] * 20 + [429]
        problem = problem_of(answers[-1], 429, "rate-limited")
        assert problem["violated-policies"] == ["read"]
        assert "RAYFARM_API_RATE_READ" in problem["remedy"]
        assert int(answers[-1].headers["retry-after"]) == problem["retry_after_s"] > 0

    async def test_every_counted_answer_says_the_policy_and_what_is_left(self, farm: ApiFarm) -> None:
        answers = await reads(farm, await farm.new_key("other"), 21)
        left = []
        for answer in answers:
            assert POLICY.fullmatch(answer.headers["ratelimit-policy"]).groups() == ("read", "20", "864000")  # type: ignore[union-attr]
            standing = STANDING.fullmatch(answer.headers["ratelimit"])
            assert standing is not None
            left.append(int(standing[2]))
        assert left == [*range(19, -1, -1), 0]
        assert STANDING.fullmatch(answers[-1].headers["ratelimit"])[3] == answers[-1].headers["retry-after"]  # type: ignore[index]

    async def test_other_callers_and_other_classes_go_on(self, farm: ApiFarm) -> None:
        key, other = await farm.new_key("other"), await farm.new_key("third")
        await reads(farm, key, 21)
        assert codes(await reads(farm, other, 1)) == [200]
        answer = await farm.http.post("/v1/blobs/lacking", json={"digests": []}, headers=bearer(key))
        assert answer.status_code != 429

    async def test_a_refused_body_is_not_read(self, farm: ApiFarm) -> None:
        key = await farm.new_key("other")
        taken = 0

        async def body():  # type: ignore[no-untyped-def]
            nonlocal taken
            for _ in range(5):
                taken += 1
                yield b" " * 1000

        for _ in range(2):
            await farm.http.post("/v1/jobs", json={}, headers=bearer(key))
        scope_headers = bearer(key, **{"Content-Type": "application/json"})
        problem_of(await farm.http.post("/v1/jobs", json={}, headers=scope_headers), 429, "rate-limited")
        answer = await farm.http.post("/v1/jobs", content=body(), headers=scope_headers)
        problem_of(answer, 429, "rate-limited")
        assert taken == 0

    async def test_one_request_counts_once(self, farm: ApiFarm) -> None:
        key = await farm.new_key("other")
        path = f"/v1/jobs/{uuid4()}/cancel"
        answers = [await farm.http.post(path, headers=bearer(key)) for _ in range(4)]
        assert codes(answers) == [404, 404, 404, 429]

    async def test_who_runs_the_farm_is_not_counted(self, farm: ApiFarm) -> None:
        answers = await reads(farm, farm.key, 30)
        assert set(codes(answers)) == {200}
        assert "ratelimit" not in answers[-1].headers

    async def test_a_persons_requests_count_for_the_person_whichever_token_they_use(self, farm: ApiFarm) -> None:
        first = await farm.person("ada@example.org")
        login = {"email": "ada@example.org", "password": PASSWORD}
        second = (await farm.http.post("/v1/auth/login", json=login, headers=NOBODY)).json()
        assert codes(await reads(farm, first["access_token"], 20)) == [200] * 20
        assert codes(await reads(farm, second["access_token"], 1)) == [429]

    async def test_limits_tell_what_is_left(self, farm: ApiFarm) -> None:
        key = await farm.new_key("other")
        await reads(farm, key, 7)
        told = (await farm.http.get("/v1/limits", headers=bearer(key))).json()
        rates = {each["rate_class"]: each for each in told["rates"]}
        assert (rates["read"]["quota"], rates["read"]["left"]) == (20, 12)  # this question counts too
        assert rates["submit"]["left"] == 2
        assert 0 < rates["read"]["full_in_s"] < 10 * 86400
        limits = {each["name"]: each for each in told["limits"]}
        assert limits["max_json_bytes"]["unit"] == "bytes"
        assert limits["max_frames_per_job"]["limit"] == 1_000_000
        assert limits["max_uploads_per_project"]["used"] == 0
        staff = (await farm.http.get("/v1/limits")).json()
        assert {each["left"] for each in staff["rates"]} == {None}


class TestStaffToo:
    @pytest.fixture
    def api_settings(self) -> ApiSettings:
        return settings(rate_read=5, rate_exempt_staff=False)

    async def test_staff_is_counted_where_the_operator_says_so(self, farm: ApiFarm) -> None:
        assert codes(await reads(farm, farm.key, 6)) == [200] * 5 + [429]


class TestStrangers:
    @pytest.fixture
    def api_settings(self) -> ApiSettings:
        return settings(rate_stranger=4, rate_login=3, rate_batch_share=0.01)

    async def test_whoever_guesses_keys_is_refused_and_who_has_one_is_not(self, farm: ApiFarm) -> None:
        key = await farm.new_key("other")
        guesses = [await farm.http.get("/v1/jobs", headers=bearer(f"rf_{number}")) for number in range(6)]
        assert codes(guesses) == [401] * 4 + [429] * 2
        posts = [await farm.http.post("/v1/jobs", json={}, headers=NOBODY) for _ in range(2)]
        assert codes(posts) == [429] * 2
        assert codes(await reads(farm, key, 3)) == [200] * 3

    async def test_archives_by_link_count_by_address_and_those_by_a_key_do_not(self, farm: ApiFarm) -> None:
        job = await farm.submit()
        link = (await farm.http.get(f"/v1/jobs/{job['id']}/archive/link")).json()["url"]
        answers = [await farm.http.get(link, headers=NOBODY) for _ in range(3)]
        answers += [await farm.http.get("/v1/archives/x", headers=NOBODY) for _ in range(2)]
        assert codes(answers) == [200] * 3 + [403, 429]
        assert problem_of(answers[-1], 429, "rate-limited")["violated-policies"] == ["stranger"]
        assert (await farm.http.get(f"/v1/jobs/{job['id']}/archive")).status_code == 200

    async def test_logins_count_by_address_whatever_names_are_tried(self, farm: ApiFarm) -> None:
        body = {"password": PASSWORD}
        answers = [
            await farm.http.post("/v1/auth/login", json={**body, "email": f"{n}@example.org"}, headers=NOBODY)
            for n in range(4)
        ]
        assert codes(answers) == [401, 401, 401, 429]
        assert problem_of(answers[-1], 429, "rate-limited")["violated-policies"] == ["login"]

    async def test_sessions_are_renewed_while_somebody_floods_the_logins(self, farm: ApiFarm) -> None:
        session = await farm.person("ada@example.org")
        login = {"email": "x@example.org", "password": PASSWORD}
        flood = [await farm.http.post("/v1/auth/login", json=login, headers=NOBODY) for _ in range(4)]
        assert codes(flood)[-1] == 429
        renewed = await farm.http.post(
            "/v1/auth/refresh", json={"refresh_token": session["refresh_token"]}, headers=NOBODY
        )
        assert renewed.status_code == 200

    async def test_sessions_are_renewed_and_ended_while_a_stranger_at_the_same_address_floods_renewals(
        self, farm: ApiFarm
    ) -> None:
        session = await farm.person("ada@example.org")
        token = {"refresh_token": session["refresh_token"]}
        for path, guess in (("refresh", {"refresh_token": "rfr_guess"}), ("refresh", {}), ("logout", {})):
            flood = [await farm.http.post(f"/v1/auth/{path}", json=guess, headers=NOBODY) for _ in range(5)]
            assert codes(flood)[-1] == 429, path
        renewed = await farm.http.post("/v1/auth/refresh", json=token, headers=NOBODY)
        assert renewed.status_code == 200
        token = {"refresh_token": renewed.json()["refresh_token"]}
        assert (await farm.http.post("/v1/auth/logout", json=token, headers=NOBODY)).status_code == 204

    async def test_whoever_renews_one_session_without_end_is_refused(self, farm: ApiFarm) -> None:
        token = (await farm.person("ada@example.org"))["refresh_token"]
        for _ in range(4):
            answer = await farm.http.post("/v1/auth/refresh", json={"refresh_token": token}, headers=NOBODY)
            token = answer.json()["refresh_token"]
        answer = await farm.http.post("/v1/auth/refresh", json={"refresh_token": token}, headers=NOBODY)
        problem_of(answer, 429, "rate-limited")

    async def test_asking_how_one_can_log_in_spends_no_logins(self, farm: ApiFarm) -> None:
        asked = [await farm.http.get("/v1/auth/methods", headers=NOBODY) for _ in range(4)]
        assert codes(asked) == [200] * 4
        login = {"email": "x@example.org", "password": PASSWORD}
        assert (await farm.http.post("/v1/auth/login", json=login, headers=NOBODY)).status_code == 401

    async def test_a_page_of_another_site_spends_none_of_what_its_visitor_has(self, farm: ApiFarm) -> None:
        there = {**NOBODY, "Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"}
        login = {"email": "x@example.org", "password": PASSWORD}
        for _ in range(6):
            problem_of(await farm.http.post("/v1/auth/login", json=login, headers=there), 403, "forbidden")
        assert (await farm.http.post("/v1/auth/login", json=login, headers=NOBODY)).status_code == 401

    async def test_a_forged_forwarding_header_makes_nobody_another_client(self, farm: ApiFarm) -> None:
        answers = [
            await farm.http.get("/v1/jobs", headers={**NOBODY, "X-Forwarded-For": f"198.51.100.{number}"})
            for number in range(6)
        ]
        assert codes(answers) == [401] * 4 + [429] * 2

    async def test_liveness_and_signed_links_are_not_counted(self, farm: ApiFarm) -> None:
        for path in ("/v1/health/live", "/v1/files/x", "/docs"):
            answers = [await farm.http.get(path, headers=NOBODY) for _ in range(8)]
            assert 429 not in codes(answers), path

    async def test_readiness_is_counted_because_it_asks_the_database(self, farm: ApiFarm) -> None:
        answers = [await farm.http.get("/v1/health/ready", headers=NOBODY) for _ in range(5)]
        assert codes(answers) == [200] * 4 + [429]


class TestBehindRaysHaproxy:
    @pytest.fixture
    def api_settings(self, monkeypatch: pytest.MonkeyPatch) -> ApiSettings:
        monkeypatch.setenv("FORWARDED_ALLOW_IPS", BELIEVED_BY_UVICORN)
        return settings(rate_stranger=3)

    async def test_what_a_client_forges_is_not_believed_because_it_passed_a_neighbour(self, server: Server) -> None:
        """HAProxy comes from 127.0.0.1 and passes on what clients write; uvicorn would take it for the address."""
        answers = [
            await server.http.get("/v1/jobs", headers={**NOBODY, "X-Forwarded-For": f"198.51.100.{number}"})
            for number in range(5)
        ]
        assert codes(answers) == [401] * 3 + [429] * 2


class TestProxiesAndProbes:
    @pytest.fixture
    def api_settings(self) -> ApiSettings:
        return settings(
            rate_stranger=2,
            trusted_proxies=["127.0.0.1"],
            rate_exempt_clients=["198.51.100.0/24"],
            rate_batch_share=0.1,
        )

    async def test_behind_a_named_proxy_each_client_has_its_own_count(self, farm: ApiFarm) -> None:
        for client in ("203.0.113.1", "203.0.113.2"):
            headers = {**NOBODY, "X-Forwarded-For": f"192.0.2.1, {client}"}
            answers = [await farm.http.get("/v1/jobs", headers=headers) for _ in range(3)]
            assert codes(answers) == [401, 401, 429], client

    async def test_links_are_https_where_the_named_proxy_took_the_request_so(self, farm: ApiFarm) -> None:
        job = await farm.submit()
        for headers, scheme in (({}, "http"), ({"X-Forwarded-Proto": "https"}, "https")):
            answer = await farm.http.get(job["links"]["self"], headers=headers)
            assert ("strict-transport-security" in answer.headers) is (scheme == "https")

    async def test_probes_of_an_exempt_network_are_never_refused(self, farm: ApiFarm) -> None:
        headers = {**NOBODY, "X-Forwarded-For": "198.51.100.9"}
        answers = [await farm.http.get("/v1/health/ready", headers=headers) for _ in range(9)]
        assert set(codes(answers)) == {200}


class TestLoginPlaces:
    @pytest.fixture
    def api_settings(self) -> ApiSettings:
        return settings(max_logins_per_client=2, password_threads=1, waiting_logins=32, trusted_proxies=["127.0.0.1"])

    async def test_one_client_does_not_occupy_the_hashing_for_everybody(self, farm: ApiFarm) -> None:
        await farm.person("ada@example.org")

        async def login(client: str, email: str) -> httpx.Response:
            headers = {**NOBODY, "X-Forwarded-For": client}
            return await farm.http.post("/v1/auth/login", json={"email": email, "password": PASSWORD}, headers=headers)

        flood = [login("203.0.113.66", f"x{number}@example.org") for number in range(60)]
        *refused, ada = await asyncio.gather(*flood, login("203.0.113.1", "ada@example.org"))
        assert ada.status_code == 200
        assert codes(refused).count(401) <= 4
        assert problem_of(refused[-1], 429, "too-many-at-once")["limit"] == 2


class TestOutage:
    @pytest.fixture
    def api_settings(self) -> ApiSettings:
        return settings(rate_login=100, rate_batch_share=0.05)

    async def test_while_the_count_cannot_be_had_strangers_meet_a_gate_that_is_neither_open_nor_shut(
        self, farm: ApiFarm
    ) -> None:
        async with farm.db.transaction() as tx:
            await tx.execute(text("lock table rate_bucket in access exclusive mode"))
            answers = [await self.login(farm, number) for number in range(12)]
        assert codes(answers) == [401] * 5 + [429] * 7
        assert {answer.json()["code"] for answer in answers[5:]} == {"rate-limited"}

    async def login(self, farm: ApiFarm, number: int) -> httpx.Response:
        body = {"email": f"x{number}@example.org", "password": PASSWORD}
        return await farm.http.post("/v1/auth/login", json=body, headers=NOBODY)


class TestSettings:
    @pytest.mark.parametrize(
        "wishes",
        [
            {"cors_origins": ["*"], "cors_credentials": True},
            {"cors_origins": ["farm.example.org"]},
            {"cors_origins": ["https://farm.example.org/"]},
            {"cors_origins": ["https://*.example.org"]},
            {"cors_origins": ["null"]},
            {"rate_read": 0},
            {"rate_batch_share": 0},
            {"trusted_proxies": ["10.0.0.1/8"]},
        ],
    )
    def test_what_would_open_the_gate_or_mean_nothing_is_refused(self, wishes: dict[str, object]) -> None:
        with pytest.raises(InvalidSettings):
            ApiSettings.model_validate(wishes)


class TestKeys:
    @pytest.fixture
    def api_settings(self) -> ApiSettings:
        return settings(rate_read=5, rate_write=100, max_keys_per_project=4, max_keys_per_service_account=2)

    async def test_who_makes_keys_and_ends_them_does_not_get_more_of_the_farm(self, farm: ApiFarm) -> None:
        manager = bearer(await farm.new_key("film"))
        served = 0
        for number in range(12):
            made = await farm.http.post("/v1/keys", json={"name": f"k{number}"}, headers=manager)
            if made.status_code != 201:
                problem = problem_of(made, 409, "too-many-keys")
                assert (problem["limit"], problem["setting"]) == (4, "RAYFARM_API_MAX_KEYS_PER_PROJECT")
                continue
            served += sum(answer.is_success for answer in await reads(farm, made.json()["key"], 6))
            assert (await farm.http.delete(f"/v1/keys/{made.json()['id']}", headers=manager)).status_code == 204
        assert served == 3 * 5

    async def test_a_key_that_ended_a_window_ago_leaves_its_place_and_other_projects_have_theirs(
        self, farm: ApiFarm
    ) -> None:
        manager, other = bearer(await farm.new_key("film")), bearer(await farm.new_key("other"))
        asked = {"name": "k", "expires_at": (datetime.now(UTC) + timedelta(hours=1)).isoformat()}
        for _ in range(3):
            assert (await farm.http.post("/v1/keys", json=asked, headers=manager)).status_code == 201
        problem_of(await farm.http.post("/v1/keys", json=asked, headers=manager), 409, "too-many-keys")
        assert (await farm.http.post("/v1/keys", json=asked, headers=other)).status_code == 201
        await farm.execute("update api_key set expires_at = now() - interval '9 days' where name = 'k'")
        problem_of(await farm.http.post("/v1/keys", json=asked, headers=manager), 409, "too-many-keys")
        await farm.execute("update api_key set expires_at = now() - interval '11 days' where name = 'k'")
        assert (await farm.http.post("/v1/keys", json=asked, headers=manager)).status_code == 201

    async def test_requests_side_by_side_take_the_last_place_once(self, farm: ApiFarm) -> None:
        manager = bearer(await farm.new_key("film"))
        answers = await asyncio.gather(
            *(farm.http.post("/v1/keys", json={"name": "k"}, headers=manager) for _ in range(8))
        )
        assert sorted(codes(answers)) == [201] * 3 + [409] * 5

    @pytest.mark.parametrize("where", ["/v1/projects/default/service-accounts", "/v1/farm/service-accounts"])
    async def test_a_service_account_has_few_keys(self, farm: ApiFarm, where: str) -> None:
        role = "operator" if "farm" in where else "viewer"
        account = (await farm.http.post(where, json={"name": "ci", "role": role})).json()["id"]
        answers = [await farm.http.post(f"{where}/{account}/keys", json={"name": "k"}) for _ in range(3)]
        assert codes(answers) == [201, 201, 409]
        problem = problem_of(answers[-1], 409, "too-many-keys")
        assert problem["setting"] == "RAYFARM_API_MAX_KEYS_PER_SERVICE_ACCOUNT"
