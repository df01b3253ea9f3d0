"""What the farm says of itself, to whom, and while something is away."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from db.dispatch import lead
from db.settings import DatabaseSettings
from serve_app.app import build_app
from serve_app.remembered import Remembered
from serve_app.settings import ApiSettings
from storage.settings import StorageSettings
from tests.serve_app.farm import CLUSTER, ApiFarm, bearer, problem_of

NOBODY = {"Authorization": ""}


@pytest.fixture
def api_settings() -> ApiSettings:
    return ApiSettings(
        token_key=SecretStr("a-key-of-these-tests-alone-0123456789"),
        status_age=timedelta(microseconds=1),
        dashboard_url="https://ray.example.org",
        ready_timeout=timedelta(seconds=1),
    )


async def status_of(farm: ApiFarm, **headers: str) -> Any:
    answer = await farm.http.get("/v1/status", headers=headers)
    assert answer.status_code == 200, answer.text
    return answer.json()


def checks_of(status: Any) -> dict[str, bool]:
    return {check["name"]: check["ok"] for check in status["checks"]}


class TestStatus:
    async def test_who_has_a_key_sees_leaders_replicas_and_the_queue_by_class(self, farm: ApiFarm) -> None:
        await farm.submit(priority="batch", frames="1-7")
        running = await farm.submit(priority="interactive")
        await farm.render(running["id"], frames=1)
        await farm.replica()
        await lead(farm.db, role="loops", cluster_id=CLUSTER, holder=farm.project_id, ttl=timedelta(minutes=1))
        status = await status_of(farm)
        assert status["status"] == "up"
        assert checks_of(status) == dict.fromkeys(
            ("database", "schema", "dispatcher", "loops", "storage", "events"), True
        )
        assert {"role": "dispatcher", "cluster": CLUSTER, "leads": True} in status["leaders"]
        assert status["replicas"] == {"up": 2}
        queue = {each["priority"]: each for each in status["queue"]}
        assert list(queue) == ["interactive", "batch"]
        assert (queue["batch"]["waiting"], queue["batch"]["frames"]) == (1, 7)
        assert queue["batch"]["oldest_s"] >= 0
        assert (queue["interactive"]["running"], queue["interactive"]["frames"]) == (1, 3)
        assert queue["interactive"]["oldest_s"] is None

    async def test_a_farm_that_nobody_leads_is_degraded(self, farm: ApiFarm) -> None:
        status = await status_of(farm)
        assert (status["status"], checks_of(status)["dispatcher"]) == ("degraded", False)
        for role in ("dispatcher", "loops"):
            await lead(farm.db, role=role, cluster_id="c", holder=farm.project_id, ttl=timedelta(minutes=1))
        assert (await status_of(farm))["status"] == "up"
        await farm.execute("update leader set expires_at = now() - interval '1 s'")
        assert (await status_of(farm))["status"] == "degraded"

    async def test_strangers_learn_what_is_up_and_nothing_of_the_work(self, farm: ApiFarm) -> None:
        await farm.submit()
        status = await status_of(farm, **NOBODY)
        assert checks_of(status)["database"]
        assert (status["leaders"], status["replicas"], status["queue"]) == (None, None, None)

    async def test_only_who_runs_the_farm_is_told_where_other_tools_show_it(self, farm: ApiFarm) -> None:
        artist = bearer((await farm.person("ann@example.org"))["access_token"])
        operator = bearer((await farm.person("op@example.org", project=None, role="operator"))["access_token"])
        links = {"dashboard": "https://ray.example.org/", "grafana": None}
        assert (await status_of(farm))["links"] == (await status_of(farm, **operator))["links"] == links
        assert [(await status_of(farm, **who))["links"] for who in (artist, NOBODY)] == [None, None]

    async def test_maintenance_is_told_to_everybody_while_it_lasts(self, farm: ApiFarm) -> None:
        assert (await status_of(farm, **NOBODY))["maintenance"] is None
        await farm.http.put("/v1/maintenance", json={"active": True, "message": "New disks."})
        told = (await status_of(farm, **NOBODY))["maintenance"]
        assert (told["message"], told["drain"]) == ("New disks.", False)

    async def test_a_bad_key_is_refused_and_not_taken_for_no_key(self, farm: ApiFarm) -> None:
        problem_of(await farm.http.get("/v1/status", headers=bearer("rf_x")), 401, "unauthorized")

    async def test_silent_replicas_are_not_counted(self, farm: ApiFarm) -> None:
        await farm.replica()
        await farm.execute("update replica set beat_at = now() - interval '1 h'")
        assert (await status_of(farm))["replicas"] == {}

    async def test_broken_storage_takes_the_farm_down_in_words(
        self, farm: ApiFarm, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        storage = tmp_path / "storage"
        storage.rename(tmp_path / "moved")
        storage.write_text("no folder")
        try:
            status = await status_of(farm, **NOBODY)
        finally:
            storage.unlink()
            (tmp_path / "moved").rename(storage)
        assert (status["status"], checks_of(status)["storage"]) == ("down", False)
        assert str(tmp_path) not in str(status)


class TestWithoutDatabase:
    async def test_the_status_is_told_while_the_database_is_away(
        self, api_settings: ApiSettings, storage_settings: StorageSettings
    ) -> None:
        url = SecretStr("postgresql://nobody:hunter2@127.0.0.1:1/nothing")
        app = build_app(api_settings, database_settings=DatabaseSettings(url=url), storage_settings=storage_settings)
        async with app.router.lifespan_context(app):
            transport = httpx.ASGITransport(app, raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url="http://farm.test") as client:
                for headers in ({}, bearer("rf_anything")):
                    answer = await client.get("/v1/status", headers=headers)
                    assert answer.status_code == 200
                    status = answer.json()
                    assert (status["status"], checks_of(status)["database"]) == ("down", False)
                    assert status["queue"] is None
                    assert "hunter2" not in answer.text
                    assert "127.0.0.1" not in answer.text


class TestRemembered:
    async def test_all_who_ask_at_once_share_one_look(self) -> None:
        looks = 0

        async def look() -> int:
            nonlocal looks
            looks += 1
            await asyncio.sleep(0)
            return looks

        one = Remembered[int](age=timedelta(hours=1))
        answers = await asyncio.gather(*(one.read(look) for _ in range(20)))
        assert {value for value, _ in answers} == {1}

    async def test_a_look_that_failed_is_made_again(self) -> None:
        async def fail() -> int:
            raise ValueError

        async def look() -> int:
            return 7

        one = Remembered[int](age=timedelta(hours=1))
        with pytest.raises(ValueError):  # noqa: PT011
            await one.read(fail)
        assert (await one.read(look))[0] == 7
