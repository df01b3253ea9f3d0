"""What a child process may see and do: environment, priorities, limits, network, files. Stdlib only."""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import sys
import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from enum import Enum, StrEnum
from pathlib import Path

from pipelines import _landlock, _seccomp

ALLOWED_ENVIRONMENT = frozenset(
    {
        # where programs and libraries are
        "PATH",
        "HOME",
        "LD_LIBRARY_PATH",
        # language and time
        "LANG",
        "LC_ALL",
        "LC_CTYPE",
        "TZ",
        # which GPU is ours, and where drivers keep compiled kernels (minutes to build)
        "CUDA_VISIBLE_DEVICES",
        "CUDA_DEVICE_ORDER",
        "CUDA_CACHE_PATH",
        "CUDA_CACHE_MAXSIZE",
        "NVIDIA_VISIBLE_DEVICES",
        "NVIDIA_DRIVER_CAPABILITIES",
        "OPTIX_CACHE_PATH",
        "HIP_VISIBLE_DEVICES",
        "ROCR_VISIBLE_DEVICES",
        "ONEAPI_DEVICE_SELECTOR",
        "XDG_CACHE_HOME",
        # which LLVM Mitsuba computes with: the parent says in the name of the engine's version whether there is one
        "DRJIT_LIBLLVM_PATH",
    }
)
"""Everything else (keys, tokens, database URLs, Ray's OMP_NUM_THREADS=1) stays with the parent."""

ORDERS = "RAYFARM_ENGINE_ORDERS"
"""Environment variable of a child: its limits and folders as JSON."""

_SOURCE = Path(__file__).resolve().parents[1]
_SOURCE_PACKAGES = ("jobs", "models", "pipelines")
"""All that a child imports of ours. The folder itself is not for it: a checkout holds `.rayfarm` and its keys."""
_SYSTEM = tuple(
    Path(path)
    for path in (
        *("/usr", "/lib", "/lib32", "/lib64", "/bin", "/sbin", "/nix/store", "/run/opengl-driver", "/sys"),
        *("/opt/rocm", "/opt/intel", "/opt/nvidia"),
        # /etc by name: shadow, private keys and service credentials are in it
        *("/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.conf.d", "/etc/ld.so.preload", "/etc/alternatives"),
        *("/etc/localtime", "/etc/timezone", "/etc/passwd", "/etc/group", "/etc/nsswitch.conf", "/etc/machine-id"),
        *("/etc/fonts", "/var/cache/fontconfig", "/etc/OpenCL", "/etc/vulkan", "/etc/glvnd", "/etc/egl", "/etc/nvidia"),
        *("/etc/drirc", "/etc/cufile.json"),
    )
)

_AUTOGROUP_ENABLED = Path("/proc/sys/kernel/sched_autogroup_enabled")
_SESSION_PAUSE_S = 0.02
_SESSION_PATIENCE_S = 3
"""Some thirty engines that start at once get their turn."""
_PR_SET_PDEATHSIG = 1
_PR_SET_NO_NEW_PRIVS = 38
_CLONE_NEWUSER = 0x10000000
_CLONE_NEWNET = 0x40000000


class SandboxLevel(StrEnum):
    """How much of the sandbox is in force."""

    NONE = "none"
    """The engine may do whatever the farm's own user may."""
    PARTIAL = "partial"
    """Some of it: the report names what is missing."""
    FULL = "full"
    """No network, no files but its own, no rights, and none of the system calls that reach for others."""

    @property
    def rank(self) -> int:
        return list(SandboxLevel).index(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxLimits:
    """What the parent asks the child to put on itself."""

    nice: int
    oom_score_adj: int
    max_open_files: int
    max_threads: int
    """Of the process; the parent watches it too, as the kernel exempts root."""
    max_file_bytes: int
    """Longest file that it may write."""
    unshare_network: bool
    confine_files: bool
    filter_calls: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxReport:
    """What is really in force in the child."""

    network: str
    """``none``: an empty network namespace, or no sockets at all; ``shared``: the machine's network."""
    files: str
    """``confined``: it writes only its own folders, and reads only these, its models and the system's libraries;
    ``unconfined``: whatever the user of the process may. What Landlock does not know (permissions, owners, times,
    attributes; before its third version the emptying of files) is guarded by ``calls``, and ``full`` takes both."""
    calls: str
    """``filtered``: no process to start, signal, trace, limit or slow, no attributes of files to change, no mounts,
    modules, keys, BPF, io_uring and, without a network, no sockets; ``unfiltered``: what the kernel lets any do."""
    rights: str
    """``none``: no capability; ``kept``: those of the farm's user."""
    nice: int
    session_nice: int | None = None
    """Of the engine's session, by which the kernel shares out busy cores first (sched(7), autogroup); None: it does not
    here, and ``nice`` alone counts."""

    @property
    def missing(self) -> tuple[str, ...]:
        """The parts that are not in force, in words."""
        wanted = {
            "no network": self.network == "none",
            "files confined": self.files == "confined",
            "system calls filtered": self.calls == "filtered",
            "no rights": self.rights == "none",
        }
        return tuple(words for words, in_force in wanted.items() if not in_force)

    @property
    def level(self) -> SandboxLevel:
        guards = (self.network == "none", self.files == "confined", self.calls == "filtered")
        if not self.missing:
            return SandboxLevel.FULL
        return SandboxLevel.PARTIAL if any(guards) else SandboxLevel.NONE

    def as_dict(self) -> dict[str, object]:
        return {**asdict(self), "level": self.level.value, "missing": list(self.missing)}


def child_environment(
    *, source: Mapping[str, str], home: Path, extra_names: Iterable[str] = (), extra: Mapping[str, str] | None = None
) -> dict[str, str]:
    """The child's whole environment, built from an allow-list."""
    allowed = ALLOWED_ENVIRONMENT | set(extra_names)
    environment = {name: value for name, value in source.items() if name in allowed}
    environment["TMPDIR"] = str(home)
    environment["XDG_CONFIG_HOME"] = str(home / "config")  # nobody's Blender preferences or add-ons
    environment["PYTHONPATH"] = str(_SOURCE)
    environment["PYTHONSAFEPATH"] = "1"  # the working folder is writable by the engine: never import from it
    environment["PYTHONNOUSERSITE"] = "1"
    environment["PYTHONUNBUFFERED"] = "1"
    environment.update(extra or {})
    return environment


def system_paths() -> tuple[Path, ...]:
    """What a renderer reads besides models: Python, libraries, drivers, fonts. No folder in which secrets lie."""
    return (*_SYSTEM, Path(sys.prefix), Path(sys.base_prefix), *(_SOURCE / name for name in _SOURCE_PACKAGES))


def enter(
    limits: SandboxLimits, *, parent_pid: int, writable: Iterable[Path], readable: Iterable[Path]
) -> SandboxReport:
    """Confine the calling process. Must run before any thread starts; ends the process if the parent is gone."""
    libc = ctypes.CDLL(None, use_errno=True)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; only the parent decides
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    _lower_limit(resource.RLIMIT_NOFILE, limits.max_open_files)
    _lower_limit(resource.RLIMIT_FSIZE, limits.max_file_bytes)  # a longer write fails: Python ignores SIGXFSZ
    _raise_oom_score(limits.oom_score_adj)
    niceness = os.nice(limits.nice)
    _lower_session(niceness)
    libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    namespace = _unshare_network(libc) if limits.unshare_network else _Namespace.SHARED
    if namespace is _Namespace.OWN_USER:  # counts this process's threads alone; else those of every process of the user
        _lower_limit(resource.RLIMIT_NPROC, limits.max_threads)
    files_confined = limits.confine_files and _landlock.confine_files(
        libc, writable=writable, readable=(*system_paths(), *readable)
    )
    rights_gone = _drop_capabilities(libc)
    # After the namespace, because a change of credentials clears it; before the filter, which keeps it so.
    libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent_pid:  # the parent died before the line above: no signal will come
        os._exit(1)
    calls_filtered = limits.filter_calls and _seccomp.filter_system_calls(libc, sockets=not limits.unshare_network)
    no_network = limits.unshare_network and (calls_filtered or namespace is not _Namespace.SHARED)
    return SandboxReport(
        network="none" if no_network else "shared",
        files="confined" if files_confined else "unconfined",
        calls="filtered" if calls_filtered else "unfiltered",
        rights="none" if rights_gone else "kept",
        nice=niceness,
        session_nice=session_nice(os.getpid()),
    )


def session_nice(pid: int) -> int | None:
    """Of the session of a process; None where sessions are not weighed."""
    try:
        if int(_AUTOGROUP_ENABLED.read_text()) == 0:
            return None
        return int(Path(f"/proc/{pid}/autogroup").read_text().split()[-1])
    except (OSError, ValueError, IndexError):
        return None


def _lower_limit(which: int, wanted: int) -> None:
    """For good: the hard limit too, where it is not lower yet."""
    _, hard = resource.getrlimit(which)
    value = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    resource.setrlimit(which, (value, value))


def _lower_session(niceness: int) -> None:
    """Niceness counts within a session only, and an engine has its own."""
    if (before := session_nice(os.getpid())) is None or before >= niceness:
        return
    deadline = time.monotonic() + _SESSION_PATIENCE_S
    while True:
        try:
            Path("/proc/self/autogroup").write_text(str(niceness))
        except BlockingIOError:  # of all processes without rights, one may do this in a tenth of a second
            if time.monotonic() < deadline:
                time.sleep(_SESSION_PAUSE_S)
                continue
            sys.stderr.write("sandbox: the session keeps its priority: others change theirs all the time\n")
        except OSError as error:
            sys.stderr.write(f"sandbox: the session keeps its priority: {error}\n")
        return


def _raise_oom_score(wanted: int) -> None:
    path = Path("/proc/self/oom_score_adj")
    try:
        if int(path.read_text()) < wanted:  # lowering needs a privilege
            path.write_text(str(wanted))
    except (OSError, ValueError) as error:
        sys.stderr.write(f"sandbox: oom_score_adj stays as it is: {error}\n")


def _drop_capabilities(libc: ctypes.CDLL) -> bool:
    """Root keeps its own files and loses its rights over others'; they outrank Landlock (capget(2), version 3)."""
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)
    none = (ctypes.c_uint32 * 6)()
    if libc.capset(header, none) == 0:
        return True
    sys.stderr.write(f"sandbox: capabilities stay as they are: {os.strerror(ctypes.get_errno())}\n")
    return False


class _Namespace(Enum):
    SHARED = "the machine's network"
    OWN = "an empty network"
    OWN_USER = "an empty network, in a user namespace of its own"


def _unshare_network(libc: ctypes.CDLL) -> _Namespace:
    if libc.unshare(_CLONE_NEWNET) == 0:
        return _Namespace.OWN
    uid, gid = os.getuid(), os.getgid()
    if libc.unshare(_CLONE_NEWUSER | _CLONE_NEWNET) != 0:
        return _Namespace.SHARED
    try:  # without a map, files would seem to belong to nobody
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"{uid} {uid} 1")
        Path("/proc/self/gid_map").write_text(f"{gid} {gid} 1")
    except OSError as error:
        sys.stderr.write(f"sandbox: no identity map in the user namespace: {error}\n")
    return _Namespace.OWN_USER
