"""An engine that a scene has taken over is refused or contained; each attack works where its guard is taken away."""

from __future__ import annotations

import os
import resource
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from jobs.states import EndReason
from pipelines.errors import EngineCrashed, EngineError
from pipelines.sandbox import SandboxLevel, SandboxReport
from tests.hostile.conftest import Attack

SECRET = "postgresql://rayfarm:hunter2@db/rayfarm"
UNGUARDED = {"filter_calls": False, "confine_files": False, "unshare_network": False}

_ORDINARY = (
    "import ctypes, sys; "
    "ctypes.CDLL(None).capset((ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)()); "
    "print('ready', flush=True); sys.stdin.read()"
)
"""A process without rights, as most are: what an engine without rights may do to it is up to the sandbox alone."""


@pytest.fixture
def victim() -> Iterator[subprocess.Popen[bytes]]:
    """Another process of the farm's user that knows the database."""
    process = subprocess.Popen(
        [sys.executable, "-c", _ORDINARY],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "RAYFARM_DATABASE_URL": SECRET},
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    yield process
    process.kill()
    process.communicate()


def serve(listener: socket.socket) -> None:
    """Greet whoever connects."""

    def answer() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                connection.sendall(b"welcome")

    listener.listen()
    threading.Thread(target=answer, daemon=True).start()


class TestNetwork:
    async def test_no_server_can_be_reached_over_the_network(self, attack: Attack) -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            serve(listener)
            port = listener.getsockname()[1]
            assert await attack("connect", port=port) == {"refused": "EPERM"}
            assert "refused" in await attack("connect", port=port, settings={"filter_calls": False})
            assert await attack("connect", port=port, settings=UNGUARDED) == {"worked": "welcome"}

    async def test_nor_through_a_socket_that_is_a_file(self, attack: Attack, tmp_path: Path) -> None:
        path = tmp_path / "database.sock"
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(path))
            serve(listener)
            assert await attack("connect_to_file", path=str(path)) == {"refused": "EPERM"}
            # Neither an empty network nor Landlock guards these: the filter does.
            without = await attack("connect_to_file", path=str(path), settings={"filter_calls": False})
            assert without == {"worked": "welcome"}

    async def test_nor_by_a_datagram_from_a_pair_of_its_own(self, attack: Attack, tmp_path: Path) -> None:
        path = tmp_path / "log.sock"
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
            listener.bind(str(path))
            assert await attack("send_from_a_pair", path=str(path)) == {"refused": "EPERM"}
            assert await attack("send_from_a_pair", path=str(path), settings=UNGUARDED) == {"worked": 5}


class TestProcesses:
    @pytest.mark.parametrize("name", ["fork", "start_program"])
    async def test_a_fork_bomb_does_not_begin(self, attack: Attack, name: str) -> None:
        assert await attack(name) == {"refused": "EPERM"}
        assert "worked" in await attack(name, settings={"filter_calls": False})

    async def test_a_bomb_of_threads_is_ended(self, attack: Attack) -> None:
        with pytest.raises(EngineError, match="thread") as caught:
            await attack("start_threads", count=400, settings={"max_threads": 100})
        assert caught.value.reason is EndReason.ENGINE_ERROR

    async def test_no_other_process_can_be_killed(self, attack: Attack, victim: subprocess.Popen[bytes]) -> None:
        for guards in ({}, {"filter_calls": False}, {"confine_files": False}):
            answer = await attack("kill", pid=victim.pid, settings=guards)
            if guards.get("filter_calls", True):
                assert answer == {"refused": "EPERM"}, guards
        assert await attack("kill", pid=os.getpid()) == {"refused": "EPERM"}

    async def test_which_works_without_the_guards(self, attack: Attack, victim: subprocess.Popen[bytes]) -> None:
        assert await attack("kill", pid=victim.pid, settings=UNGUARDED) == {"worked": victim.pid}
        assert victim.wait(timeout=10) < 0

    @pytest.mark.parametrize("by", ["F_SETOWN", "F_SETOWN_EX"])
    async def test_nor_by_the_kernel_as_the_owner_of_a_pipe(
        self, attack: Attack, victim: subprocess.Popen[bytes], by: str
    ) -> None:
        alone = {"confine_files": False}  # newer kernels' Landlock stands behind the filter
        assert await attack("kill_by_pipe", pid=victim.pid, by=by, settings=alone) == {"refused": "EPERM"}
        assert victim.poll() is None
        assert await attack("kill_by_pipe", pid=victim.pid, by=by, settings=UNGUARDED) == {"worked": victim.pid}
        assert victim.wait(timeout=10) == -signal.SIGKILL

    async def test_nor_can_it_choose_what_signal_a_file_sends(self, attack: Attack) -> None:
        assert await attack("choose_the_signal") == {"refused": "EPERM"}
        assert "worked" in await attack("choose_the_signal", settings=UNGUARDED)

    @pytest.mark.parametrize("number", [0x8901, 0x8902], ids=["FIOSETOWN", "SIOCSPGRP"])
    async def test_nor_give_a_socket_to_another_process(
        self, attack: Attack, victim: subprocess.Popen[bytes], number: int
    ) -> None:
        wishes = {"pid": victim.pid, "request": number}
        assert await attack("own_a_socket", **wishes, settings={"confine_files": False}) == {"refused": "EPERM"}
        assert await attack("own_a_socket", **wishes, settings=UNGUARDED) == {"worked": victim.pid}

    async def test_no_other_process_can_be_limited(self, attack: Attack, victim: subprocess.Popen[bytes]) -> None:
        before = resource.prlimit(victim.pid, resource.RLIMIT_CORE)
        resource.prlimit(victim.pid, resource.RLIMIT_CORE, (before[1], before[1]))
        assert await attack("limit", pid=victim.pid) == {"refused": "EPERM"}
        assert await attack("limit", pid=victim.pid, settings=UNGUARDED) == {"worked": victim.pid}

    @pytest.mark.parametrize("by", ["nice", "idle", "one core", "disk"])
    async def test_no_other_process_can_be_slowed_down(
        self, attack: Attack, victim: subprocess.Popen[bytes], by: str
    ) -> None:
        assert await attack("slow_down", pid=victim.pid, by=by) == {"refused": "EPERM"}
        assert await attack("slow_down", pid=victim.pid, by=by, settings=UNGUARDED) == {"worked": victim.pid}

    async def test_while_it_may_choose_a_core_for_itself(self, attack: Attack) -> None:
        assert "worked" in await attack("choose_a_core")

    async def test_it_cannot_make_itself_outlive_the_farm(self, attack: Attack) -> None:
        assert await attack("outlive_the_parent") == {"refused": "EPERM"}
        assert "worked" in await attack("outlive_the_parent", settings={"filter_calls": False})

    async def test_system_calls_that_no_renderer_needs_are_refused(self, attack: Attack) -> None:
        names = ["ptrace", "process_vm_readv", "pidfd_getfd", "mount", "unshare", "setns", "open_by_handle_at"]
        names += ["finit_module", "kexec_file_load", "keyctl", "bpf", "perf_event_open", "userfaultfd", "shmget"]
        names += ["shmctl", "semctl", "semop", "msgctl", "mq_unlink", "sched_setattr"]  # what other processes have
        answers = (await attack("system_calls", names=[*names, "io_uring_setup"]))["worked"]
        assert answers == {**dict.fromkeys(names, "EPERM"), "io_uring_setup": "ENOSYS"}
        unfiltered = (await attack("system_calls", names=["keyctl", "process_vm_readv"], settings=UNGUARDED))["worked"]
        assert "EPERM" not in unfiltered.values()


class TestSecrets:
    async def test_the_database_url_in_another_process_cannot_be_read(
        self, attack: Attack, victim: subprocess.Popen[bytes]
    ) -> None:
        path = f"/proc/{victim.pid}/environ"
        assert "refused" in await attack("read", path=path)
        assert SECRET in (await attack("read", path=path, settings={"confine_files": False}))["worked"]

    async def test_nor_a_model_of_another_project(self, attack: Attack, tmp_path: Path) -> None:
        blob = tmp_path / "projects" / "theirs" / "scene.blend"
        blob.parent.mkdir(parents=True)
        blob.write_text("their scene")
        assert await attack("read", path=str(blob)) == {"refused": "EACCES"}
        assert await attack("list_folder", path=str(blob.parent)) == {"refused": "EACCES"}
        assert await attack("write", path=str(blob), text="defaced") == {"refused": "EACCES"}
        assert await attack("read", path=str(blob), settings={"confine_files": False}) == {"worked": "their scene"}

    async def test_shared_memory_does_not_show_whose_frames_lie_there(self, attack: Attack) -> None:
        assert await attack("list_folder", path="/dev/shm") == {"refused": "EACCES"}
        assert "worked" in await attack("list_folder", path="/dev/shm", settings={"confine_files": False})

    async def test_the_kernels_switches_cannot_be_thrown(self, attack: Attack, victim: subprocess.Popen[bytes]) -> None:
        path = f"/proc/{victim.pid}/oom_score_adj"  # as harmless as one gets: sysrq-trigger would end this machine
        assert await attack("write", path=path, text="900") == {"refused": "EACCES"}
        assert await attack("write", path=path, text="900", settings={"confine_files": False}) == {"worked": 3}


class TestCompiledKernels:
    @pytest.fixture(autouse=True)
    def card(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        """A machine that has a driver's control device, and a user whose folders of kernels are where drivers look."""
        monkeypatch.setattr("pipelines.cycles.pipeline._NVIDIA_CONTROL", Path(os.devnull))
        monkeypatch.setenv("HOME", str(tmp_path / "home"))
        monkeypatch.setenv("CUDA_CACHE_PATH", str(tmp_path / "home" / "cuda"))

    async def test_those_of_another_project_are_neither_read_nor_written(self, attack: Attack, tmp_path: Path) -> None:
        ours, theirs = tmp_path / "kernels" / "ours", tmp_path / "kernels" / "theirs"
        for folder in (ours, theirs):
            folder.mkdir(parents=True)
            (folder / "kernel").write_text("code")
        where = {"pipeline": "cycles", "kernels": ours}
        assert await attack("write", path=str(ours / "kernel"), text="new", **where) == {"worked": 3}
        assert await attack("write", path=str(theirs / "kernel"), text="new", **where) == {"refused": "EACCES"}
        assert await attack("read", path=str(theirs / "kernel"), **where) == {"refused": "EACCES"}

    async def test_nor_those_that_any_engine_of_this_user_would_run(self, attack: Attack, tmp_path: Path) -> None:
        for name in (".nv", ".cache/cycles", "cuda"):
            path = tmp_path / "home" / name / "kernel"
            path.parent.mkdir(parents=True)
            path.write_text("code")
            assert await attack("write", path=str(path), text="new", pipeline="cycles") == {"refused": "EACCES"}, name
            assert await attack("read", path=str(path), pipeline="cycles") == {"refused": "EACCES"}, name

    async def test_who_deletes_some_may_write_no_more_elsewhere(self, attack: Attack, tmp_path: Path) -> None:
        ours = tmp_path / "kernels" / "ours"
        ours.mkdir(parents=True)
        (ours / "kernel").write_bytes(os.urandom(12 * 2**20))
        wishes = {"old": str(ours / "kernel"), "folder": str(tmp_path / "work"), "count": 5, "mib": 4}
        with pytest.raises(EngineCrashed, match=r"wrote \d+ MiB of files; it may hold 16 MiB"):
            await attack("trade_files", pipeline="cycles", kernels=ours, settings={"scratch_bytes": "16MiB"}, **wishes)

    async def test_what_lies_in_the_place_of_a_folder_stops_no_engine(self, attack: Attack, tmp_path: Path) -> None:
        ours = tmp_path / "kernels" / "ours"
        ours.mkdir(parents=True)
        (ours / "cuda").symlink_to("/nowhere")
        (ours / "optix").write_text("a file")
        assert "worked" in await attack("choose_a_core", pipeline="cycles", kernels=ours)


CHANGES: dict[str, tuple[str, dict[str, int]]] = {
    "mode": ("change_mode", {}),
    "mode, open to read": ("change_mode_of_open", {}),
    "owner": ("change_owner", {}),
    "times": ("change_times", {}),
    "attribute": ("add_attribute", {}),
    "flags": ("set_flags", {}),
    "cut": ("truncate", {}),
    "emptied, open to read": ("empty_by_opening", {"mode": os.O_RDONLY}),
    "emptied, open for nothing": ("empty_by_opening", {"mode": os.O_ACCMODE}),
}
"""Ways to change a file that Landlock knows not at all, or not in each of its versions."""


class TestFilesThatItMayReadOnly:
    @pytest.mark.parametrize("change", CHANGES)
    async def test_are_not_changed(self, attack: Attack, tmp_path: Path, change: str) -> None:
        name, wishes = CHANGES[change]
        texture = tmp_path / "projects" / "ours" / "texture.png"  # beside the model: the farm's, for all its engines
        texture.parent.mkdir(parents=True)
        texture.write_text("paint")
        texture.chmod(0o644)
        before = texture.stat()
        # The filter alone too: what newer kernels' Landlock guards, older ones' does not.
        for guards in ({"confine_files": False}, {}):
            assert await attack(name, path=str(texture), **wishes, settings=guards) == {"refused": "EPERM"}, guards
        assert texture.read_text() == "paint"
        assert tuple(texture.stat())[:7] == tuple(before)[:7]
        assert texture.stat().st_mtime_ns == before.st_mtime_ns
        if change in ("attribute", "flags"):  # not every file system has them
            assert await attack(name, path=str(texture), settings=UNGUARDED) != {"refused": "EPERM"}
        else:
            assert await attack(name, path=str(texture), **wishes, settings=UNGUARDED) == {"worked": 0}

    async def test_while_its_own_are_written_cut_and_moved(self, attack: Attack, tmp_path: Path) -> None:
        assert await attack("write_and_cut", path=str(tmp_path / "work" / "own")) == {"worked": 4}

    async def test_no_call_of_these_families_is_left(self, attack: Attack) -> None:
        families = ["fchmod", "fchmodat", "fchmodat2", "fchown", "fchownat", "utimensat", "truncate", "file_setattr"]
        families += [f"{verb}{end}" for verb in ("set", "remove") for end in ("xattr", "xattrat")]
        families += [f"{kind}{verb}xattr" for kind in "lf" for verb in ("set", "remove")]
        answers = (await attack("system_calls", names=[*families, "openat2"]))["worked"]
        assert answers == {**dict.fromkeys(families, "EPERM"), "openat2": "ENOSYS"}
        assert "EPERM" not in (await attack("system_calls", names=families, settings=UNGUARDED))["worked"].values()


class TestLevel:
    def report(self, **parts: str) -> SandboxReport:
        whole = {"network": "none", "files": "confined", "calls": "filtered", "rights": "none", **parts}
        return SandboxReport(nice=0, **whole)

    def test_the_level_is_what_is_in_force_and_the_report_names_what_is_missing(self) -> None:
        assert (self.report().level, self.report().missing) == (SandboxLevel.FULL, ())
        partial = self.report(files="unconfined")
        assert (partial.level, partial.missing) == (SandboxLevel.PARTIAL, ("files confined",))
        none = self.report(network="shared", files="unconfined", calls="unfiltered")
        assert none.level is SandboxLevel.NONE

    async def test_no_engine_starts_below_the_level_that_the_operator_requires(self, attack: Attack) -> None:
        wanted = {"require_sandbox": "full"}
        if "refused" not in await attack("fork", settings=wanted):
            pytest.fail("a full sandbox let a process fork")
        with pytest.raises(EngineError, match=r"sandbox is partial here.*requires full.*files confined") as caught:
            await attack("fork", settings={**wanted, "confine_files": False})
        assert caught.value.reason is EndReason.INFRA
        with pytest.raises(EngineError, match="sandbox is none here"):
            await attack("fork", settings={**UNGUARDED, "require_sandbox": "partial"})
