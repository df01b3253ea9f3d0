"""What every storage backend promises about listings: every key once, page by page, from any job on."""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from jobs.errors import InvalidInput
from storage import ListedObject
from tests.storage.backends import Backend, in_chunks, sha256, write

KEYS = [
    "artifacts/a1/1/t/x.png",
    "artifacts/a1/10/t/x.png",
    "artifacts/a1/2-b/t/00-x.png",  # "-" and "." sort before "/"
    "artifacts/a1/2.b/t/x.png",
    "artifacts/a1/2/t/00-x.png",
    "artifacts/a1/2/t/x.png",
    "artifacts/a1/video/t/film.mp4",
    "artifacts/b1/0/t/x.png",
    "artifacts/b2/0/t/x.png",
]


async def _stored(backend: Backend, tmp_path: Path) -> None:
    for index, key in enumerate(reversed(KEYS)):
        await backend.storage.put_artifact(key, write(tmp_path, b"x" * index), media_type="image/png")
    await backend.storage.put_blob(sha256(b"blob"), in_chunks(b"blob"))


def _keys(found: list[ListedObject]) -> list[str]:
    return [item.key for item in found]


class TestListing:
    async def test_it_holds_every_object_below_the_prefix_once(self, backend: Backend, tmp_path: Path) -> None:
        await _stored(backend, tmp_path)
        found = await backend.storage.list_objects("artifacts/", limit=100)
        assert sorted(_keys(found)) == KEYS
        sizes = {item.key: item.size_bytes for item in found}
        assert [sizes[key] for key in KEYS] == list(range(len(KEYS) - 1, -1, -1))
        assert sorted(_keys(await backend.storage.list_objects("artifacts/a1/", limit=100))) == KEYS[:7]
        assert len(await backend.storage.list_objects("blobs/", limit=100)) == 1

    @pytest.mark.parametrize("limit", [1, 3, 9])
    async def test_walked_page_by_page_it_is_whole_and_none_comes_twice(
        self, backend: Backend, tmp_path: Path, limit: int
    ) -> None:
        await _stored(backend, tmp_path)
        walked: list[str] = []
        while page := await backend.storage.list_objects("artifacts/", after=walked[-1] if walked else "", limit=limit):
            walked += _keys(page)
        assert sorted(walked) == KEYS

    async def test_it_begins_behind_any_name(self, backend: Backend, tmp_path: Path) -> None:
        await _stored(backend, tmp_path)
        for after in ("artifacts/a0", "artifacts/a9", "artifacts/b0", "artifacts/b9"):
            page = await backend.storage.list_objects("artifacts/", after=after, limit=100)
            assert sorted(_keys(page)) == [key for key in KEYS if key > after]

    async def test_it_goes_on_where_the_last_key_has_been_removed(self, backend: Backend, tmp_path: Path) -> None:
        await _stored(backend, tmp_path)
        whole = _keys(await backend.storage.list_objects("artifacts/", limit=100))
        await backend.storage.delete(whole[3])
        assert _keys(await backend.storage.list_objects("artifacts/", after=whole[3], limit=100)) == whole[4:]

    async def test_of_nothing_it_is_empty(self, backend: Backend) -> None:
        assert await backend.storage.list_objects("artifacts/", limit=10) == []
        assert await backend.storage.list_objects("artifacts/nobody/", limit=10) == []

    async def test_an_output_that_waited_long_for_its_upload_is_as_young_as_its_upload(
        self, backend: Backend, tmp_path: Path
    ) -> None:
        source = write(tmp_path, b"old picture")
        long_ago = time.time() - 1e6
        os.utime(source, (long_ago, long_ago))
        await backend.storage.put_artifact(KEYS[0], source, media_type="image/png", consume=True)
        [found] = await backend.storage.list_objects("artifacts/", limit=10)
        assert datetime.now(UTC) - found.stored_at < timedelta(minutes=10)

    @pytest.mark.parametrize("prefix", ["", "artifacts", "incoming/", "artifacts/../", "artifacts//", "blobs/../x/"])
    async def test_a_prefix_that_is_no_folder_of_keys_is_refused(self, backend: Backend, prefix: str) -> None:
        with pytest.raises(InvalidInput):
            await backend.storage.list_objects(prefix, limit=10)
