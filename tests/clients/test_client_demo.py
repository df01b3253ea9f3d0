"""The demo's words and files, against a farm that answers as the real one would."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from rayfarm import demo
from rayfarm.cli.farm_commands import web_page
from rayfarm.cli.output import Output
from rayfarm.types import Model
from tests.clients.scripted_farm import JOB, FarmServer, event, job_view

FRAME = b"a picture"


def test_it_says_in_which_order_the_frames_come_and_where_everything_is(
    scripted: FarmServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    urls = {"api_url": scripted.url, "dashboard_url": "http://127.0.0.1:1", "ray_token_path": tmp_path / "token"}
    monkeypatch.setattr(demo, "bring_up", lambda *_: SimpleNamespace(**urls))
    monkeypatch.setattr(demo, "register", lambda *_, **__: Model(id="m", name="sample", state="ready", probe={}))
    asked: list[dict[str, Any]] = []

    def submitted(request: Any) -> None:
        asked.append(json.loads(request.body))
        request.json(job_view("queued", counts={"total": 24}))

    scripted.on("POST", "/v1/jobs", submitted)
    scripted.on(
        "GET", f"/v1/jobs/{JOB}/events", lambda request: request.stream(event(1, "job.state", state="succeeded"))
    )
    scripted.answer("GET", f"/v1/jobs/{JOB}", job_view("succeeded", counts={"total": 24, "committed": 24}))
    scripted.on("GET", "/files/1", lambda request: request.bytes(FRAME))
    file = {"id": "1", "name": "frame_0001.png", "kind": "frame", "url": f"{scripted.url}/files/1"}
    file |= {"sha256": hashlib.sha256(FRAME).hexdigest(), "size_bytes": len(FRAME)}
    scripted.answer("GET", f"/v1/jobs/{JOB}/artifacts", {"items": [file], "next_cursor": None})
    scripted.answer("GET", "/v1/replicas", {"items": []})
    scripted.answer("GET", "/", {"name": "rayfarm", "web": "/"})

    assert demo.run(Output(), home=tmp_path, environ={"FRESH": "1"}, out=tmp_path / "out") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "Starting the farm of this machine (FRESH=1: no frame is reused)…"
    assert f"job {JOB}: 24 frames, the first, the last and the middle one first" in lines
    assert f"Frames     {(tmp_path / 'out').resolve()}" in lines
    key = tmp_path.resolve() / "admin_key"
    page = f"{scripted.url}/projects/default/jobs/{JOB}/"
    assert f"Web        {page}   (sign in with the key in {key})" in lines
    assert (tmp_path / "out" / "frame_0001.png").read_bytes() == FRAME
    [spec] = asked
    assert "order" not in spec  # the farm's own, which is that order
    assert spec["reuse"] is False


def test_without_the_web_app_it_says_how_to_build_it(scripted: FarmServer, tmp_path: Path) -> None:
    scripted.answer("GET", "/", {"name": "rayfarm", "web": None})
    assert web_page(scripted.url, tmp_path) == "not built: `make web` (needs Node.js 20), then `make down up`"
