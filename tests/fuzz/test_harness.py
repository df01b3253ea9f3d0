"""The fuzzer finds what it is there for, and knows what lies behind the addresses."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from fastapi import FastAPI, Response

from tests.fuzz.addresses import Addresses
from tests.fuzz.run import fuzz_world
from tests.fuzz.world import World


@contextmanager
def serving(app: FastAPI, folder: Path) -> Iterator[World]:
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_config=None, access_log=False))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    log = folder / "api.log"
    log.touch()
    try:
        yield World(url=f"http://127.0.0.1:{port}", key="none", log=log, document=app.openapi())
    finally:
        server.should_exit = True
        thread.join()


def app_that(answer: Any) -> FastAPI:
    """One route behind an address that its list knows, and that no draw would hit."""
    app = FastAPI()

    @app.get("/v1/me")
    async def read_me() -> dict[str, str]:
        return {"id": "nobody"}

    @app.get("/v1/things")
    async def list_things() -> dict[str, list[dict[str, str]]]:
        return {"items": [{"id": "a-thing-with-a-name-of-its-own"}]}

    @app.get("/v1/things/{thing_id}", responses={404: {"description": "There is none."}})
    async def read_thing(thing_id: str) -> dict[str, int]:
        return answer() if thing_id == "a-thing-with-a-name-of-its-own" else Response(status_code=404)

    return app


def breaks() -> None:
    raise RuntimeError("a bug behind an address that is known")


@pytest.mark.parametrize(
    ("answer", "passed", "words"),
    [
        (lambda: {"size": 3}, True, ""),
        (breaks, False, "Server error"),
        (lambda: Response("{}", status_code=418, media_type="application/json"), False, "Undocumented status code"),
        (lambda: Response('{"size": "large"}', media_type="application/json"), False, "violates schema"),
    ],
    ids=["well", "bug", "undocumented", "another schema"],
)
def test_a_bug_behind_an_address_that_a_list_names_fails_the_run(
    tmp_path: Path, answer: Any, passed: bool, words: str
) -> None:
    with serving(app_that(answer), tmp_path) as world:
        report = fuzz_world(world, tmp_path, seed=1, seconds=5, only="read_thing")
    assert report.passed is passed, str(report)
    assert words in report.output
    assert report.tested == 1


def test_addresses_are_filled_from_the_lists_beside_them() -> None:
    lists = {
        "/v1/jobs": [{"id": "j1"}, {"id": "j2"}],
        "/v1/jobs/j1/frames": [{"ordinal": 0, "frame": 7}],
        "/v1/jobs/j2/frames": [],
        "/v1/jobs/j1/artifacts": [{"id": "a1", "job": "j1"}],
        "/v1/jobs/j2/artifacts": [{"id": "a2", "job": "j2"}],
        "/v1/keys": [{"id": "k1"}, {"id": "mine"}],
    }

    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json={"items": lists[request.url.path]})

    document = {
        "paths": {
            "/v1/jobs": {"get": {"operationId": "list_jobs"}},
            "/v1/jobs/{job_id}": {"get": {"operationId": "read_job"}},
            "/v1/jobs/{job_id}:hold": {"post": {"operationId": "hold_job"}},
            "/v1/jobs/{job_id}/frames": {"get": {"operationId": "list_frames"}},
            "/v1/jobs/{job_id}/frames/{frame}/log": {"get": {"operationId": "read_log"}},
            "/v1/keys": {"get": {"operationId": "list_keys"}},
            "/v1/keys/{key_id}": {"delete": {"operationId": "revoke_key"}},
            "/v1/jobs/{job_id}/artifacts": {"get": {"operationId": "list_artifacts"}},
            "/v1/artifacts/{artifact_id}": {"get": {"operationId": "read_artifact"}},
            "/v1/blobs/{digest}": {"head": {"operationId": "check_blob"}},
        }
    }
    with httpx.Client(transport=httpx.MockTransport(answer), base_url="http://farm.test") as http:
        known = Addresses(document, http, avoid=["mine"], unlisted={"digest": ["d1"]}).of_operations()
    assert known["read_job"] == {"job_id": ["j1", "j2"]}
    assert known["hold_job"] == {"job_id": ["j1", "j2"]}
    assert known["read_log"] == {"job_id": ["j1"], "frame": [7]}
    assert known["read_artifact"] == {"artifact_id": ["a1", "a2"]}
    assert known["revoke_key"] == {"key_id": ["k1"]}
    assert known["check_blob"] == {"digest": ["d1"]}
