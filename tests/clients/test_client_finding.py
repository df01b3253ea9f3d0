"""SDK and CLI: waiting for a job's end, stills, tags, filters, and changes that name the version they mean."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from rayfarm import Client, FarmRefused
from rayfarm.cli import main
from rayfarm.errors import ClientError
from tests.serve_app.farm import ApiFarm


async def with_client(farm: ApiFarm, port: int, call: Callable[[Client], Any]) -> Any:
    def run() -> Any:
        with Client(f"http://127.0.0.1:{port}", farm.key) as client:
            return call(client)

    return await asyncio.to_thread(run)


async def only_job(farm: ApiFarm) -> str | None:
    """The id of the job, once there is one."""
    items = (await farm.http.get("/v1/jobs")).json()["items"]
    return str(items[0]["id"]) if items else None


async def render_first(farm: ApiFarm) -> str:
    """Plays the replica for the job that is submitted meanwhile."""
    async with asyncio.timeout(20):
        while (job_id := await only_job(farm)) is None:
            await asyncio.sleep(0.02)
    await farm.render(job_id, frames=1)
    return job_id


async def test_a_still_is_the_picture_itself(farm: ApiFarm, port: int) -> None:
    model = await farm.model()
    asked = asyncio.create_task(with_client(farm, port, lambda client: client.still(model, 7, pipeline="fake")))
    job_id = await render_first(farm)
    assert await asked == b"picture 7 of %s" % UUID(job_id).hex.encode()


async def test_a_still_that_takes_longer_than_its_caller_has_time_names_the_job(farm: ApiFarm, port: int) -> None:
    model = await farm.model()
    with pytest.raises(ClientError, match="is still queued"):
        await with_client(farm, port, lambda client: client.still(model, 7, timeout=timedelta(seconds=0)))
    assert await farm.count("job") == 1


async def test_the_command_saves_a_still(farm: ApiFarm, port: int, tmp_path: Path) -> None:
    model, target = await farm.model(), tmp_path / "stills" / "cover.png"
    words = ["still", model, "7", "--out", str(target), "--tag", "cover"]
    options = ["--url", f"http://127.0.0.1:{port}", "--api-key", farm.key]
    asked = asyncio.create_task(asyncio.to_thread(main, [*words, *options]))
    job_id = await render_first(farm)
    assert await asked == 0
    assert target.read_bytes() == b"picture 7 of %s" % UUID(job_id).hex.encode()
    assert (await farm.http.get(f"/v1/jobs/{job_id}")).json()["tags"] == ["cover"]


async def test_a_submit_can_come_back_with_the_end_of_its_job(farm: ApiFarm, port: int) -> None:
    model = await farm.model()
    asked = asyncio.create_task(with_client(farm, port, lambda client: client.submit(model, frames="1", wait=30)))
    await render_first(farm)
    assert (await asked).state == "succeeded"


async def test_jobs_are_found_by_what_they_were_given(farm: ApiFarm, port: int) -> None:
    await farm.submit(name="opening", tags=["wip", "hero"], show="dune", shot="s010")
    await farm.submit(name="closing", tags=["wip"])

    def names(client: Client, **wanted: Any) -> list[str]:
        return [job.name for job in client.jobs(**wanted)]

    for wanted, expected in (
        ({"tags": "wip", "sort": "name"}, ["closing", "opening"]),
        ({"tags": ["wip", "hero"]}, ["opening"]),
        ({"show": "dune", "shot": "s010"}, ["opening"]),
        ({"state": ["queued", "running"], "name": "CLOS"}, ["closing"]),
        ({"submitted_by": "me", "limit": 1}, ["closing"]),
    ):
        assert await with_client(farm, port, lambda client, wanted=wanted: names(client, **wanted)) == expected, wanted
    shows = await with_client(farm, port, lambda client: [(show["name"], show["jobs"]) for show in client.shows()])
    assert shows == [("dune", 1)]


async def test_the_commands_know_tags_shows_and_shots(
    farm: ApiFarm, port: int, capsys: pytest.CaptureFixture[str]
) -> None:
    job = await farm.submit(name="opening")
    options = ["--url", f"http://127.0.0.1:{port}", "--api-key", farm.key]

    async def say(*words: str) -> str:
        assert await asyncio.to_thread(main, [*words, *options]) == 0, words
        return capsys.readouterr().out

    await say("change", job["id"], "--tag", "wip", "--tag", "hero", "--show", "dune", "--shot", "s010")
    assert "dune/s010 #wip #hero" in await say("jobs", "--tag", "wip", "--show", "dune", "--state", "queued")
    assert "No such jobs." in await say("jobs", "--tag", "nobody's")
    assert "dune" in await say("shows")
    assert "s010" in await say("shows", "--show", "dune")
    assert "hero" in await say("shows", "--tags")
    assert "dune/s010" in await say("show", job["id"], "--wait", "0")
    await say("change", job["id"], "--no-tags", "--show", "")
    assert "dune" not in await say("jobs")


async def test_a_change_that_names_an_old_version_is_refused(farm: ApiFarm, port: int) -> None:
    job = await farm.submit()

    def change(client: Client) -> int:
        read = client.job(job["id"])
        client.change(job["id"], if_match=read.etag, weight=200)
        with pytest.raises(FarmRefused) as refused:
            client.change(job["id"], if_match=read.etag, weight=300)
        return refused.value.status

    assert await with_client(farm, port, change) == 412
