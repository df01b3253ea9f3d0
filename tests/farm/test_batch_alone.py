"""Batch renders on a real Ray cluster where nothing of Rayfarm runs: made, rendered, taken away."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import psycopg
import pytest

from cluster.local.farm_file import RayRecord
from cluster.local.ports import PortReservation
from cluster.local.ray_session import RaySession, sweep
from db.embedded import EmbeddedPostgres
from db.migrate import upgrade
from tests.farm import running
from tests.farm.running import wait_for

ROOT = Path(__file__).resolve().parents[2]
SCENE = ROOT / "examples" / "sample.blend"
TINY = "{resolution_x: 64, resolution_y: 36, samples: 1, denoise: false}"
pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
"""Ray, Serve and Blender start here; the cores may be anybody's."""


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each wait begins with the start of a driver, of Serve and of a renderer."""
    monkeypatch.setattr(running, "WAIT_S", 400.0)


class BareCluster:
    """Ray, PostgreSQL and a folder, none of which knows of the others."""

    def __init__(
        self, home: Path, postgres: EmbeddedPostgres, gcs: int, dashboard: int, token: Path, ray_logs: Path
    ) -> None:
        self.home, self.postgres, self.gcs, self.ray_logs = home, postgres, gcs, ray_logs
        self.told = {
            "RAYFARM_DATABASE_URL": postgres.url,
            "RAYFARM_STORAGE_URL": (home / "storage").as_uri(),
            "RAYFARM_STORAGE_SIGNING_KEY": os.urandom(32).hex(),
            "RAYFARM_CLUSTER_CACHE_DIR": str(home / "cache"),
            "RAYFARM_HOME": str(home / "none"),
        }
        self._ray = {
            "RAY_AUTH_MODE": "token",
            "RAY_AUTH_TOKEN_PATH": str(token),
        }
        self._dashboard = f"http://127.0.0.1:{dashboard}"
        self._token = token

    def ray_job(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        environment = {**_clean(), **self._ray, "RAY_ADDRESS": self._dashboard}
        command = [sys.executable, "-m", "ray.scripts.scripts", "job", *arguments]
        return subprocess.run(
            command, env=environment, cwd="/", capture_output=True, text=True, timeout=400, check=False
        )

    def submit(self, *command: str, options: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
        told = json.dumps({"env_vars": {**self.told, "PYTHONPATH": os.environ.get("PYTHONPATH", "")}})
        return self.ray_job("submit", "--runtime-env-json", told, *options, "--", sys.executable, "-m", *command)

    def drive(self, *command: str, **told: str) -> subprocess.CompletedProcess[str]:
        """A driver whose environment Ray was not given."""
        environment = {**_clean(), **self._ray, **self.told, **told, "RAY_ADDRESS": f"127.0.0.1:{self.gcs}"}
        done = [sys.executable, "-m", *command]
        return subprocess.run(done, env=environment, cwd="/", capture_output=True, text=True, timeout=400, check=False)

    def gc(self, **changed: str) -> dict[str, Any]:
        environment = {**_clean(), **self._ray, **self.told, **changed, "RAY_ADDRESS": f"127.0.0.1:{self.gcs}"}
        command = [sys.executable, "-m", "rayfarm", "cluster", "gc", "--json"]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=200, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return dict(json.loads(done.stdout.splitlines()[-1]))

    def logs(self) -> str:
        """All that Ray and what runs on it wrote."""
        found = [path for path in (*self.ray_logs.rglob("*"), self.home / "ray.log") if path.is_file()]
        assert any(path.name == "runtime_env_agent.log" for path in found)
        assert any(path.parent.name == "serve" for path in found)
        return "".join(path.read_text(errors="replace") for path in found)

    def shown_of_serve(self) -> str:
        """What Ray's dashboard tells of the applications."""
        headers = {"Authorization": f"Bearer {self._token.read_text().strip()}"}
        answer = httpx.get(f"{self._dashboard}/api/serve/applications/", headers=headers, timeout=60)
        assert answer.status_code == 200, answer.text
        return answer.text

    def rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.postgres.url, autocommit=True) as connection:
            return connection.execute(query.encode(), values).fetchall()

    def other_database(self) -> str:
        with psycopg.connect(self.postgres.url, autocommit=True) as connection:
            connection.execute("create database elsewhere")
        upgrade(self.postgres.url_for("elsewhere"))
        return self.postgres.url_for("elsewhere")

    def spec(self, name: str, text: str) -> Path:
        path = self.home / name
        path.write_text(text)
        return path


@pytest.fixture(scope="module")
def bare() -> Iterator[BareCluster]:
    home = Path(tempfile.mkdtemp(prefix="rb-"))
    home.chmod(0o755)
    reservation = PortReservation()
    records: list[RayRecord] = []
    postgres = EmbeddedPostgres(root=home / "postgres")
    try:
        ports = reservation.reserve(home=home, last=None)
        token = home / "ray_token"
        token.write_text(os.urandom(32).hex())
        token.chmod(0o600)
        postgres.start()
        session = RaySession(
            home=home,
            ports=ports,
            token_path=token,
            log_path=home / "ray.log",
            num_cpus=3,
            render_slots=0,
            object_store_bytes=100 * 2**20,
            environment={"PYTHONPATH": os.environ.get("PYTHONPATH", "")},
            start_timeout=timedelta(minutes=5),
        )
        started = session.start(launched=records.append, give_up=lambda: False)
        assert started is not None
        records.append(started)
        logs = session.temp_dir / "session_latest" / "logs"
        yield BareCluster(home, postgres, ports.gcs, ports.dashboard, token, logs)
    finally:
        for record in records:
            sweep(record, grace=timedelta(seconds=10))
        postgres.stop()
        reservation.release()
        shutil.rmtree(home, ignore_errors=True)


def test_a_batch_render_makes_its_farm_renders_and_takes_it_away(bare: BareCluster) -> None:
    spec = bare.spec("batch.yaml", f"scene: {SCENE}\nframes: 1-3\nsettings: {TINY}\nout: frames\n")
    done = bare.submit("serve_app.batch", "render", str(spec))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "made a batch farm" in done.stdout
    assert "3 of 3" in done.stdout
    assert re.search(r"took away rayfarm-batch-renderer-(batch-\w+), rayfarm-batch-dispatcher-\1", done.stdout)
    assert len(list((bare.home / "frames").glob("frame_*.png"))) == 3
    [(clusters,)] = bare.rows("select count(distinct cluster_id) from replica where cluster_id like 'batch-%%'")
    assert clusters == 1
    assert bare.rows("select count(*) from api_key where name like 'batch %%' and revoked_at is null") == [(0,)]


def test_what_the_driver_alone_knows_reaches_the_workers_and_no_log_of_ray(bare: BareCluster) -> None:
    password, key = os.urandom(16).hex(), os.urandom(32).hex()
    with psycopg.connect(bare.postgres.url, autocommit=True) as connection:
        connection.execute(f"create role driver superuser login password '{password}'".encode())
    url = re.sub(r"//[^@]*@", f"//driver:{password}@", bare.postgres.url)
    spec = bare.spec("driver.yaml", f"scene: {SCENE}\nframes: 5-6\nsettings: {TINY}\nout: driver-frames\n")
    done = bare.drive("serve_app.batch", "render", str(spec), RAYFARM_DATABASE_URL=url, RAYFARM_WEBHOOK_KEY=key)
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(list((bare.home / "driver-frames").glob("frame_*.png"))) == 2
    logs = bare.logs()
    assert "Instantiating class-callable autoscaling policy" in logs
    assert password not in logs
    assert key not in logs


def test_a_render_that_fails_fails_the_ray_job_and_is_taken_away_too(bare: BareCluster) -> None:
    spec = bare.spec("wrong.yaml", f"scene: {SCENE}\nframes: 1-3\nsettings: {{camera: Nobody}}\n")
    done = bare.submit("serve_app.batch", "render", str(spec))
    assert done.returncode == 1
    assert "Nobody" in done.stdout
    assert bare.gc() == {"removed": [], "kept_because": None}


def test_a_stopped_driver_leaves_the_job_to_the_farm_and_gc_waits_for_it(bare: BareCluster) -> None:
    settings = "{resolution_x: 160, resolution_y: 90, samples: 8}"
    job = "{reuse: false, outputs: {video: null}}"
    spec = bare.spec("long.yaml", f"scene: {SCENE}\nframes: 1-12\nsettings: {settings}\njob: {job}\n")
    name = "stopped-batch"
    command = ("serve_app.batch", "render", str(spec))
    assert bare.submit(*command, options=("--no-wait", "--submission-id", name)).returncode == 0
    wait_for(_progress(bare), "progress")
    bare.ray_job("stop", name)
    log = bare.ray_job("logs", name).stdout
    found = re.search(r"python -m serve_app\.batch follow ([0-9a-f-]{36})", log)
    assert found is not None
    shown = bare.shown_of_serve()
    password = urlsplit(bare.postgres.url).password
    assert password
    assert "BacklogPolicy" in shown
    assert password not in shown
    assert bare.told["RAYFARM_STORAGE_SIGNING_KEY"] not in shown
    elsewhere = bare.gc(RAYFARM_DATABASE_URL=bare.other_database())
    assert (elsewhere["removed"], "another database" in elsewhere["kept_because"]) == ([], True)
    kept = bare.gc()
    over = "select count(*) from job where id = %s and state = 'succeeded'"
    if not bare.rows(over, found[1])[0][0]:
        assert (kept["removed"], "not over" in (kept["kept_because"] or "")) == ([], True), kept
    wait_for(lambda: bare.rows(over, found[1])[0][0], "the job to end without its driver")
    removed = kept["removed"] or wait_for(lambda: bare.gc()["removed"], "gc to find that nothing works")
    assert [name.split("-batch-")[1] for name in removed] == ["renderer", "dispatcher"]
    assert bare.gc() == {"removed": [], "kept_because": None}


def test_a_second_driver_joins_and_the_first_verdict_leaves_the_farm_to_the_other(bare: BareCluster) -> None:
    settings = "{resolution_x: 160, resolution_y: 90, samples: 64}"
    job = "{reuse: false, outputs: {video: null}}"
    spec = bare.spec("first.yaml", f"scene: {SCENE}\nframes: 1-12\nsettings: {settings}\njob: {job}\n")
    name = "first-driver"
    command = ("serve_app.batch", "render", str(spec))
    assert bare.submit(*command, options=("--no-wait", "--submission-id", name)).returncode == 0
    wait_for(_progress(bare), "progress")
    bad = bare.spec("second.yaml", f"scene: {SCENE}\nframes: 1\nsettings: {{camera: Nobody}}\n")
    second = bare.submit("serve_app.batch", "render", str(bad))
    assert (second.returncode, "joins the batch farm" in second.stdout) == (1, True), second.stdout
    ended = re.compile(r"SUCCEEDED|FAILED|STOPPED")
    verdict = wait_for(lambda: ended.search(bare.ray_job("status", name).stdout), "the first driver's verdict")
    first = bare.ray_job("logs", name).stdout
    assert (verdict[0], "12 of 12" in first) == ("SUCCEEDED", True), first
    earlier, later = (first, second.stdout) if "took away" in second.stdout else (second.stdout, first)
    assert "the batch farm stays: 1 driver" in earlier
    assert "took away" in later


def test_without_a_database_it_says_which_variable_and_starts_nothing(bare: BareCluster) -> None:
    spec = bare.spec("any.yaml", f"scene: {SCENE}\n")
    kept = bare.told.pop("RAYFARM_DATABASE_URL")
    try:
        done = bare.submit("serve_app.batch", "render", str(spec))
    finally:
        bare.told["RAYFARM_DATABASE_URL"] = kept
    assert done.returncode != 0
    assert "RAYFARM_DATABASE_URL is not set" in done.stdout


def _progress(bare: BareCluster) -> Callable[[], object]:
    """The newest job has frames. Asked of the database: Ray's own program takes a second of CPU for each look."""

    def look() -> object:
        try:
            return bare.rows("select 1 from job where committed > 0 and total = 12 and state = 'running'")
        except psycopg.errors.UndefinedTable:  # the driver has not brought the database up yet
            return None

    return look


def _clean() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith(("RAYFARM_", "RAY_"))}
