"""An engine that takes more of the machine than it may is ended, wherever it keeps what it took."""

from __future__ import annotations

import asyncio
import ctypes
import os
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from jobs.plain_files import remove_tree
from jobs.states import EndReason
from pipelines._holdings import find_nameless
from pipelines.errors import EngineCrashed
from pipelines.sandbox import session_nice
from tests.hostile.conftest import Attack, StartAttack

UNFILTERED = {"filter_calls": False}


def may_ask_for_lengths() -> bool:
    """Whether this user is told how long a mapped file is (CAP_SYS_ADMIN or CAP_CHECKPOINT_RESTORE)."""
    folder = Path("/proc/self/map_files")
    try:
        next(folder.iterdir()).stat()
    except OSError:
        return False
    return True


def without_rights(scenario: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Run it in this thread, which gives up all capabilities: it and those that it starts are as another user's."""
    libc = ctypes.CDLL(None)
    assert libc.prctl(38, 1, 0, 0, 0) == 0  # PR_SET_NO_NEW_PRIVS: nor does root get them back by starting a program
    assert libc.capset((ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)()) == 0
    asyncio.run(scenario())


ASKS_FOR_LENGTHS = pytest.mark.skipif(not may_ask_for_lengths(), reason="this user may not look into mappings")


class TestResources:
    async def test_one_that_takes_too_much_memory_is_ended_and_the_figure_is_told(self, attack: Attack) -> None:
        with pytest.raises(EngineCrashed, match=r"held \d+ MiB of memory; it may hold 200 MiB") as caught:
            await attack("allocate", mib=400, settings={"memory_bytes": "200MiB"})
        assert caught.value.reason is EndReason.OUT_OF_MEMORY
        assert "RAYFARM_ENGINE_MEMORY_BYTES" in str(caught.value)

    async def test_no_file_can_be_longer_than_all_that_it_may_write(self, attack: Attack, tmp_path: Path) -> None:
        small = {"scratch_bytes": "8MiB"}
        assert await attack("write_one_file", folder=str(tmp_path / "work"), mib=20, settings=small) == {
            "refused": "EFBIG"
        }
        assert (tmp_path / "work" / "big").stat().st_size <= 8 * 2**20
        assert "worked" in await attack("write_one_file", folder=str(tmp_path / "work"), mib=20)

    @pytest.mark.parametrize("name", ["write_many_files", "write_nameless_files"])
    async def test_one_that_fills_the_disk_is_ended(self, attack: Attack, tmp_path: Path, name: str) -> None:
        with pytest.raises(EngineCrashed, match=r"wrote \d+ MiB of files; it may hold 16 MiB") as caught:
            await attack(name, folder=str(tmp_path / "work"), count=8, mib=4, settings={"scratch_bytes": "16MiB"})
        assert caught.value.reason is EndReason.ENGINE_ERROR

    async def test_so_is_one_that_hides_files_deeper_than_anybody_looks(self, attack: Attack, tmp_path: Path) -> None:
        work = tmp_path / "work"
        try:
            with pytest.raises(EngineCrashed, match="folders inside each other") as caught:
                await attack("bury_a_file", folder=str(work), depth=1200, mib=1)
            assert caught.value.reason is EndReason.ENGINE_ERROR
        finally:
            remove_tree(work)  # pytest's own way of it would not get there
        assert not work.exists()

    @pytest.mark.skipif(
        any(Path("/dev").glob("nvidia*")) or Path("/dev/dri").exists() or Path("/dev/kfd").exists(),
        reason="drivers of cards need shared memory",
    )
    async def test_nor_is_memory_filled_by_files_that_outlive_it(self, attack: Attack) -> None:
        path = Path("/dev/shm") / f"rayfarm-test-{os.getpid()}"
        try:
            assert await attack("write", path=str(path), text="x") == {"refused": "EACCES"}
            assert "worked" in await attack("write", path=str(path), text="x", settings={"confine_files": False})
        finally:
            path.unlink(missing_ok=True)

    async def test_what_it_prints_is_kept_at_its_end_only(self, attack: Attack) -> None:
        assert await attack("print_much", mib=24, settings={"log_tail_bytes": "4KiB", "scratch_bytes": "16MiB"}) in (
            {"worked": 24},
            {"refused": "EFBIG"},
        )

    async def test_what_a_folder_or_a_link_takes_counts_too(self, attack: Attack, tmp_path: Path) -> None:
        (tmp_path / "trial").symlink_to("x" * 1000)
        if (tmp_path / "trial").lstat().st_blocks == 0:
            pytest.skip("on this file system links take no blocks")
        wishes = {"folder": str(tmp_path / "work"), "count": 900, "kind": "link"}
        with pytest.raises(EngineCrashed, match=r"wrote \d+ MiB of files; it may hold 2 MiB"):
            await attack("make_entries", **wishes, settings={"scratch_bytes": "2MiB"})

    @pytest.mark.parametrize("kind", ["file", "folder", "link"])
    async def test_one_that_makes_very_many_files_is_ended(self, attack: Attack, tmp_path: Path, kind: str) -> None:
        wishes = {"folder": str(tmp_path / "work"), "count": 3000, "kind": kind}
        with pytest.raises(EngineCrashed, match="more than 1000 files, folders and links") as caught:
            await attack("make_entries", **wishes, settings={"max_files": 1000})
        assert "RAYFARM_ENGINE_MAX_FILES" in str(caught.value)


class TestHidingPlaces:
    async def test_memory_that_is_a_file_counts_as_memory(self, attack: Attack) -> None:
        with pytest.raises(EngineCrashed, match=r"held \d+ MiB of memory; it may hold 200 MiB") as caught:
            await attack("fill_memory_file", mib=250, settings={"memory_bytes": "200MiB"})
        assert caught.value.reason is EndReason.OUT_OF_MEMORY

    async def test_memory_that_is_mapped_is_not_counted_twice(self, attack: Attack) -> None:
        assert await attack("map_memory_file", mib=100, settings={"memory_bytes": "200MiB"}) == {"worked": 0}

    @ASKS_FOR_LENGTHS
    async def test_shared_memory_counts_where_it_is_not_mapped_any_more(self, attack: Attack) -> None:
        with pytest.raises(EngineCrashed, match=r"held \d+ MiB of memory; it may hold 250 MiB"):
            await attack("fill_shared_memory", count=4, mib=80, settings={"memory_bytes": "250MiB"})

    @pytest.mark.parametrize("pages", [None, pytest.param(1, marks=ASKS_FOR_LENGTHS)], ids=["whole", "one page"])
    async def test_a_deleted_file_counts_while_it_is_mapped(
        self, attack: Attack, tmp_path: Path, pages: int | None
    ) -> None:
        wishes = {"folder": str(tmp_path / "work"), "count": 8, "mib": 4, "pages": pages}
        with pytest.raises(EngineCrashed, match=r"wrote \d+ MiB of files; it may hold 16 MiB"):
            await attack("hide_files_behind_mappings", **wishes, settings={"scratch_bytes": "16MiB"})

    async def test_where_its_length_is_not_told_the_engine_goes_when_the_disk_is_short(
        self, start_attack: StartAttack, tmp_path: Path
    ) -> None:
        async def hide() -> None:
            wishes = {"folder": str(tmp_path / "work"), "count": 2, "mib": 1, "pages": 1}
            host, report = await start_attack("hide_files_behind_mappings", **wishes)
            before = host._watchdog._free_before
            before[:] = [2**62] * len(before)  # so that what is free now is little
            try:
                with pytest.raises(EngineCrashed, match="disk is nearly full, and the engine may hold files"):
                    await report
            finally:
                await host.kill()

        await asyncio.to_thread(without_rights, hide)

    async def test_descriptors_that_come_and_go_hide_no_others(self, start_attack: StartAttack, tmp_path: Path) -> None:
        folder = str(tmp_path / "work")
        host, report = await start_attack("open_and_close_beside_a_hoard", folder=folder, count=8, mib=1)
        told = asyncio.create_task(report, name="attack")

        def look() -> int:
            return find_nameless(host.pid, ours=(0, 0), folders=[folder]).file_bytes

        try:
            async with asyncio.timeout(20):
                while look() < 8 * 2**20:
                    await asyncio.sleep(0.01)
            for _ in range(10):  # in the churn, a few out of ten looks meet one that is just gone
                assert min(look() for _ in range(100)) >= 8 * 2**20
                await asyncio.sleep(0.01)
        finally:
            await host.kill()
            await asyncio.wait({told})
            told.exception()

    async def test_no_thread_has_descriptors_of_its_own(self, attack: Attack, tmp_path: Path) -> None:
        wishes = {"folder": str(tmp_path / "work"), "count": 8, "mib": 4}
        assert await attack("hide_files_in_a_thread", **wishes) == {"refused": "EPERM"}
        small = {"scratch_bytes": "16MiB"}
        assert await attack("hide_files_in_a_thread", **wishes, settings={**small, **UNFILTERED}) == {"worked": 0}

    async def test_nor_is_a_thread_made_with_some(self, attack: Attack) -> None:
        assert await attack("start_a_thread_without_shared_files") == {"refused": "EPERM"}

    async def test_no_file_is_kept_on_its_way_between_two_sockets(self, attack: Attack) -> None:
        assert await attack("send_itself_a_file") == {"refused": "EPERM"}
        assert await attack("send_itself_a_file", settings=UNFILTERED) == {"worked": 1}

    async def test_an_engine_cannot_hide_its_files_from_the_farms_user(self, attack: Attack) -> None:
        assert await attack("become_unreadable") == {"refused": "EPERM"}
        assert await attack("become_unreadable", settings=UNFILTERED) == {"worked": 0}

    async def test_one_whose_main_thread_ends_is_ended(self, attack: Attack) -> None:
        """The kernel tells nothing of its memory then."""
        with pytest.raises(EngineCrashed, match="SIGKILL"):
            await attack("end_the_main_thread", mib=20)


class TestPriority:
    async def test_one_that_takes_its_out_of_memory_score_back_is_ended(self, start_attack: StartAttack) -> None:
        """From outside: where the farm is root, the kernel lets its engine not."""
        host, report = await start_attack("wait", settings={"oom_score_adj": 500})
        try:
            Path(f"/proc/{host.pid}/oom_score_adj").write_text("400")
            with pytest.raises(EngineCrashed, match="oom_score_adj from 500 to 400"):
                await report
        finally:
            await host.kill()

    @pytest.mark.skipif(session_nice(os.getpid()) is None, reason="this kernel does not weigh sessions")
    async def test_so_is_one_that_takes_its_sessions_niceness_back(self, attack: Attack) -> None:
        with pytest.raises(EngineCrashed, match=r"session's niceness from \d+ to 0"):
            await attack("take_priority", which="autogroup", value=0, settings={"nice": 7})
