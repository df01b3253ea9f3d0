"""The one-machine farm with a real Postgres and a real Ray: it repairs itself, and ends without a trace.

Cost: five starts of Ray (10 to 15 s each on two idle cores, one broken off), shared by all cases: about 100 s.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import psutil
import psycopg
import pytest

from cluster.local import control, ray_session
from cluster.local.control import FarmFailed, FarmInfo
from cluster.local.farm_file import FarmFile, FarmHome, Stage
from cluster.local.processes import ProcessMark, wait_until
from cluster.local.ray_session import private_dir_of
from cluster.local.settings import LocalFarmSettings
from db._postgres_process import server_processes
from db.embedded import EmbeddedPostgres
from tests.cluster.ended_connection import leave_ended_connection

REPAIR = timedelta(seconds=90)

DEPLOYER = """
import os, subprocess, sys
from pathlib import Path
import ray

@ray.remote(num_cpus=0)
class Resident:
    def start_child_in_its_own_session(self):
        return subprocess.Popen(["sleep", "600"], start_new_session=True).pid

ray.init(address=os.environ["RAY_ADDRESS"], namespace="test", logging_level="ERROR")
resident = Resident.options(name="resident", lifetime="detached").remote()
ray.get(resident.start_child_in_its_own_session.remote())
home = Path(os.environ["RAYFARM_HOME"])
names = sorted(n for n in os.environ if n.startswith("RAYFARM_"))
seen = {"nodes": [n["NodeID"] for n in ray.nodes()], "resources": ray.cluster_resources(), "variables": names}
with (home / "deployed.jsonl").open("a") as log:
    import json
    log.write(json.dumps(seen) + "\\n")
"""


class Farm:
    """A farm under test."""

    def __init__(self, home: Path, deployer: Path) -> None:
        self.home = home
        self.place = FarmHome(home)
        self._command = (sys.executable, str(deployer))

    def up(self, progress: control.Progress | None = None) -> FarmInfo:
        options = LocalFarmSettings(home=self.home, num_cpus=1)
        return control.up(self.home, options, progress=progress, deploy_command=self._command)

    @property
    def record(self) -> FarmFile:
        record = self.place.read()
        assert record is not None
        return record

    def deployments(self) -> list[dict[str, object]]:
        return [json.loads(line) for line in (self.home / "deployed.jsonl").read_text().splitlines()]

    def processes(self) -> list[ProcessMark]:
        """All of it, found in three ways, so that a gap in one does not hide a survivor."""
        record = self.record
        assert record.ray is not None
        assert record.supervisor is not None
        supervisor = psutil.Process(record.supervisor.pid)
        family = [supervisor, *supervisor.children(recursive=True)]
        family += ray_session.members(record.ray)
        family += [process for process in psutil.process_iter() if os.getsid(process.pid) == record.ray.sid]
        family += server_processes(self.place.postgres / "data")
        marks = (ProcessMark.of(process.pid) for process in family)
        return list({mark.pid: mark for mark in marks if mark is not None}.values())

    def until_ready(self, condition: Callable[[FarmFile], bool]) -> None:
        assert wait_until(lambda: self.record.stage is Stage.READY and condition(self.record), REPAIR), self.record

    def run_sql(self, statement: str) -> list[tuple[object, ...]]:
        database = EmbeddedPostgres(root=self.place.postgres).start()
        assert database.attached
        with psycopg.connect(database.url, autocommit=True) as connection:
            cursor = connection.execute(statement)
            return cursor.fetchall() if cursor.description else []


def _command_of(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []


def survivors(marks: list[ProcessMark]) -> list[str]:
    return [" ".join(psutil.Process(mark.pid).cmdline())[:120] for mark in marks if mark.is_alive()]


@pytest.fixture(scope="module")
def make_farm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Farm]]:
    base = tmp_path_factory.mktemp("farms")
    deployer = base / "deployer.py"
    deployer.write_text(DEPLOYER)
    farms: list[Farm] = []

    def make(name: str) -> Farm:
        farms.append(Farm(base / name, deployer))
        return farms[-1]

    yield make
    for farm in farms:
        control.down(farm.home)
        shutil.rmtree(private_dir_of(farm.home), ignore_errors=True)


@pytest.fixture(scope="module")
def farm(make_farm: Callable[[str], Farm]) -> Farm:
    return make_farm("first")


@pytest.fixture
def running(farm: Farm) -> Farm:
    """The shared farm, ready, whatever the case before did to it."""
    farm.up()
    return farm


class TestUp:
    def test_it_tells_each_step_and_hands_the_deployment_what_it_needs(self, farm: Farm) -> None:
        told: list[str] = []
        details: list[str] = []

        def tell(stage: str, detail: str, seconds: float) -> None:
            told.append(stage)
            details.append(detail)

        info = farm.up(progress=tell)
        assert (told[0], details[0]) == ("starting", "its supervisor")
        assert [stage for stage in told if stage in ("postgres", "ray", "deploy", "ready")] == [
            "postgres", "ray", "deploy", "ready",
        ]  # fmt: skip
        assert info.started_now
        seen = farm.deployments()[-1]
        assert {"CPU": 1.0, "render_slot": 1.0}.items() <= dict(seen["resources"]).items()  # type: ignore[call-overload]
        wanted = ["DATABASE_URL", "STORAGE_URL", "STORAGE_SIGNING_KEY", "API_TOKEN_KEY", "HOME", "CLUSTER_ID"]
        wanted += ["HTTP_HOST", "HTTP_PORT"]
        assert {f"RAYFARM_{name}" for name in wanted} <= set(seen["variables"])  # type: ignore[call-overload]

    def test_a_farm_that_is_up_is_not_said_to_start(self, running: Farm) -> None:
        told: list[str] = []
        running.up(progress=lambda stage, detail, seconds: told.append(stage))
        assert told == ["ready"]

    def test_other_users_reach_neither_the_sockets_of_ray_and_haproxy_nor_the_farms_files(self, running: Farm) -> None:
        for directory in (private_dir_of(running.home), running.home):
            assert stat.S_IMODE(directory.stat().st_mode) == 0o700
        assert running.record.ray is not None
        assert running.record.ray.temp_dir.is_relative_to(private_dir_of(running.home))

    def test_the_database_has_the_tables_of_this_release(self, running: Farm) -> None:
        assert running.run_sql("select to_regclass('alembic_version') is not null") == [(True,)]

    def test_a_second_up_finds_the_running_farm(self, running: Farm) -> None:
        first, deployments = running.up(), len(running.deployments())
        again = running.up()
        assert (again.supervisor_pid, again.started_now) == (first.supervisor_pid, False)
        assert len(running.deployments()) == deployments

    def test_a_second_supervisor_refuses_and_says_why(self, running: Farm) -> None:
        second = subprocess.run(
            [sys.executable, "-m", "cluster.local.supervisor", "--home", str(running.home)],
            capture_output=True, text=True, timeout=30, check=False,
        )  # fmt: skip
        assert second.returncode == 1
        assert "is run by another supervisor" in second.stderr
        assert "rayfarm down" in second.stderr
        assert control.status(running.home).stage is Stage.READY

    def test_the_dashboard_asks_for_the_farms_own_token(self, running: Farm) -> None:
        url = f"{running.record.dashboard_url}/api/version"
        with pytest.raises(urllib.error.HTTPError, match="401"):
            urllib.request.urlopen(url, timeout=10)
        token = running.place.ray_token.read_text()
        request = urllib.request.Request(url, headers={"Authorization": f"Bearer {token}"})
        assert json.load(urllib.request.urlopen(request, timeout=10))["ray_version"]

    def test_no_secret_is_on_a_command_line_in_the_record_or_in_a_log(self, running: Farm) -> None:
        secrets = [
            path.read_text().strip()
            for path in (
                running.place.ray_token,
                running.place.storage_signing_key,
                running.place.token_key,
                running.place.webhook_key,
                running.place.postgres / "password",
            )
        ]
        places = [" ".join(psutil.Process(mark.pid).cmdline()) for mark in running.processes()]
        places += [path.read_text(errors="replace") for path in running.place.logs.iterdir()]
        places.append(running.place.record_path.read_text())
        assert not [secret for secret in secrets for text in places if secret in text]

    def test_a_farm_that_cannot_start_says_why_and_leaves_nothing(self, make_farm: Callable[[str], Farm]) -> None:
        farm = make_farm("failing")
        farm.place.create()
        environment = LocalFarmSettings(home=farm.home, database_url="postgresql://nobody@127.0.0.1:1/none")
        with pytest.raises(FarmFailed, match=r"migrations.*Its logs are in"):
            control.up(farm.home, environment)
        status = control.status(farm.home)
        assert (status.running, status.stage) == (False, Stage.FAILED)
        assert not farm.place.postgres.exists()


class TestRepair:
    def test_a_killed_postgres_comes_back_on_its_port_with_its_rows(self, running: Farm) -> None:
        running.run_sql("create table if not exists kept as select 42 as answer")
        before = running.record
        database = EmbeddedPostgres(root=running.place.postgres).start()
        os.kill(database.pid or 0, signal.SIGKILL)
        running.until_ready(lambda record: record.postgres_restarts == before.postgres_restarts + 1)
        assert running.run_sql("select answer from kept") == [(42,)]
        after = EmbeddedPostgres(root=running.place.postgres).start()
        assert (after.port, running.record.ray) == (database.port, before.ray)

    @pytest.mark.slow
    def test_a_killed_raylet_means_a_new_ray_with_the_application_on_the_same_ports(self, running: Farm) -> None:
        before, deployments, old = running.record, len(running.deployments()), running.processes()
        assert before.ray is not None
        assert before.ray.raylet is not None
        os.kill(before.ray.raylet.pid, signal.SIGKILL)
        running.until_ready(lambda record: record.ray_restarts == before.ray_restarts + 1)
        after = running.record
        assert after.ports == before.ports
        assert len(running.deployments()) == deployments + 1
        assert running.deployments()[-1]["nodes"] != running.deployments()[-2]["nodes"]
        kept = {mark.pid for mark in running.processes()}
        assert not survivors([mark for mark in old if mark.pid not in kept])

    def test_what_a_killed_supervisor_left_is_ended_by_the_next_up(self, running: Farm) -> None:
        before, old = running.record, running.processes()
        running.run_sql("create table if not exists kept as select 42 as answer")
        assert before.supervisor is not None
        os.kill(before.supervisor.pid, signal.SIGKILL)
        assert wait_until(lambda: not control.status(running.home).running, timedelta(seconds=5))
        status = control.status(running.home)
        assert (status.stage, status.detail) == (Stage.STOPPED, "its supervisor was killed")
        assert status.leftovers > 0
        assert before.ports is not None
        first = before.ports.direct_http_first
        for port in range(first, first + 8):  # some may have one of the tests before
            with contextlib.suppress(OSError):
                leave_ended_connection(port)  # a replica's last answer
                break
        else:
            pytest.fail("no port of the replicas is free")
        running.up()
        assert survivors(old) == []
        assert running.record.cluster_id == before.cluster_id
        assert running.record.ports == before.ports
        assert running.run_sql("select answer from kept") == [(42,)]


class TestDown:
    def test_in_the_middle_of_the_start_it_leaves_nothing_too(self, make_farm: Callable[[str], Farm]) -> None:
        farm = make_farm("interrupted")
        farm.place.create()
        supervisor = subprocess.Popen(
            [sys.executable, "-m", "cluster.local.supervisor", "--home", str(farm.home)], start_new_session=True
        )
        wait_until(lambda: (farm.place.read() or FarmFile()).ray is not None, REPAIR)
        marks = farm.processes()
        assert control.down(farm.home)
        assert supervisor.wait(5) == 0
        assert survivors(marks) == []
        assert not [process for process in psutil.process_iter() if str(farm.home) in " ".join(_command_of(process))]

    @pytest.mark.slow
    def test_two_farms_do_not_see_each_other_and_down_leaves_no_process(
        self, running: Farm, make_farm: Callable[[str], Farm]
    ) -> None:
        other = make_farm("second")
        other.up()
        assert other.deployments()[-1]["nodes"] != running.deployments()[-1]["nodes"]
        assert len(list(other.deployments()[-1]["nodes"])) == 1  # type: ignore[call-overload]
        ports = [{number for name, number in farm.record.ports or () if name != "block"} for farm in (running, other)]
        assert not ports[0] & ports[1]
        assert other.run_sql("select to_regclass('kept')") == [(None,)]

        mine, theirs = running.processes(), other.processes()
        assert control.down(other.home)
        assert survivors(theirs) == []
        assert len(survivors(mine)) == len(mine)
        assert control.status(running.home).stage is Stage.READY

        with ThreadPoolExecutor() as pool:  # two at once: the second waits for the first, and both are told so
            downs = [pool.submit(control.down, running.home) for _ in range(2)]
            assert [down.result() for down in downs] == [True, True]
        assert survivors(mine) == []
        assert control.status(running.home).stage is Stage.STOPPED
        assert control.down(running.home) is False
