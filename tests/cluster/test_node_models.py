"""Which end is at fault when a model's files do not come: the farm's storage, or the disk of this machine."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from cluster.node_models import blame_disk, disk_fault
from jobs.errors import Unavailable
from jobs.states import EndReason
from pipelines.errors import EngineError
from storage.base import StorageFull


def on_no_disk(tmp_path: Path) -> Path:
    """A folder that cannot be made, for whoever runs this: a file is in its way."""
    (tmp_path / "file").write_bytes(b"")
    return tmp_path / "file" / "models"


async def raised(error: Exception, folder: Path) -> Exception:
    async def fetch() -> None:
        raise error

    with pytest.raises(Exception) as caught:  # noqa: PT011 - which one is the question
        await blame_disk(folder, fetch)
    return caught.value


async def test_a_disk_without_room_is_this_machines_and_sends_the_work_to_another(tmp_path: Path) -> None:
    for full in (StorageFull("No room."), OSError(errno.EDQUOT, "Disk quota exceeded")):
        error = await raised(full, tmp_path)
        assert isinstance(error, EngineError)
        assert error.reason is EndReason.INFRA
        assert str(tmp_path) in error.message
        assert error.remedy


async def test_a_storage_that_does_not_answer_is_waited_for_by_whoever_asked(tmp_path: Path) -> None:
    for away in (Unavailable("Silence."), ConnectionResetError(errno.ECONNRESET, "reset"), TimeoutError()):
        assert await raised(away, tmp_path / "models") is away
    assert list((tmp_path / "models").iterdir()) == [], "the trial leaves nothing"


async def test_an_error_of_unknown_origin_is_the_disks_where_a_trial_file_cannot_be_written(tmp_path: Path) -> None:
    error = await raised(Unavailable("The storage failed: something."), on_no_disk(tmp_path))
    assert isinstance(error, EngineError)


def test_what_the_system_says_of_a_disk_needs_no_trial(tmp_path: Path) -> None:
    fault = disk_fault(OSError(errno.EROFS, "Read-only file system", str(tmp_path / "x")), tmp_path)
    assert fault is not None
    assert "Read-only" in fault
