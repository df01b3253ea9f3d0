"""Two processes of the API over one database, behind real sockets."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from db.settings import DatabaseSettings
from storage.settings import StorageSettings
from tests.serve_app.farm import ApiFarm, bearer

ROOT = Path(__file__).resolve().parents[2]
QUOTA, SHARE, PROCESSES = 60, 0.1, 2
SLACK = PROCESSES * (int(QUOTA * SHARE) - 1)


@pytest.fixture
def ports(
    database_settings: DatabaseSettings, storage_settings: StorageSettings, tmp_path: Path
) -> Iterator[list[int]]:
    environment = {
        **os.environ,
        "RAYFARM_DATABASE_URL": database_settings.url.get_secret_value(),
        "RAYFARM_STORAGE_URL": storage_settings.url,
        "RAYFARM_API_RATE_READ": str(QUOTA),
        "RAYFARM_API_RATE_WINDOW": "P10D",  # nothing comes back while the test runs
        "RAYFARM_API_RATE_BATCH_SHARE": str(SHARE),
    }
    listeners = [socket.create_server(("127.0.0.1", 0)) for _ in range(PROCESSES)]
    processes = []
    for number, listener in enumerate(listeners):
        command = [sys.executable, "-m", "uvicorn", "--factory", "serve_app.app:build_app", "--log-level", "warning"]
        with (tmp_path / f"api-{number}.log").open("wb") as log:
            processes.append(
                subprocess.Popen(
                    [*command, "--fd", str(listener.fileno())],
                    cwd=ROOT,
                    env=environment,
                    pass_fds=[listener.fileno()],
                    stdout=log,
                    stderr=log,
                )
            )
    try:
        yield [listener.getsockname()[1] for listener in listeners]
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.wait(20)
        for listener in listeners:
            listener.close()


async def test_two_processes_together_let_a_caller_through_no_more_often_than_the_quota_and_the_stated_slack(
    farm: ApiFarm, ports: list[int]
) -> None:
    key = bearer(await farm.new_key("other"))
    async with httpx.AsyncClient(timeout=60) as client:
        answers = await asyncio.gather(
            *(
                client.get(f"http://127.0.0.1:{ports[number % PROCESSES]}/v1/jobs", headers=key)
                for number in range(3 * QUOTA)
            )
        )
    codes = [answer.status_code for answer in answers]
    assert set(codes) == {200, 429}
    assert QUOTA - SLACK <= codes.count(200) <= QUOTA + SLACK
    served = [sum(code == 200 for code in codes[process::PROCESSES]) for process in range(PROCESSES)]
    assert all(served), served  # else it was one process that counted
