"""What ``docs/api/webhooks.md`` says: its receiver runs as it stands there, and its table names every event."""

from __future__ import annotations

import asyncio
import os
import re
import socket
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

from pydantic import SecretStr

from cluster.outbound import Answer, NotReached, Outbound
from jobs.egress import Egress, EgressSettings
from jobs.events import EventKind
from jobs.webhooks import WebhookSecrets, WebhookSettings, body_of, signed_headers

PAGE = Path(__file__).resolve().parents[2] / "docs" / "api" / "webhooks.md"
ID = "msg_1"


def test_the_page_names_every_type_and_no_other() -> None:
    table = PAGE.read_text().partition("| `type` |")[2].partition("\n\n")[0]
    named = [kind for line in table.splitlines() for kind in re.findall(r"`([a-z_]+\.[a-z]+)`", line.split("|")[1])]
    assert sorted(named) == sorted(EventKind)


async def test_its_receiver_takes_what_the_farm_signs_once_and_nothing_else(tmp_path: Path) -> None:
    [code] = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    secrets = WebhookSecrets(WebhookSettings(key=SecretStr("a-webhook-key-of-these-tests-alone-01")))
    seed, webhook_id = secrets.new(), uuid4()
    secret = secrets.secret_of(seed, webhook_id=webhook_id)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    (tmp_path / "receiver.py").write_text(code)
    process = await asyncio.create_subprocess_exec(
        sys.executable, tmp_path / "receiver.py",
        env={**os.environ, "WEBHOOK_SECRETS": secret, "PORT": str(port)},
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    settings = EgressSettings(allow_http=True, allowed_networks=("127.0.0.1/32",))  # type: ignore[arg-type]
    outbound = Outbound(egress=Egress(settings))
    body = body_of(kind="job.state", at=datetime.now(UTC), data={"state": "succeeded"}, about={"job": "j1"})

    async def post(headers: dict[str, str]) -> Answer:
        return await outbound.post(
            f"http://127.0.0.1:{port}/", body=body, headers=headers, timeout=timedelta(seconds=20)
        )

    good = signed_headers(body, message_id=ID, at=datetime.now(UTC), secrets_=[secret])
    try:
        async with asyncio.timeout(60):
            while True:
                try:
                    first = await post(good)
                    break
                except NotReached:  # it starts
                    await asyncio.sleep(0.05)
            again = await post(good)
            forged = await post({**good, "webhook-id": "msg_2"})
            assert (first.status, again.status, forged.status) == (204, 204, 400)
            assert await process.stdout.readline() == b"job.state j1 succeeded\n"
    finally:
        process.terminate()
        rest, _ = await process.communicate()
    assert rest == b""
