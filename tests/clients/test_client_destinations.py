"""`rayfarm destinations` and `--deliver-to` against the real API and a server that speaks S3."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rayfarm.cli import main
from tests.serve_app.buckets import SECRET, Yard, s3_server, yard

__all__ = ["s3_server", "yard"]

Command = Any


@pytest.fixture(autouse=True)
def _loopback_is_open(monkeypatch: pytest.MonkeyPatch) -> None:
    """As an operator would open a network inside the house."""
    monkeypatch.setenv("RAYFARM_EGRESS_ALLOW_HTTP", "true")
    monkeypatch.setenv("RAYFARM_EGRESS_ALLOWED_NETWORKS", '["127.0.0.0/8"]')


@pytest.fixture
def rayfarm(yard: Yard, port: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Command:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)

    async def run(*words: str) -> tuple[int, str]:
        capsys.readouterr()
        where = ["--url", f"http://127.0.0.1:{port}", "--api-key", yard.farm.key]
        code = await asyncio.to_thread(main, [*words, *where])
        told = capsys.readouterr()
        return code, told.out + told.err

    return run


async def test_a_bucket_is_added_tried_listed_and_removed_and_its_secret_is_told_nowhere(
    yard: Yard, rayfarm: Command
) -> None:
    place = ["--bucket", yard.bucket, "--prefix", "cli/", "--endpoint-url", yard.endpoint, "--default"]
    code, told = await rayfarm("destinations", "studio", *place, "--json")
    assert code == 0, told
    assert json.loads(told)["bucket"] == yard.bucket
    everything = told
    code, told = await rayfarm("destinations", "studio", "--test")
    assert (code, "studio took a file." in told) == (0, True), told
    everything += told
    _, told = await rayfarm("destinations")
    assert f"studio\t{yard.bucket}/cli/\tyes" in told
    everything += told
    code, told = await rayfarm("destinations", "studio", "--remove")
    assert (code, "what was delivered stays" in told) == (0, True)
    assert SECRET not in everything + told
    assert "No destination yet." in (await rayfarm("destinations"))[1]


async def test_without_a_key_in_the_environment_nothing_is_asked_of_the_farm(
    yard: Yard, rayfarm: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    code, told = await rayfarm("destinations", "studio", "--bucket", yard.bucket)
    assert (code, "AWS_SECRET_ACCESS_KEY" in told) == (2, True)
    assert "No destination yet." in (await rayfarm("destinations"))[1]


async def test_a_name_that_the_project_does_not_have_is_told_with_those_that_it_has(
    yard: Yard, rayfarm: Command
) -> None:
    await yard.destination(name="studio")
    code, told = await rayfarm("destinations", "stduio", "--test")
    assert (code, "It has: studio." in told) == (2, True), told


async def test_a_job_goes_where_deliver_to_says(
    yard: Yard, rayfarm: Command, tmp_path: Path, blend: Callable[[bytes], bytes]
) -> None:
    made = await yard.destination(name="studio", is_default=True)
    scene = tmp_path / "scene.blend"
    scene.write_bytes(blend(b"deliver"))
    found = {}
    for name in ("studio", "default", "none"):
        await yard.farm.execute("update model set state = 'ready'")
        words = ["render", str(scene), "--frames", "1", "--name", name, "--detach", "--deliver-to", name]
        run = asyncio.create_task(rayfarm(*words))
        while not run.done():  # as the probe would: the command waits for it
            await yard.farm.execute("update model set state = 'ready' where state <> 'ready'")
            await asyncio.sleep(0.05)
        code, told = await run
        assert code == 0, told
        [job] = (await yard.farm.http.get("/v1/jobs", params={"name": name})).json()["items"]
        found[name] = job["destination"]
    assert found == {"studio": made["id"], "default": made["id"], "none": None}
