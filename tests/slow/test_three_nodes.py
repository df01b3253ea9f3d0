"""A farm over machines that share no disk: a cable is cut, one dies, a new one comes, and nothing is lost."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import os
import secrets
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import ExitStack, contextmanager
from pathlib import Path

import boto3
import pytest
import yaml
from moto.server import ThreadedMotoServer

from db.embedded import EmbeddedPostgres
from db.migrate import upgrade
from tests.farm.running import RunningFarm, wait_for
from tests.slow.switch import Switch

ROOT = Path(__file__).resolve().parents[2]
BUCKET = "rayfarm"
FRAMES = 60
HTTP, DASHBOARD, GCS = 8000, 8265, 6379
_STARTS_S = 240
"""A Ray node, and Serve's applications on it, on a machine that does much else."""


class Machines:
    """Ray's head, which renders nothing, and machines with one renderer each. They share a database and a bucket."""

    def __init__(self, switch: Switch, home: Path, *, database_url: str, endpoint: str) -> None:
        self._switch, self._home = switch, home
        (home / "ray_token").write_text(secrets.token_hex(32))
        (home / "ray_token").chmod(0o600)
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("RAY", "SERVE_"))},
            "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "clients" / "python")]),
            "RAYFARM_CLUSTER_ID": "three-machines",
            "RAYFARM_CLUSTER_MIN_REPLICAS": "2",
            "RAYFARM_CLUSTER_MAX_REPLICAS": "2",
            "RAYFARM_LIMITS_LEASE": "PT10S",
            "RAYFARM_LIMITS_BEAT": "PT2S",
            "RAYFARM_DATABASE_URL": database_url,
            "RAYFARM_STORAGE_URL": f"s3://{BUCKET}/farm",
            "RAYFARM_STORAGE_ENDPOINT_URL": endpoint,
            "RAYFARM_STORAGE_ACCESS_KEY_ID": "testing",
            "RAYFARM_STORAGE_SECRET_ACCESS_KEY": "testing",
            "RAYFARM_API_TOKEN_KEY": secrets.token_hex(32),
            "RAYFARM_WEBHOOK_KEY": secrets.token_hex(32),
            "RAY_AUTH_MODE": "token",
            "RAY_AUTH_TOKEN_PATH": str(home / "ray_token"),
            "RAY_USAGE_STATS_ENABLED": "0",
            "RAY_worker_niceness": "0",
            "RAY_SERVE_CONTROL_LOOP_INTERVAL_S": "0.5",
            "RAY_SERVE_PROXY_READY_CHECK_TIMEOUT_S": "20",
            # A machine that is silent for so long is dead to Ray; at its defaults that takes half a minute.
            "RAY_health_check_period_ms": "2000",
            "RAY_health_check_timeout_ms": "4000",
            "RAY_health_check_failure_threshold": "3",
        }
        self.head = switch.connect()
        self._start(self.head, "--head", f"--port={GCS}", "--num-cpus=1", '--resources={"control_slot":1}')

    def add(self) -> str:
        """One more, with a renderer's place; its name."""
        name = self._switch.connect()
        head = f"{self._switch.address_of(self.head)}:{GCS}"
        self._start(name, f"--address={head}", "--num-cpus=1", '--resources={"render_slot":1}')
        return name

    def run(self, *command: str) -> str:
        """A program of the farm, on the head's machine."""
        words = [*Switch.on(self.head), sys.executable, *command]
        done = subprocess.run(words, env=self.environment, cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr[-3000:]
        return done.stdout

    def _start(self, name: str, *options: str) -> None:
        address = self._switch.address_of(name)
        scratch = self._home / name
        scratch.mkdir(mode=0o700)
        if "--head" in options:
            options += (f"--temp-dir={scratch}", f"--dashboard-host={address}", f"--dashboard-port={DASHBOARD}")
        ray = [sys.executable, "-m", "ray.scripts.scripts", "start", "--block", "--disable-usage-stats"]
        own = {"RAYFARM_CLUSTER_NODE": name, "TMPDIR": str(scratch)}
        subprocess.Popen(
            [*Switch.on(name), *ray, f"--node-ip-address={address}", "--object-store-memory=134217728", *options],
            env={**self.environment, **own},
            cwd=ROOT,
            stdout=(self._home / f"{name}.log").open("wb"),
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        told = "To terminate the Ray runtime" if "--head" in options else "Ray runtime started"
        end = time.monotonic() + _STARTS_S
        while told not in (self._home / f"{name}.log").read_text():
            assert time.monotonic() < end, (self._home / f"{name}.log").read_text()[-3000:]
            time.sleep(0.2)


class SpreadFarm(RunningFarm):
    """What its API on the head's machine and its database show."""

    def __init__(self, home: Path, url: str, *, database_url: str) -> None:
        self._url = url
        super().__init__(home, database_url=database_url)

    @property
    def url(self) -> str:
        return self._url

    def machines_that_rendered(self, job_id: str) -> set[str]:
        query = """
            select distinct replica.node from attempt join replica on replica.id = attempt.replica_id
             where attempt.job_id = %s and attempt.outcome = 'ok'
        """
        return {node for (node,) in self.rows(query, job_id)}


@contextmanager
def _reached(server: EmbeddedPostgres, address: str) -> Iterator[str]:
    """The database, which listens on loopback alone, at an address that the machines have; its URL there."""
    inner = server.url
    head, _, rest = inner.rpartition("@127.0.0.1:")
    port = int(rest.partition("/")[0])

    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.closing(writer), contextlib.suppress(OSError):  # the other end's machine may be gone
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", port)
        with contextlib.suppress(asyncio.CancelledError):  # at the end; asyncio would tell of each
            await asyncio.gather(carry(reader, back), carry(there, writer))

    began: Future[tuple[asyncio.AbstractEventLoop, asyncio.Event, int]] = Future()

    async def carry_all() -> None:
        over = asyncio.Event()
        listening = await asyncio.start_server(take, address, 0)
        began.set_result((asyncio.get_running_loop(), over, listening.sockets[0].getsockname()[1]))
        await over.wait()

    thread = threading.Thread(target=asyncio.run, args=(carry_all(),))
    thread.start()
    loop, over, outer = began.result()
    try:
        yield f"{head}@{address}:{outer}/{rest.partition('/')[2]}"
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join()


@pytest.fixture
def home() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="rf-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


def _deploy(machines: Machines, dashboard: str, home: Path) -> None:
    config = yaml.safe_load((ROOT / "docker" / "serve.yaml").read_text())
    (home / "serve.yaml").write_text(json.dumps(config))
    machines.run("-m", "db.bootstrap", str(home / "admin_key"))
    machines.run("-m", "ray.serve.scripts", "deploy", str(home / "serve.yaml"), "-a", dashboard)
    end = time.monotonic() + _STARTS_S
    while (state := _state_of(machines.run("-m", "ray.serve.scripts", "status", "-a", dashboard))) != "RUNNING":
        assert state != "DEPLOY_FAILED"
        assert time.monotonic() < end, state
        time.sleep(1)


def _state_of(status: str) -> str:
    """Of the worst application."""
    states = {each["status"] for each in yaml.safe_load(status)["applications"].values()}
    return "DEPLOY_FAILED" if "DEPLOY_FAILED" in states else "RUNNING" if states == {"RUNNING"} else str(states)


@pytest.mark.timeout(1200)
@pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces need root")
def test_a_job_outlives_a_cut_cable_and_a_dead_machine_and_each_frame_is_there_once(home: Path) -> None:
    with ExitStack() as stack:
        switch = stack.enter_context(Switch())
        postgres = EmbeddedPostgres(root=home / "postgres")
        postgres.start()
        stack.callback(postgres.stop)
        upgrade(postgres.url)
        store = ThreadedMotoServer(ip_address=switch.address, port=0, verbose=False)
        store.start()
        stack.callback(store.stop)
        endpoint = "http://{}:{}".format(*store.get_host_and_port())
        known = {"aws_access_key_id": "testing", "aws_secret_access_key": "testing", "region_name": "us-east-1"}
        s3 = boto3.client("s3", endpoint_url=endpoint, **known)
        s3.create_bucket(Bucket=BUCKET)
        database_url = stack.enter_context(_reached(postgres, switch.address))
        machines = Machines(switch, home, database_url=database_url, endpoint=endpoint)
        first, second = machines.add(), machines.add()
        head = switch.address_of(machines.head)
        _deploy(machines, f"http://{head}:{DASHBOARD}", home)
        farm = SpreadFarm(home, f"http://{head}:{HTTP}", database_url=postgres.url)

        job = farm.submit(frames=f"1-{FRAMES}", settings={"render_ms": 1000})
        wait_for(lambda: farm.machines_that_rendered(job) == {first, second}, "both machines to render")
        switch.cut(first)
        there = farm.job(job)["counts"]["committed"]
        farm.until_committed(job, there + 5)  # by the other one
        switch.kill(second)
        third = machines.add()
        wait_for(lambda: third in farm.machines_that_rendered(job), "the new machine to render")
        switch.mend(first)  # what it did meanwhile comes too late, and counts for nothing
        ended = farm.ended(job)

        assert ended["state"] == "succeeded", ended
        farm.assert_each_frame_once(job, FRAMES, in_flight=8)
        files = farm.rows("select storage_key, sha256 from artifact where job_id = %s and kind = 'frame'", job)
        assert len(files) == FRAMES
        for key, digest in files:
            content = s3.get_object(Bucket=BUCKET, Key=f"farm/{key}")["Body"].read()
            assert hashlib.sha256(content).hexdigest() == digest
