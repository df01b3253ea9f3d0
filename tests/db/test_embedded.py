"""The embedded PostgreSQL server, with real processes: start, attach, crash, restart, and nothing left behind."""

from __future__ import annotations

import multiprocessing
import os
import pwd
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import psycopg
import pytest

from db._postgres_process import server_processes
from db.embedded import EmbeddedPostgres, PostgresFailed

REPOSITORY = Path(__file__).resolve().parents[2]

PARENT_THAT_SLEEPS = """
import sys, signal
from pathlib import Path
from db.embedded import EmbeddedPostgres
server = EmbeddedPostgres(root=Path(sys.argv[1])).start()
print(server.pid, flush=True)
signal.pause()
"""


def eventually(condition: Callable[[], bool], *, seconds: float = 15) -> bool:
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True


def run_sql(server: EmbeddedPostgres, statement: str) -> list[tuple[object, ...]]:
    with psycopg.connect(server.url, autocommit=True) as connection:
        cursor = connection.execute(statement)
        return cursor.fetchall() if cursor.description else []


def start_in_another_process(root: Path) -> subprocess.Popen[str]:
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT_THAT_SLEEPS, str(root)],
        cwd=REPOSITORY, env={**os.environ, "PYTHONPATH": str(REPOSITORY)}, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert parent.stdout is not None
    assert parent.stdout.readline().strip().isdigit()
    return parent


def start_and_stop_as(user: pwd.struct_passwd, root: Path) -> None:
    if os.geteuid() == 0:
        os.setgroups([])
        os.setgid(user.pw_gid)
        os.setuid(user.pw_uid)
    server = EmbeddedPostgres(root=root).start()
    assert server.is_alive()
    server.stop()


@pytest.fixture
def root(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A directory below one that only its owner may enter, as a home often is."""
    place = tmp_path_factory.mktemp("pg") / "postgres"
    yield place
    EmbeddedPostgres(root=place).stop()
    assert server_processes(place / "data") == []


@pytest.fixture
def server(root: Path) -> EmbeddedPostgres:
    return EmbeddedPostgres(root=root).start()


class TestStart:
    def test_a_new_server_answers_over_tcp_and_over_its_socket(self, server: EmbeddedPostgres) -> None:
        assert run_sql(server, "select 1") == [(1,)]
        with psycopg.connect(server.socket_url_for("postgres")) as connection:
            assert connection.execute("select 2").fetchall() == [(2,)]

    def test_it_listens_on_loopback_only_and_keeps_fsync_on(self, server: EmbeddedPostgres) -> None:
        addresses = {
            c.laddr.ip for c in psutil.Process(server.pid).net_connections(kind="inet") if c.status == "LISTEN"
        }
        assert addresses == {"127.0.0.1"}
        assert run_sql(server, "select current_setting('fsync'), current_setting('full_page_writes')") == [("on", "on")]

    def test_the_password_is_secret_and_required(self, server: EmbeddedPostgres) -> None:
        assert (server.root / "password").stat().st_mode & 0o777 == 0o600
        password = (server.root / "password").read_text()
        assert password not in " ".join(psutil.Process(server.pid).cmdline())
        with pytest.raises(psycopg.OperationalError, match="password"):
            psycopg.connect(server.url.replace(password, "guess"))

    def test_a_closed_parent_directory_keeps_its_mode(self, server: EmbeddedPostgres) -> None:
        assert server.root.parent.stat().st_mode & 0o777 == 0o700

    def test_it_never_runs_as_root(self, server: EmbeddedPostgres) -> None:
        owner = psutil.Process(server.pid).uids().effective
        assert owner != 0
        assert (server.root / "data").stat().st_uid == owner

    def test_a_second_start_attaches_to_the_first(self, server: EmbeddedPostgres) -> None:
        second = EmbeddedPostgres(root=server.root).start()
        assert second.attached
        assert (second.pid, second.url) == (server.pid, server.url)

    def test_two_roots_are_two_servers(self, server: EmbeddedPostgres, tmp_path: Path) -> None:
        other = EmbeddedPostgres(root=tmp_path / "other").start()
        try:
            run_sql(server, "create table here(i int)")
            assert other.port != server.port
            assert run_sql(other, "select to_regclass('here')") == [(None,)]
        finally:
            other.stop()

    def test_a_very_long_path_still_gets_a_socket(self, tmp_path: Path) -> None:
        server = EmbeddedPostgres(root=tmp_path / ("long" * 25) / "postgres").start()
        try:
            with psycopg.connect(server.socket_url_for("postgres")) as connection:
                assert connection.execute("select 1").fetchall() == [(1,)]
        finally:
            server.stop()
        assert not server.socket_dir.exists()

    def test_an_interrupted_initdb_is_begun_again(self, root: Path) -> None:
        (root / "data.init").mkdir(parents=True)
        (root / "data.init" / "PG_VERSION").write_text("18\n")
        assert run_sql(EmbeddedPostgres(root=root).start(), "select 1") == [(1,)]

    def test_a_normal_user_runs_it_under_its_own_name(self) -> None:
        user = pwd.getpwnam("nobody") if os.geteuid() == 0 else pwd.getpwuid(os.geteuid())
        with tempfile.TemporaryDirectory(dir="/tmp") as place:
            os.chown(place, user.pw_uid, user.pw_gid)
            root = Path(place) / "pg"
            child = multiprocessing.get_context("fork").Process(target=start_and_stop_as, args=(user, root))
            child.start()
            child.join(60)
            assert child.exitcode == 0
            assert (root / "data").stat().st_uid == user.pw_uid
            assert "database system is shut down" in (root / "postgres.log").read_text()


class TestPort:
    def test_the_port_stays_over_restarts(self, server: EmbeddedPostgres) -> None:
        port = server.port
        server.stop()
        assert EmbeddedPostgres(root=server.root).start().port == port

    def test_a_port_taken_meanwhile_is_replaced_and_the_new_one_kept(self, server: EmbeddedPostgres) -> None:
        old = server.port
        server.stop()
        with socket.socket() as intruder:
            intruder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            intruder.bind(("127.0.0.1", old))
            intruder.listen()
            moved = EmbeddedPostgres(root=server.root).start()
            assert moved.port != old
            assert run_sql(moved, "select 1") == [(1,)]
        assert (server.root / "port").read_text() == str(moved.port)

    def test_a_taken_port_that_was_asked_for_is_refused(self, root: Path) -> None:
        with socket.socket() as intruder:
            intruder.bind(("127.0.0.1", 0))
            intruder.listen()
            with pytest.raises(PostgresFailed, match=r"taken by another program.*Choose another port"):
                EmbeddedPostgres(root=root, port=intruder.getsockname()[1]).start()


class TestCrash:
    def test_committed_rows_survive_a_killed_postmaster(self, server: EmbeddedPostgres) -> None:
        port = server.port
        run_sql(server, "create table kept as select generate_series(1, 1000) as i")
        os.kill(server.pid or 0, signal.SIGKILL)
        assert eventually(lambda: not server.is_alive())
        again = EmbeddedPostgres(root=server.root).start()
        assert not again.attached
        assert again.port == port
        assert run_sql(again, "select count(*) from kept") == [(1000,)]

    def test_a_backend_in_a_long_statement_does_not_block_the_next_start(self, server: EmbeddedPostgres) -> None:
        with psycopg.connect(server.url, autocommit=True) as busy:
            backend = busy.info.backend_pid
            os.kill(backend, signal.SIGSTOP)  # it cannot notice that its postmaster is gone
            os.kill(server.pid or 0, signal.SIGKILL)
            again = EmbeddedPostgres(root=server.root).start()
        assert run_sql(again, "select 1") == [(1,)]
        assert not psutil.pid_exists(backend) or psutil.Process(backend).status() == psutil.STATUS_ZOMBIE

    def test_a_stranger_with_the_recorded_pid_neither_blocks_nor_suffers(self, server: EmbeddedPostgres) -> None:
        server.stop()
        stranger = subprocess.Popen(["sleep", "60"])
        try:
            pid_file = server.data / "postmaster.pid"
            pid_file.write_text(f"{stranger.pid}\n{server.data}\n0\n{server.port}\n{server.socket_dir}\n127.0.0.1\n")
            again = EmbeddedPostgres(root=server.root).start()
            assert not again.attached
            assert stranger.poll() is None
        finally:
            stranger.kill()
            stranger.wait()

    def test_the_server_ends_cleanly_when_its_parent_is_killed(self, root: Path) -> None:
        parent = start_in_another_process(root)
        assert server_processes(root / "data")
        parent.kill()
        parent.wait()
        assert eventually(lambda: not server_processes(root / "data"))
        assert "database system is shut down" in (root / "postgres.log").read_text()

    def test_an_attached_server_can_be_stopped_by_the_one_who_found_it(self, root: Path) -> None:
        parent = start_in_another_process(root)
        try:
            found = EmbeddedPostgres(root=root).start()
            assert found.attached
            found.stop()
            assert server_processes(root / "data") == []
        finally:
            parent.kill()
            parent.wait()

    def test_a_server_that_cannot_start_says_what_its_log_says(self, server: EmbeddedPostgres) -> None:
        server.stop()
        with (server.data / "postgresql.conf").open("a") as configuration:
            configuration.write("no_such_setting = 1\n")
        with pytest.raises(PostgresFailed, match="no_such_setting"):
            EmbeddedPostgres(root=server.root).start()
