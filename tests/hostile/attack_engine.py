"""An engine that has been taken over: its model says what to try, its report what came of it."""

from __future__ import annotations

import ctypes
import errno
import fcntl
import json
import os
import platform
import resource
import signal
import socket
import struct
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pipelines.base import FrameOutput, FrameRequest, LoadReport, ModelFiles, ProgressCallback
from tests.hostile.hoards import HOARDS

_LIBC = ctypes.CDLL(None, use_errno=True)
_MIB = 2**20
_F_SETOWN_EX = 15


class AttackEngine:
    """``{"attack": name, …}`` in the model's main file; ``worked`` or ``refused`` (the errno's name) in the report."""

    def load(self, model: ModelFiles) -> LoadReport:
        wishes = json.loads(model.main_path.read_text())
        attack: Callable[..., Any] = _ATTACKS[wishes.pop("attack")]
        try:
            details = {"worked": attack(**wishes)}
        except OSError as error:
            details = {"refused": errno.errorcode.get(error.errno or 0, str(error))}
        return LoadReport(seconds=0, details=details)

    def render(self, request: FrameRequest, progress: ProgressCallback) -> FrameOutput:
        raise NotImplementedError


def create_engine() -> AttackEngine:
    return AttackEngine()


def connect(port: int) -> str:
    """Over the network, to a server on this machine."""
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        return connection.recv(16).decode()


def connect_to_file(path: str) -> str:
    """To a server's socket in a folder, as the database has one."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(path)
        return connection.recv(16).decode()


def send_from_a_pair(path: str) -> int:
    """A datagram to a socket in a folder, from one end of a pair of its own."""
    one, _other = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    return one.sendto(b"hello", path)


def fork() -> int:
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)
    return 1


def start_program() -> int:
    return os.posix_spawn("/bin/true", ["true"], {})


def start_threads(count: int) -> int:
    for _ in range(count):
        threading.Thread(target=threading.Event().wait, daemon=True).start()
    return _for_ever()


def allocate(mib: int) -> int:
    held = [b"\x01" * _MIB for _ in range(mib)]
    return len(held) + _for_ever()


def write_one_file(folder: str, mib: int) -> int:
    with (Path(folder) / "big").open("wb", buffering=0) as file:
        for _ in range(mib):
            if file.write(bytes(_MIB)) < _MIB:
                raise OSError(errno.EFBIG, "the write was cut short")
    return mib


def write_many_files(folder: str, count: int, mib: int) -> int:
    for number in range(count):
        (Path(folder) / f"part-{number}").write_bytes(b"\x01" * (mib * _MIB))
    return _for_ever()


def bury_a_file(folder: str, depth: int, mib: int) -> int:
    """So deep that nobody who calls a function for each level gets there."""
    here = os.open(folder, os.O_RDONLY)
    for _ in range(depth):
        os.mkdir("d", dir_fd=here)
        below = os.open("d", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
    deepest = os.open("big", os.O_CREAT | os.O_WRONLY, dir_fd=here)
    for _ in range(mib):
        os.write(deepest, b"\x01" * _MIB)
    return _for_ever()


def write_nameless_files(folder: str, count: int, mib: int) -> int:
    """Deleted while they are open, so that no folder shows them."""
    held = []
    for number in range(count):
        path = Path(folder) / f"gone-{number}"
        file = path.open("wb")
        path.unlink()
        file.write(b"\x01" * (mib * _MIB))
        file.flush()
        held.append(file)
    return _for_ever()


def print_much(mib: int) -> int:
    """To the log that the farm keeps the end of."""
    line = b"x" * 1023 + b"\n"
    for _ in range(mib * 1024):
        os.write(1, line)
    return mib


def read(path: str) -> str:
    return Path(path).read_bytes().decode(errors="replace")


def write(path: str, text: str) -> int:
    return Path(path).write_text(text)


def change_mode(path: str) -> int:
    Path(path).chmod(0o777)
    return 0


def change_mode_of_open(path: str) -> int:
    """Through a descriptor that may only read."""
    with Path(path).open("rb") as file:
        os.fchmod(file.fileno(), 0o777)
    return 0


def change_owner(path: str) -> int:
    """To the same: the kernel asks for the same right."""
    os.chown(path, os.getuid(), os.getgid())
    return 0


def change_times(path: str) -> int:
    os.utime(path, (0, 0))
    return 0


def add_attribute(path: str) -> int:
    os.setxattr(path, "user.owned", b"yes")
    return 0


def set_flags(path: str) -> int:
    """By ioctl, as chattr does (FS_IOC_SETFLAGS, FS_NODUMP_FL)."""
    with Path(path).open("rb") as file:
        fcntl.ioctl(file.fileno(), 0x40086602, struct.pack("l", 0x40))
    return 0


def truncate(path: str) -> int:
    os.truncate(path, 0)
    return 0


def empty_by_opening(path: str, mode: int) -> int:
    """Opened to read (0) or for no use at all (3), and emptied by it."""
    os.close(os.open(path, mode | os.O_TRUNC))
    return 0


def write_and_cut(path: str) -> int:
    """What it may: write a file of its own, cut it through its descriptor, write it anew."""
    with Path(path).open("wb") as file:
        file.write(b"0123456789")
        file.truncate(4)
    size = Path(path).stat().st_size
    Path(path).write_bytes(b"")
    Path(path).replace(Path(path).with_suffix(".moved"))
    return size


def list_folder(path: str) -> list[str]:
    return sorted(entry.name for entry in Path(path).iterdir())


def kill(pid: int) -> int:
    os.kill(pid, signal.SIGKILL)
    return pid


def kill_by_pipe(pid: int, by: str) -> int:
    """Let the kernel signal another process, as the owner of a pipe to which something is written."""
    reading, writing = os.pipe()
    if by == "F_SETOWN":
        fcntl.fcntl(reading, fcntl.F_SETOWN, pid)
    else:
        fcntl.fcntl(reading, _F_SETOWN_EX, struct.pack("ii", 1, pid))  # F_OWNER_PID
    fcntl.fcntl(reading, fcntl.F_SETSIG, signal.SIGKILL)
    fcntl.fcntl(reading, fcntl.F_SETFL, os.O_ASYNC)
    os.write(writing, b"x")
    return pid


def choose_the_signal() -> int:
    """Of a file that the engine owns itself."""
    return int(fcntl.fcntl(os.pipe()[0], fcntl.F_SETSIG, signal.SIGURG))


def own_a_socket(pid: int, request: int) -> int:
    """Another process becomes the one that hears of what comes in, by an ioctl."""
    fcntl.ioctl(socket.socketpair()[0], request, struct.pack("i", pid))
    return pid


def limit(pid: int) -> int:
    resource.prlimit(pid, resource.RLIMIT_CORE, (0, 0))
    return pid


def slow_down(pid: int, by: str) -> int:
    """Another process gets less of the machine, of which the same user's asking is enough."""
    match by:
        case "nice":
            os.setpriority(os.PRIO_PROCESS, pid, 19)
        case "idle":
            os.sched_setscheduler(pid, os.SCHED_IDLE, os.sched_param(0))
        case "one core":
            os.sched_setaffinity(pid, {min(os.sched_getaffinity(0))})
        case "disk":
            number = 251 if platform.machine() == "x86_64" else 30
            _call_libc(_LIBC.syscall, number, 1, pid, 3 << 13)  # IOPRIO_WHO_PROCESS, IOPRIO_CLASS_IDLE
    return pid


def choose_a_core() -> int:
    """For itself, and its priority, as libraries do."""
    os.nice(1)
    core = min(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {core})
    return core


def outlive_the_parent() -> int:
    """Take back the signal that ends it with its parent."""
    return _call_libc(_LIBC.prctl, 1, 0, 0, 0, 0)


def system_calls(names: list[str]) -> dict[str, str]:
    """What the kernel answers to calls with senseless arguments: name -> errno."""
    answers = {}
    for name in names:
        number = _NUMBERS[name][0 if platform.machine() == "x86_64" else 1]
        result = _LIBC.syscall(number, -1, -1, -1, -1, -1)
        answers[name] = "worked" if result >= 0 else errno.errorcode[ctypes.get_errno()]
    return answers


def _call_libc(function: Any, *arguments: Any) -> int:
    if function(*arguments) != 0:
        raise OSError(ctypes.get_errno(), "refused")
    return 0


def _for_ever() -> int:
    threading.Event().wait()
    return 0


_NUMBERS = {
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "pidfd_getfd": (438, 438),
    "mount": (165, 40),
    "unshare": (272, 97),
    "setns": (308, 268),
    "open_by_handle_at": (304, 265),
    "finit_module": (313, 273),
    "kexec_file_load": (320, 294),
    "keyctl": (250, 219),
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "io_uring_setup": (425, 425),
    "shmget": (29, 194),
    "shmctl": (31, 195),
    "semctl": (66, 191),
    "semop": (65, 193),
    "msgctl": (71, 187),
    "mq_unlink": (241, 181),
    "sched_setattr": (314, 274),
    "fchmod": (91, 52),
    "fchmodat": (268, 53),
    "fchmodat2": (452, 452),
    "fchown": (93, 55),
    "fchownat": (260, 54),
    "utimensat": (280, 88),
    "setxattr": (188, 5),
    "lsetxattr": (189, 6),
    "fsetxattr": (190, 7),
    "setxattrat": (463, 463),
    "removexattr": (197, 14),
    "lremovexattr": (198, 15),
    "fremovexattr": (199, 16),
    "removexattrat": (466, 466),
    "file_setattr": (469, 469),
    "truncate": (76, 45),
    "openat2": (437, 437),
}
_ATTACKS: dict[str, Callable[..., Any]] = {
    attack.__name__: attack
    for attack in (
        *(connect, connect_to_file, send_from_a_pair, fork, start_program, start_threads, allocate, kill, limit),
        *(bury_a_file, write_one_file, write_many_files, write_nameless_files, print_much, read, write, list_folder),
        *(outlive_the_parent, system_calls, kill_by_pipe, choose_the_signal, own_a_socket),
        *(change_mode, change_mode_of_open, change_owner, change_times, add_attribute, set_flags),
        *(truncate, empty_by_opening, write_and_cut, slow_down, choose_a_core),
        *HOARDS,
    )
}
