"""Seccomp: a process gives up system calls that no renderer needs, for good (Linux 3.17+). Stdlib only.

Allowed by default, with a list of what is refused: a list of what is allowed would break with every new driver.
Numbers: the kernel's ``asm/unistd_64.h`` (x86_64) and ``asm-generic/unistd.h`` (aarch64). Layout of filter and data:
seccomp(2), ``linux/bpf_common.h``.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import struct
from collections.abc import Sequence
from dataclasses import dataclass, field

_NO_RENDERER_NEEDS: dict[str, tuple[int, int | None]] = {
    # other processes: to trace, to read, to borrow descriptors from
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "process_madvise": (440, 440),
    "process_mrelease": (448, 448),
    "pidfd_open": (434, 434),
    "pidfd_getfd": (438, 438),
    "pidfd_send_signal": (424, 424),
    "kcmp": (312, 272),
    "move_pages": (279, 239),
    "migrate_pages": (256, 238),
    "sched_setattr": (314, 274),
    # another view of files than the one it was given
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "open_tree": (428, 428),
    "move_mount": (429, 429),
    "fsopen": (430, 430),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fspick": (433, 433),
    "mount_setattr": (442, 442),
    "name_to_handle_at": (303, 264),
    "open_by_handle_at": (304, 265),
    "fanotify_init": (300, 262),
    "quotactl": (179, 60),
    "quotactl_fd": (443, 443),
    "acct": (163, 89),
    "unshare": (272, 97),
    "setns": (308, 268),
    # to change a file that may be read only, or is not theirs: Landlock knows opening, making, renaming and deleting
    "chmod": (90, None),
    "fchmod": (91, 52),
    "fchmodat": (268, 53),
    "fchmodat2": (452, 452),
    "chown": (92, None),
    "fchown": (93, 55),
    "lchown": (94, None),
    "fchownat": (260, 54),
    "utime": (132, None),
    "utimes": (235, None),
    "futimesat": (261, None),
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
    "truncate": (76, 45),  # Landlock knows it since ABI 3 (Linux 6.2); ftruncate needs a file open for writing
    # the machine
    "swapon": (167, 224),
    "swapoff": (168, 225),
    "reboot": (169, 142),
    "sethostname": (170, 161),
    "setdomainname": (171, 162),
    "init_module": (175, 105),
    "delete_module": (176, 106),
    "finit_module": (313, 273),
    "kexec_load": (246, 104),
    "kexec_file_load": (320, 294),
    "iopl": (172, None),
    "ioperm": (173, None),
    "modify_ldt": (154, None),
    "settimeofday": (164, 170),
    "clock_settime": (227, 112),
    "adjtimex": (159, 171),
    "clock_adjtime": (305, 266),
    "syslog": (103, 116),
    "vhangup": (153, 58),
    "lookup_dcookie": (212, 18),
    "nfsservctl": (180, 42),
    # parts of the kernel in which most of its holes were found
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    # memory that outlives its process, or is in nobody's resident set
    "shmget": (29, 194),
    "shmat": (30, 196),
    "shmctl": (31, 195),
    "semget": (64, 190),
    "semctl": (66, 191),
    "semop": (65, 193),
    "semtimedop": (220, 192),
    "msgget": (68, 186),
    "msgctl": (71, 187),
    "msgsnd": (69, 189),
    "msgrcv": (70, 188),
    "mq_open": (240, 180),
    "mq_unlink": (241, 181),
    "memfd_secret": (447, 447),
}
"""Name -> number on x86_64 and on aarch64 (None: it has no such call)."""

_NEW_PROCESSES: dict[str, tuple[int, int | None]] = {
    "fork": (57, None),
    "vfork": (58, None),
    "execve": (59, 221),
    "execveat": (322, 281),
}
_UNKNOWN_TO_THE_CHILD: dict[str, tuple[int, int]] = {
    "clone3": (435, 435),  # its flags are in memory, where no filter sees them; libc falls back on clone
    "openat2": (437, 437),  # its flags are in memory too; libc falls back on openat
    "io_uring_setup": (425, 425),  # it does what a filter forbids
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
}
"""Answered as by a kernel that does not have them yet."""

_CLONE = (56, 220)
_CLONE_THREAD_OF_OURS = 0x00010000 | 0x00000400
"""CLONE_THREAD, CLONE_FILES: a thread with descriptors of its own has files open that /proc/<pid>/fd does not show."""
_CLOSE_RANGE = (436, 436)
_CLOSE_RANGE_UNSHARE = 2
"""Gives the thread that asks descriptors of its own."""
_SOCKET = (41, 198)
_SOCKETPAIR = (53, 199)
_SENDS_DESCRIPTORS = ((46, 211), (307, 269))
"""sendmsg, sendmmsg: a file that is on its way through a pair of sockets is open, and no process shows it."""
_SOCK_TYPE_MASK = 0xF
_SOCK_STREAM = 1
_SIGNALS: dict[str, tuple[int, int]] = {
    "kill": (62, 129),
    "tgkill": (234, 131),
    "rt_sigqueueinfo": (129, 138),
    "rt_tgsigqueueinfo": (297, 240),
}
"""Their first argument names a process."""
_TKILL = (200, 130)
"""Names a thread, of any process; libc has not used it since tgkill."""
_FCNTL = (72, 25)
_SIGNALS_OF_A_FILE = (8, 10, 15)
"""F_SETOWN, F_SETSIG, F_SETOWN_EX: with O_ASYNC the kernel itself sends whatever signal to whatever process of the same
user, when something is written to a pipe. Landlock forbids it since ABI 6 only."""
_OPENS: dict[tuple[int, int | None], int] = {(2, None): 1, (257, 56): 2}
"""open and openat, and which argument holds their flags."""
_HOW_TO_TRUNCATE = os.O_TRUNC | os.O_ACCMODE
_TRUNCATE_UNWRITTEN = (os.O_TRUNC | os.O_RDONLY, os.O_TRUNC | os.O_ACCMODE)
"""They empty a file without opening it for writing; before ABI 3 Landlock asks for no right to write then."""
_IOCTL = (16, 29)
_OWNER_OF_A_FILE = (0x8901, 0x8902)
"""FIOSETOWN, SIOCSPGRP: other words for F_SETOWN, on sockets."""
_TYPE_OF_IOCTL = 0xFF00
_FILE_SYSTEMS = (ord("f") << 8, ord("X") << 8, ord("v") << 8, 0x9400, 0xF500, 0xBC00)
"""Types of the ioctls of file systems (ext4, verity and encryption; XFS; versions; Btrfs; F2FS; bcachefs): flags,
labels, seals and subvolumes of what is open for reading only. Those of GPU drivers have other types."""
_PRIORITIES = (((141, 140), 0), ((251, 30), 1))
"""setpriority and ioprio_set, and the value of their first argument by which the second is one process or thread: who
is of the same user may slow it down."""
_SCHED_SETSCHEDULER = (144, 119)
_POLICY_MASK = 0xFF
_SCHED_OTHER = 0
_SCHED_SETAFFINITY = (203, 122)
_PRLIMIT = (302, 261)
_PRCTL = (157, 167)
_PR_SET_PDEATHSIG = 1
_PR_SET_DUMPABLE = 4
"""Without it, root alone may see what files a process holds."""

_SECCOMP = (317, 277)
_SET_MODE_FILTER = 1
_SPEC_ALLOW = 1 << 2
"""Without it, kernels before 5.16 slow all memory reads of a filtered process down (speculative store bypass)."""

_ARCHITECTURES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}
"""Machine -> which of two numbers is its own, and its AUDIT_ARCH_*."""
_X32_BIT = 0x40000000
"""x86_64 has every call twice; nothing of ours uses the second set."""

_LOAD = 0x20  # BPF_LD | BPF_W | BPF_ABS
_AND = 0x54  # BPF_ALU | BPF_AND | BPF_K
_IF_EQUAL = 0x15  # BPF_JMP | BPF_JEQ | BPF_K
_IF_AT_LEAST = 0x35  # BPF_JMP | BPF_JGE | BPF_K
_RETURN = 0x06  # BPF_RET | BPF_K
_ALLOW = 0x7FFF0000
_KILL = 0x80000000
_ERRNO = 0x00050000
_REFUSE = _ERRNO | errno.EPERM
_UNKNOWN = _ERRNO | errno.ENOSYS
_AT_NUMBER = 0
_AT_ARCHITECTURE = 4
_AT_ARGUMENTS = 16
"""Byte offsets in seccomp_data; arguments are 64 bits, and their low half comes first on both machines."""


@dataclass(slots=True)
class _Program:
    """A filter under construction; every block leaves the call's number in the accumulator, or returns."""

    machine: int
    lines: list[tuple[int, int, int, int]] = field(default_factory=list)

    def add(self, code: int, value: int, *, if_true: int = 0, if_false: int = 0) -> None:
        self.lines.append((code, if_true, if_false, value & 0xFFFFFFFF))

    def answer(self, call: tuple[int, int | None], verdict: int) -> None:
        """This call is never made."""
        number = call[self.machine]
        if number is not None:
            self.add(_IF_EQUAL, number, if_false=1)
            self.add(_RETURN, verdict)

    def refuse_unless(
        self, call: tuple[int, int], *, argument: int, one_of: Sequence[int], mask: int = 0xFFFFFFFF
    ) -> None:
        """Refuse this call, except where the low 32 bits of an argument, masked, are among these values."""
        block = [(_LOAD, 0, 0, _AT_ARGUMENTS + 8 * argument), (_AND, 0, 0, mask)]
        for index, value in enumerate(one_of):
            block.append((_IF_EQUAL, len(one_of) - index, 0, value & 0xFFFFFFFF))
        block += [(_RETURN, 0, 0, _REFUSE), (_RETURN, 0, 0, _ALLOW)]
        self.add(_IF_EQUAL, call[self.machine], if_false=len(block))
        self.lines += block

    def refuse_if(
        self, call: tuple[int, int | None], *, argument: int, one_of: Sequence[int], mask: int = 0xFFFFFFFF
    ) -> None:
        """Refuse this call where the low 32 bits of an argument, masked, are among these values."""
        number = call[self.machine]
        if number is None:
            return
        block = [(_LOAD, 0, 0, _AT_ARGUMENTS + 8 * argument), (_AND, 0, 0, mask)]
        for index, value in enumerate(one_of):
            block.append((_IF_EQUAL, len(one_of) - index, 0, value & 0xFFFFFFFF))
        block += [(_RETURN, 0, 0, _ALLOW), (_RETURN, 0, 0, _REFUSE)]
        self.add(_IF_EQUAL, number, if_false=len(block))
        self.lines += block

    def refuse_unless_itself(self, call: tuple[int, int], *, which: int, pid: int) -> None:
        """Refuse this call, except for one process by its first argument, and by its second for the one that asks."""
        block = [
            (_LOAD, 0, 0, _AT_ARGUMENTS),
            (_IF_EQUAL, 0, 3, which),
            (_LOAD, 0, 0, _AT_ARGUMENTS + 8),
            (_IF_EQUAL, 2, 0, 0),
            (_IF_EQUAL, 1, 0, pid),
            (_RETURN, 0, 0, _REFUSE),
            (_RETURN, 0, 0, _ALLOW),
        ]
        self.add(_IF_EQUAL, call[self.machine], if_false=len(block))
        self.lines += block

    def refuse_ioctls(self) -> None:
        """Those that make other processes the owner of a file, and those of file systems."""
        whole = [(_IF_EQUAL, value) for value in _OWNER_OF_A_FILE]
        types = [(_IF_EQUAL, value) for value in _FILE_SYSTEMS]
        tests: list[tuple[int, int]] = [*whole, (_AND, _TYPE_OF_IOCTL), *types]
        block = [(_LOAD, 0, 0, _AT_ARGUMENTS + 8)]
        for index, (code, value) in enumerate(tests):
            block.append((code, len(tests) - index if code == _IF_EQUAL else 0, 0, value))
        block += [(_RETURN, 0, 0, _ALLOW), (_RETURN, 0, 0, _REFUSE)]
        self.add(_IF_EQUAL, _IOCTL[self.machine], if_false=len(block))
        self.lines += block


class _FilterProgram(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.c_void_p)]


def build_filter(*, machine: int, architecture: int, pid: int, sockets: bool) -> list[tuple[int, int, int, int]]:
    """The instructions (code, jump if true, jump if false, value) for one process; ``sockets``: it may make some."""
    program = _Program(machine)
    program.add(_LOAD, _AT_ARCHITECTURE)
    program.add(_IF_EQUAL, architecture, if_true=1)
    program.add(_RETURN, _KILL)  # 32-bit code has numbers of its own
    program.add(_LOAD, _AT_NUMBER)
    if machine == 0:
        program.add(_IF_AT_LEAST, _X32_BIT, if_false=1)
        program.add(_RETURN, _UNKNOWN)
    # First what is called often: the kernel's own cache of verdicts does not help where an argument decides.
    program.refuse_ioctls()
    program.refuse_if(_FCNTL, argument=1, one_of=_SIGNALS_OF_A_FILE)
    for call, flags in _OPENS.items():
        program.refuse_if(call, argument=flags, one_of=_TRUNCATE_UNWRITTEN, mask=_HOW_TO_TRUNCATE)
    for call in (*_NO_RENDERER_NEEDS.values(), *_NEW_PROCESSES.values(), _TKILL):
        program.answer(call, _REFUSE)
    for call in _UNKNOWN_TO_THE_CHILD.values():
        program.answer(call, _UNKNOWN)
    if not sockets:
        # Also AF_UNIX: the database's and Ray's own sockets are files that Landlock does not guard. A pair of streams
        # is harmless; one of datagrams can send to any socket.
        program.answer(_SOCKET, _REFUSE)
        program.refuse_unless(_SOCKETPAIR, argument=1, one_of=[_SOCK_STREAM], mask=_SOCK_TYPE_MASK)
        for call in _SENDS_DESCRIPTORS:
            program.answer(call, _REFUSE)
    program.refuse_unless(_CLONE, argument=0, one_of=[_CLONE_THREAD_OF_OURS], mask=_CLONE_THREAD_OF_OURS)
    program.refuse_if(_CLOSE_RANGE, argument=2, one_of=[_CLOSE_RANGE_UNSHARE], mask=_CLOSE_RANGE_UNSHARE)
    for signal_call in _SIGNALS.values():
        program.refuse_unless(signal_call, argument=0, one_of=[pid])
    program.refuse_unless(_PRLIMIT, argument=0, one_of=[0, pid])
    for priority_call, which in _PRIORITIES:
        program.refuse_unless_itself(priority_call, which=which, pid=pid)
    # Of its own threads it may name the one that asks and the first: no filter tells the others from other processes.
    program.refuse_unless(_SCHED_SETAFFINITY, argument=0, one_of=[0, pid])
    program.refuse_unless(_SCHED_SETSCHEDULER, argument=1, one_of=[_SCHED_OTHER], mask=_POLICY_MASK)
    program.refuse_if(_PRCTL, argument=0, one_of=[_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE])
    program.add(_RETURN, _ALLOW)
    return program.lines


def filter_system_calls(libc: ctypes.CDLL, *, sockets: bool) -> bool:
    """Refuse what no renderer needs, to this process and all its threads to come: other processes (to start, signal,
    trace, limit or slow them), attributes of files, new mounts and namespaces, the kernel's modules, keys, BPF and
    io_uring; sockets too unless ``sockets``. False where the kernel or the machine cannot. Needs no_new_privs.
    """
    found = _ARCHITECTURES.get(platform.machine())
    if found is None:
        return False
    machine, architecture = found
    lines = build_filter(machine=machine, architecture=architecture, pid=os.getpid(), sockets=sockets)
    packed = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *line) for line in lines))
    program = _FilterProgram(length=len(lines), filter=ctypes.addressof(packed))
    answer = libc.syscall(_SECCOMP[machine], _SET_MODE_FILTER, _SPEC_ALLOW, ctypes.byref(program))
    return bool(answer == 0)
