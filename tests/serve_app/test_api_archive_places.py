"""Places of archives: taken before the first statement, given back however a download ends."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from typing import Any
from uuid import uuid4

import pytest

from serve_app.archive.links import LinkedArchive
from serve_app.services import ApiServices
from serve_app.settings import ApiSettings
from tests.serve_app.conftest import Server
from tests.serve_app.farm import ApiFarm, problem_of, until

NO_KEY = {"Authorization": ""}


async def rendered(farm: ApiFarm, *, frames: int = 1) -> Any:
    job = await farm.submit(frames=f"1-{frames}")
    await farm.render(job["id"], frames=frames)
    return job


async def link_to(farm: ApiFarm, job: Any) -> str:
    url: str = (await farm.http.get(f"/v1/jobs/{job['id']}/archive/link")).json()["url"]
    return "/v1" + url.partition("/v1")[2]


@asynccontextmanager
async def nobody_puts_one_together(services: ApiServices) -> AsyncIterator[None]:
    """Archives that are asked for meanwhile get as far as the list of their files."""
    async with AsyncExitStack() as held:
        for _ in range(services.settings.archive_threads):
            await held.enter_async_context(services.archive_threads)
        yield


class TestRequestsAtOnce:
    async def test_a_link_that_is_asked_for_many_times_at_once_puts_few_archives_together(self, farm: ApiFarm) -> None:
        services: ApiServices = farm.app.state.services
        few = services.settings.max_linked_archives_per_project
        link = await link_to(farm, await rendered(farm))
        async with asyncio.TaskGroup() as tasks, nobody_puts_one_together(services):
            asked = [tasks.create_task(farm.http.get(link, headers=NO_KEY)) for _ in range(2 * few)]
            await until(lambda: sum(each.done() for each in asked) == few)
            for each in asked:
                if each.done():
                    problem_of(each.result(), 429, "too-many-at-once")
            assert services.linked_archives.taken(farm.project_id) == few
        assert Counter(each.result().status_code for each in asked) == {200: few, 429: few}
        assert services.linked_archives.taken(farm.project_id) == 0

    async def test_archives_that_wait_to_be_put_together_keep_no_connection_to_the_database(
        self, farm: ApiFarm
    ) -> None:
        services: ApiServices = farm.app.state.services
        path = f"/v1/jobs/{(await rendered(farm))['id']}/archive"
        async with asyncio.TaskGroup() as tasks, nobody_puts_one_together(services):
            asked = [tasks.create_task(farm.http.get(path)) for _ in range(3)]
            pool: Any = services.database._engine.pool
            await until(lambda: services.archives.taken(farm.project_id) == 3 and pool.checkedout() == 0)
        assert [each.result().status_code for each in asked] == [200] * 3

    async def test_whoever_has_a_link_takes_no_place_of_the_projects_own_people(self, farm: ApiFarm) -> None:
        job = await rendered(farm)
        services: ApiServices = farm.app.state.services
        link = await link_to(farm, job)
        with ExitStack() as held:
            for _ in range(services.settings.max_linked_archives_per_project):
                held.enter_context(services.linked_archives.take(farm.project_id))
            problem_of(await farm.http.get(link), 429, "too-many-at-once")
            assert (await farm.http.get(f"/v1/jobs/{job['id']}/archive")).status_code == 200
        assert (await farm.http.get(link)).status_code == 200

    async def test_no_more_archives_are_sent_at_once_than_there_are_places(self, farm: ApiFarm) -> None:
        job = await rendered(farm)
        services: ApiServices = farm.app.state.services
        with ExitStack() as held:
            for _ in range(services.settings.max_archives_per_project):
                held.enter_context(services.archives.take(farm.project_id))
            answer = await farm.http.get(f"/v1/jobs/{job['id']}/archive")
            problem_of(answer, 429, "too-many-at-once")
        assert (await farm.http.get(f"/v1/jobs/{job['id']}/archive")).status_code == 200


class TestGivenBack:
    @pytest.fixture
    def api_settings(self) -> ApiSettings:
        return ApiSettings(max_archive_files=2, max_archives_per_project=1, max_linked_archives_per_project=1)

    async def test_a_refusal_gives_the_place_back(self, farm: ApiFarm) -> None:
        job = await rendered(farm, frames=3)
        gone = LinkedArchive(project_id=farm.project_id, job_id=uuid4(), kinds=("frame",))
        token, _ = farm.app.state.services.archive_links.issue(gone)
        link = await link_to(farm, job)
        for _ in range(3):
            problem_of(await farm.http.get(f"/v1/jobs/{job['id']}/archive"), 413, "too-large")
            problem_of(await farm.http.get(f"/v1/jobs/{uuid4()}/archive"), 404, "not-found")
            problem_of(await farm.http.get(link, headers=NO_KEY), 413, "too-large")
            problem_of(await farm.http.get(f"/v1/archives/{token}", headers=NO_KEY), 404, "not-found")

    async def test_a_download_that_ends_gives_the_place_back(self, farm: ApiFarm) -> None:
        link = await link_to(farm, await rendered(farm))
        for _ in range(3):
            assert (await farm.http.get(link, headers=NO_KEY)).status_code == 200

    async def test_a_file_that_is_gone_cuts_the_download_and_gives_the_place_back(self, farm: ApiFarm) -> None:
        job = await rendered(farm)
        await farm.execute("update artifact set storage_key = 'artifacts/gone'")
        services: ApiServices = farm.app.state.services
        for _ in range(3):
            answer = await farm.http.get(f"/v1/jobs/{job['id']}/archive")
            assert b"PK\x05\x06" not in answer.content  # the record at a ZIP's end
            assert services.archives.taken(farm.project_id) == 0

    async def test_a_client_that_leaves_before_the_first_byte_gives_the_place_back(
        self, farm: ApiFarm, server: Server
    ) -> None:
        services: ApiServices = server.app.state.services
        path = f"/v1/jobs/{(await rendered(farm))['id']}/archive"
        async with nobody_puts_one_together(services):
            asked = asyncio.create_task(server.http.get(path), name="a client that leaves")
            await until(lambda: services.archives.taken(farm.project_id) == 1)
            asked.cancel()
            await asyncio.wait([asked])
        await until(lambda: services.archives.taken(farm.project_id) == 0)
        assert (await server.http.get(path)).status_code == 200
