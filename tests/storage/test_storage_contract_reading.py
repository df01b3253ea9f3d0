"""What every storage backend promises about reading: byte ranges, and links that work without credentials."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest

from jobs.errors import InvalidInput
from storage import ObjectNotFound, artifact_key
from tests.storage.backends import MIB, Backend, pattern, read_all, write

KEY = artifact_key(job_id="j1", part=7, attempt="a1", filename="frame_0007.png")
SMALL = pattern(30_000)
LARGE = pattern(10 * MIB + 123)


class TestStreams:
    @pytest.mark.parametrize(
        ("start", "end"),
        [
            (0, None),
            (0, 0),
            (5, 5),
            (0, 1),
            (100, 200),
            (29_999, 30_000),
            (10, None),
            (0, 99_999),
            (30_000, None),
            (40_000, 50_000),
        ],
    )
    async def test_a_range_is_what_python_would_slice(
        self, backend: Backend, tmp_path: Path, start: int, end: int | None
    ) -> None:
        await backend.storage.put_artifact(KEY, write(tmp_path, SMALL), media_type="image/png")
        assert await read_all(backend.storage.stream(KEY, start=start, end=end)) == SMALL[start:end]

    async def test_a_large_object_streams_in_pieces(self, backend: Backend, tmp_path: Path) -> None:
        await backend.storage.put_artifact(KEY, write(tmp_path, LARGE), media_type="video/mp4")
        sizes = [len(chunk) async for chunk in backend.storage.stream(KEY, start=3)]
        assert sum(sizes) == len(LARGE) - 3
        assert max(sizes) <= backend.settings.stream_chunk_bytes

    @pytest.mark.parametrize(("start", "end"), [(-1, None), (5, 4)])
    async def test_an_impossible_range_is_refused(self, backend: Backend, start: int, end: int) -> None:
        with pytest.raises(InvalidInput):
            await read_all(backend.storage.stream(KEY, start=start, end=end))

    @pytest.mark.parametrize("end", [None, 0])
    async def test_streaming_what_is_not_there_says_so(self, backend: Backend, end: int | None) -> None:
        with pytest.raises(ObjectNotFound):
            await read_all(backend.storage.stream(KEY, end=end))

    async def test_a_reader_who_leaves_early_blocks_no_one(self, backend: Backend, tmp_path: Path) -> None:
        await backend.storage.put_artifact(KEY, write(tmp_path, LARGE), media_type="video/mp4")
        for _ in range(2 * backend.settings.threads):  # more than there are threads or connections
            stream = backend.storage.stream(KEY)
            assert await anext(stream)
            await stream.aclose()
        assert len(await read_all(backend.storage.stream(KEY))) == len(LARGE)


class TestLinks:
    async def test_a_link_serves_the_object_under_its_own_name_and_type(self, backend: Backend, tmp_path: Path) -> None:
        await backend.storage.put_artifact(KEY, write(tmp_path, SMALL), media_type="image/png")
        url = backend.storage.download_url(
            KEY, expires_in=timedelta(minutes=5), filename='Bär "1".png', media_type="image/png"
        )
        answer = await backend.open_link(url)
        assert (answer.status, answer.body, answer.content_type) == (200, SMALL, "image/png")
        assert answer.disposition == ("attachment; filename=\"B_r _1_.png\"; filename*=UTF-8''B%C3%A4r%20%221%22.png")

    async def test_a_link_that_was_changed_serves_nothing(self, backend: Backend, tmp_path: Path) -> None:
        await backend.storage.put_artifact(KEY, write(tmp_path, SMALL), media_type="image/png")
        url = backend.storage.download_url(
            KEY, expires_in=timedelta(minutes=5), filename="a.png", media_type="image/png"
        )
        changed = url[:-1] + ("A" if url[-1] != "A" else "B")
        assert (await backend.open_link(changed)).status == 403
        if "X-Amz-Expires" in url:
            assert (await backend.open_link(url.replace("X-Amz-Expires=300", "X-Amz-Expires=301"))).status == 403
            assert (await backend.open_link(url.replace("frame_0007", "frame_0008"))).status == 403

    async def test_a_link_ends_when_its_time_is_over(self, backend: Backend, tmp_path: Path) -> None:
        await backend.storage.put_artifact(KEY, write(tmp_path, SMALL), media_type="image/png")
        url = backend.storage.download_url(
            KEY, expires_in=timedelta(seconds=1), filename="a.png", media_type="image/png"
        )
        for _ in range(200):  # ten seconds, far more than the link has
            if (await backend.open_link(url)).status == 403:
                return
            await asyncio.sleep(0.05)
        pytest.fail("the link outlived its time")

    async def test_a_link_for_ever_is_cut_to_the_longest_allowed(self, backend: Backend, tmp_path: Path) -> None:
        await backend.storage.put_artifact(KEY, write(tmp_path, SMALL), media_type="image/png")
        url = backend.storage.download_url(
            KEY, expires_in=timedelta(days=900), filename="a.png", media_type="image/png"
        )
        assert (await backend.open_link(url)).status == 200
