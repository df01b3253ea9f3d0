"""Counts faults across processes, so that "crash twice, then render" works although each crash kills its counter."""

from __future__ import annotations

from pathlib import Path

from pipelines.fake.settings import FrameFault

FAULT_ROOT = Path("/tmp") / "rayfarm-fake-faults"  # noqa: S108 - shared by design, holds empty marker files
"""Not ``tempfile.gettempdir()``: each engine has a temporary folder of its own."""


def strikes(kind: str, faults: tuple[FrameFault, ...], frame: int, key: str | None, part: int | None = None) -> bool:
    """Does this fault strike this try of this frame (or part of it)? A counted one is used up by asking."""
    for fault in faults:
        if fault.frame == frame and fault.part in (None, part):
            name = f"{kind}-{frame}" if fault.part is None else f"{kind}-{frame}-{fault.part}"
            return fault.times is None or (key is not None and _take_one(name, fault.times, key))
    return False


def _take_one(name: str, times: int, key: str) -> bool:
    folder = FAULT_ROOT / key
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(times):
        try:
            (folder / f"{name}-{number}").touch(exist_ok=False)  # O_EXCL: one process gets each
        except FileExistsError:
            continue
        return True
    return False
