"""What a child process may see and do: environment, priorities, limits, network, files. Stdlib only."""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import sys
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from pipelines import _landlock

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
    }
)
"""Everything else (keys, tokens, database URLs, Ray's OMP_NUM_THREADS=1) stays with the parent."""

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

_PR_SET_PDEATHSIG = 1
_PR_SET_NO_NEW_PRIVS = 38
_CLONE_NEWUSER = 0x10000000
_CLONE_NEWNET = 0x40000000


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxLimits:
    """What the parent asks the child to put on itself."""

    nice: int
    oom_score_adj: int
    max_open_files: int
    unshare_network: bool
    confine_files: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxReport:
    """What is really in force in the child."""

    network: str
    """``none``: an empty network namespace; ``shared``: the machine's network."""
    files: str
    """``confined``: it writes only its own folders, and reads only these, its models and the system's libraries;
    ``unconfined``: whatever the user of the process may."""
    nice: int

    def as_dict(self) -> dict[str, object]:
        return asdict(self)


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
    _limit_open_files(limits.max_open_files)
    _raise_oom_score(limits.oom_score_adj)
    niceness = os.nice(limits.nice)
    libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    network_gone = limits.unshare_network and _unshare_network(libc)
    files_confined = limits.confine_files and _landlock.confine_files(
        libc, writable=writable, readable=(*system_paths(), *readable)
    )
    _drop_capabilities(libc)
    # Last, because a change of credentials (user namespace) clears it.
    libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent_pid:  # the parent died before the line above: no signal will come
        os._exit(1)
    return SandboxReport(
        network="none" if network_gone else "shared",
        files="confined" if files_confined else "unconfined",
        nice=niceness,
    )


def _limit_open_files(wanted: int) -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    value = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (value, value))


def _raise_oom_score(wanted: int) -> None:
    path = Path("/proc/self/oom_score_adj")
    try:
        if int(path.read_text()) < wanted:  # lowering needs a privilege
            path.write_text(str(wanted))
    except (OSError, ValueError) as error:
        sys.stderr.write(f"sandbox: oom_score_adj stays as it is: {error}\n")


def _drop_capabilities(libc: ctypes.CDLL) -> None:
    """Root keeps its own files and loses its rights over others'; they outrank Landlock (capget(2), version 3)."""
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)
    none = (ctypes.c_uint32 * 6)()
    if libc.capset(header, none) != 0:
        sys.stderr.write(f"sandbox: capabilities stay as they are: {os.strerror(ctypes.get_errno())}\n")


def _unshare_network(libc: ctypes.CDLL) -> bool:
    if libc.unshare(_CLONE_NEWNET) == 0:
        return True
    uid, gid = os.getuid(), os.getgid()
    if libc.unshare(_CLONE_NEWUSER | _CLONE_NEWNET) != 0:
        return False
    try:  # without a map, files would seem to belong to nobody
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"{uid} {uid} 1")
        Path("/proc/self/gid_map").write_text(f"{gid} {gid} 1")
    except OSError as error:
        sys.stderr.write(f"sandbox: no identity map in the user namespace: {error}\n")
    return True
