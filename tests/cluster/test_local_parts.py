"""The parts of the one-machine farm that need no Ray: ports, record, process marks, back-off, settings."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr

from cluster.local import control
from cluster.local.farm_file import FarmFile, FarmFileDamaged, FarmHome, Stage
from cluster.local.ports import FarmPorts, PortReservation, PortTaken, _candidate_blocks
from cluster.local.processes import ProcessMark, processes_with, terminate, wait_until
from cluster.local.ray_session import RaySession, private_dir_of, serve_environment
from cluster.local.restart_backoff import RestartBackoff
from cluster.local.services import BELIEVED_BY_UVICORN, CommandFailed, farm_environment, run_step
from cluster.local.settings import LocalFarmSettings
from cluster.local.supervisor import FarmIsRunning, farm_lock
from tests.cluster.ended_connection import leave_ended_connection


def sleeper(environment: dict[str, str] | None = None, *, new_session: bool = False) -> subprocess.Popen[bytes]:
    return subprocess.Popen(["sleep", "60"], env=environment, start_new_session=new_session)


@pytest.fixture
def reservation(tmp_path: Path) -> Iterator[PortReservation]:
    held = PortReservation(directory=tmp_path / "locks")
    yield held
    held.release()


class TestPorts:
    def test_all_ports_of_a_farm_differ(self, reservation: PortReservation, tmp_path: Path) -> None:
        ports = reservation.reserve(home=tmp_path, last=None)
        single = [number for name, number in ports if name != "block" and not name.startswith("direct_")]
        direct = range(ports.direct_http_first, ports.direct_grpc_last + 1)
        assert len({*single, *direct}) == len(single) + len(direct)

    def test_a_restarted_farm_gets_the_same_ports(self, reservation: PortReservation, tmp_path: Path) -> None:
        first = reservation.reserve(home=tmp_path, last=None)
        assert reservation.reserve(home=tmp_path / "moved", last=first) == first

    def test_connections_that_just_ended_do_not_move_a_farm(self, reservation: PortReservation, tmp_path: Path) -> None:
        last = reservation.reserve(home=tmp_path, last=None)
        for port in (last.direct_http_first, last.direct_grpc_last):
            leave_ended_connection(port)
        assert reservation.reserve(home=tmp_path, last=last) == last

    def test_a_replicas_port_that_another_program_listens_on_moves_the_farm(
        self, reservation: PortReservation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("cluster.local.ports._LAST_BLOCK_PATIENCE_S", 0.5)
        last = reservation.reserve(home=tmp_path, last=None)
        leave_ended_connection(last.direct_http_first)
        with socket.socket() as intruder:
            intruder.bind(("127.0.0.1", last.direct_http_last))
            intruder.listen()
            assert reservation.reserve(home=tmp_path, last=last).block != last.block

    def test_the_block_of_last_time_is_waited_for_once(self, tmp_path: Path) -> None:
        last = FarmPorts.in_block(next(_candidate_blocks(tmp_path, None)), http=1, dashboard=None)
        blocks = list(_candidate_blocks(tmp_path, last))
        assert blocks[0] == last.block
        assert sorted(set(blocks)) == sorted(blocks)

    def test_two_farms_at_the_same_moment_share_no_port(self, tmp_path: Path) -> None:
        one, two = (PortReservation(directory=tmp_path / "locks") for _ in range(2))
        try:
            a, b = (one.reserve(home=tmp_path, last=None), two.reserve(home=tmp_path, last=None))
            assert abs(a.block - b.block) >= 64
            assert a.http != b.http
        finally:
            one.release()
            two.release()

    def test_a_block_of_which_one_port_is_taken_is_left_alone(
        self, reservation: PortReservation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("cluster.local.ports._LAST_BLOCK_PATIENCE_S", 0.5)
        last = reservation.reserve(home=tmp_path, last=None)
        with socket.socket() as intruder:
            intruder.bind(("127.0.0.1", last.gcs))
            intruder.listen()
            assert reservation.reserve(home=tmp_path, last=last).block != last.block

    def test_a_taken_port_that_was_asked_for_is_refused(self, reservation: PortReservation, tmp_path: Path) -> None:
        with socket.socket() as intruder:
            intruder.bind(("127.0.0.1", 0))
            intruder.listen()
            with pytest.raises(PortTaken, match="Ask for another one"):
                reservation.reserve(home=tmp_path, last=None, http=intruder.getsockname()[1])

    def test_ports_that_were_asked_for_are_given(self, reservation: PortReservation, tmp_path: Path) -> None:
        wish = FarmPorts.in_block(31_000, http=1, dashboard=None)
        ports = reservation.reserve(home=tmp_path, last=None, http=wish.gcs, dashboard=wish.metrics)
        assert (ports.http, ports.dashboard) == (wish.gcs, wish.metrics)


class TestRecord:
    def test_it_reads_back_what_was_written(self, tmp_path: Path) -> None:
        home = FarmHome(tmp_path / "farm")
        home.create()
        record = FarmFile(
            stage=Stage.READY,
            ports=FarmPorts.in_block(20_000, http=8700, dashboard=None),
            supervisor=ProcessMark(pid=1, started="x"),
        )
        home.write(record)
        assert home.read() == record
        assert record.api_url == "http://127.0.0.1:8700"

    def test_a_new_home_has_no_record(self, tmp_path: Path) -> None:
        assert FarmHome(tmp_path).read() is None

    def test_a_damaged_record_says_what_to_do(self, tmp_path: Path) -> None:
        (tmp_path / "farm.json").write_text("{")
        with pytest.raises(FarmFileDamaged, match="Move it away"):
            FarmHome(tmp_path).read()

    def test_secrets_are_for_the_owner_only_and_stay(self, tmp_path: Path) -> None:
        home = FarmHome(tmp_path / "farm")
        home.create()
        secrets = [home.ray_token, home.storage_signing_key, home.token_key, home.webhook_key]
        before = [path.read_text() for path in secrets]
        home.create()
        assert [path.stat().st_mode & 0o777 for path in secrets] == [0o600] * 4
        assert [path.read_text() for path in secrets] == before
        assert len(set(before)) == 4


class TestProcessMark:
    def test_a_mark_ends_with_its_process(self) -> None:
        child = sleeper()
        mark = ProcessMark.of(child.pid)
        assert mark is not None
        assert mark.is_alive()
        child.kill()
        assert wait_until(lambda: not mark.is_alive(), timedelta(seconds=5))  # dead already as a zombie
        child.wait()

    def test_a_recycled_pid_is_not_the_process_that_was_meant(self) -> None:
        child = sleeper()
        try:
            mark = ProcessMark.of(child.pid)
            assert mark is not None
            stale = mark.model_copy(update={"started": "an earlier one"})
            assert not stale.is_alive()
            assert stale.send(signal.SIGKILL) is False
            assert child.poll() is None
        finally:
            child.kill()
            child.wait()


class TestProcessesWith:
    def test_they_are_found_by_environment_and_by_their_session_and_strangers_are_not(self) -> None:
        marked = {"RAYFARM_TEST_MARK": "this one"}
        parent = subprocess.Popen(
            ["sh", "-c", "env -i sleep 60 & wait"], env={**marked, "PATH": "/usr/bin:/bin"}, start_new_session=True
        )
        escaped, stranger = sleeper(marked, new_session=True), sleeper({"RAYFARM_TEST_MARK": "another"})
        try:

            def found() -> set[int]:
                return {process.pid for process in processes_with("RAYFARM_TEST_MARK", "this one")}

            assert wait_until(lambda: len(found()) == 3, timedelta(seconds=5))  # the shell, its clean child, escaped
            assert {parent.pid, escaped.pid} <= found()
            assert stranger.pid not in found()
            terminate(lambda: processes_with("RAYFARM_TEST_MARK", "this one"), grace=timedelta(seconds=2))
            assert found() == set()
            assert stranger.poll() is None
        finally:
            for process in (parent, escaped, stranger):
                process.kill()
                process.wait()


class TestBackoff:
    def test_the_first_restart_is_immediate_and_further_ones_wait_twice_as_long(self) -> None:
        backoff = RestartBackoff(
            first=timedelta(seconds=1), longest=timedelta(seconds=5), forgiven_after=timedelta(minutes=5)
        )
        assert [backoff.next_wait(now).total_seconds() for now in range(6)] == [0, 1, 2, 4, 5, 5]

    def test_a_long_life_is_forgiven(self) -> None:
        backoff = RestartBackoff(
            first=timedelta(seconds=1), longest=timedelta(seconds=5), forgiven_after=timedelta(minutes=5)
        )
        assert [backoff.next_wait(now).total_seconds() for now in (0, 1, 301, 302)] == [0, 1, 0, 1]


class TestRaySession:
    def test_every_socket_of_a_farm_below_a_long_path_fits(self, tmp_path: Path) -> None:
        directory = private_dir_of(tmp_path / ("long" * 40))
        node_id = "n" * 56
        for name, value in serve_environment(FarmPorts.in_block(20_000, http=1, dashboard=None), directory).items():
            if name.endswith("SOCKET_PATH"):
                path = Path(value)
                assert len(str(path.parent / node_id / path.name)) <= 97
        assert len(f"{directory}/r/session_2026-11-23_21-02-09_282661_4194304/sockets/plasma_store.sock") <= 107

    def test_whom_uvicorn_believes_is_what_the_production_profile_is_shown(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("FORWARDED_ALLOW_IPS", "*")
        home = FarmHome(tmp_path)
        home.create()
        ports = FarmPorts.in_block(20_000, http=1, dashboard=None)
        told = farm_environment(
            home, LocalFarmSettings(home=tmp_path), FarmFile(ports=ports), database_url="postgresql://"
        )
        session = RaySession(
            home=tmp_path,
            ports=ports,
            token_path=home.ray_token,
            log_path=tmp_path / "ray.log",
            num_cpus=1,
            render_slots=1,
            object_store_bytes=1,
            environment=told,
            start_timeout=timedelta(seconds=1),
        )
        of_ray = session.environment_of("")
        checked = {**of_ray, **told}
        assert of_ray["FORWARDED_ALLOW_IPS"] == checked["FORWARDED_ALLOW_IPS"] == BELIEVED_BY_UVICORN

    def test_two_homes_have_two_directories(self, tmp_path: Path) -> None:
        assert private_dir_of(tmp_path / "a") != private_dir_of(tmp_path / "b")


class TestSettings:
    @pytest.mark.parametrize(("cpus", "slots"), [(1, 1), (2, 1), (4, 1), (8, 2), (16, 4)])
    def test_a_renderer_gets_four_cores(self, cpus: int, slots: int) -> None:
        assert LocalFarmSettings(num_cpus=cpus).slots == slots

    def test_the_supervisor_is_told_what_was_set_and_nothing_else(self, monkeypatch: pytest.MonkeyPatch) -> None:
        told = LocalFarmSettings(
            num_cpus=1, database_url=SecretStr("postgresql://u:p@h/d"), deploy_timeout=timedelta(minutes=2)
        )
        environment = told.as_environment()
        assert environment == {
            "RAYFARM_NUM_CPUS": "1",
            "RAYFARM_DATABASE_URL": "postgresql://u:p@h/d",
            "RAYFARM_DEPLOY_TIMEOUT": "PT2M",
        }
        monkeypatch.delenv("RAYFARM_HOME", raising=False)
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        assert LocalFarmSettings() == told


class TestStep:
    def test_a_failed_step_says_what_it_printed(self, tmp_path: Path) -> None:
        with pytest.raises(CommandFailed, match="no such table"):
            run_step(
                "deploy", [sys.executable, "-c", "raise SystemExit('no such table')"],
                environment={}, log_path=tmp_path / "log", limit=timedelta(seconds=20), give_up=lambda: False,
            )  # fmt: skip

    def test_a_step_that_hangs_is_ended_with_its_children(self, tmp_path: Path) -> None:
        with pytest.raises(CommandFailed, match="did not end in 0 s"):
            run_step(
                "deploy", ["sh", "-c", "sleep 61 & sleep 61"],
                environment={"PATH": "/usr/bin:/bin", "RAYFARM_TEST_MARK": str(tmp_path)},
                log_path=tmp_path / "log", limit=timedelta(seconds=0.2), give_up=lambda: False,
            )  # fmt: skip
        assert wait_until(lambda: not processes_with("RAYFARM_TEST_MARK", str(tmp_path)), timedelta(seconds=5))

    def test_a_step_that_says_it_is_ready_stays_for_who_sweeps_its_session(self, tmp_path: Path) -> None:
        marked = {"PYTHONPATH": os.pathsep.join(sys.path), "RAYFARM_TEST_MARK": str(tmp_path)}
        program = "import signal; from cluster.local.services import say_ready; print(say_ready()) or signal.pause()"
        done = run_step(
            "deploy", [sys.executable, "-c", program],
            environment=marked, log_path=tmp_path / "log", limit=timedelta(seconds=60), give_up=lambda: False,
        )  # fmt: skip
        assert done
        assert len(processes_with("RAYFARM_TEST_MARK", str(tmp_path))) == 1
        assert terminate(lambda: processes_with("RAYFARM_TEST_MARK", str(tmp_path)), grace=timedelta(seconds=5)) == 1


class TestDown:
    def test_a_second_one_waits_for_the_first_and_succeeds(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        place = FarmHome(tmp_path)
        place.create()
        place.write(FarmFile())
        with contextlib.ExitStack() as first:
            first.enter_context(farm_lock(place))
            monkeypatch.setattr(control.time, "sleep", lambda _: first.close())  # while this one waits, the first ends
            assert control.down(tmp_path) is False
        assert control.status(tmp_path).stage is Stage.STOPPED

    def test_one_that_waits_too_long_says_where_to_look(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        place = FarmHome(tmp_path)
        place.create()
        place.write(FarmFile())
        monkeypatch.setattr(control, "_DOWN_WITHIN", timedelta())
        with farm_lock(place), pytest.raises(FarmIsRunning) as refused:
            control.down(tmp_path)
        assert str(place.logs) in (refused.value.remedy or "")

    def test_a_folder_that_was_never_a_farm_is_left_as_it_is(self, tmp_path: Path) -> None:
        assert control.down(tmp_path) is False
        assert list(tmp_path.iterdir()) == []
