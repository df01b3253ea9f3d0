"""Uploads in parts, on disk and on a real S3 server: what becomes a blob was read whole, and nothing else stays."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import UUID, uuid4

import httpx
import pytest
import pytest_asyncio

from jobs.errors import NotFound
from storage import (
    DigestMismatch,
    FileSigner,
    LinkExpired,
    LinkInvalid,
    ObjectNotFound,
    PartSigner,
    PartUploads,
    StagedUpload,
    StorageSettings,
    UploadIncomplete,
    UploadTooLarge,
    blob_key,
    open_parts,
    open_storage,
)
from tests.storage.backends import MIB, Backend, in_chunks, list_folder, pattern, read_all, sha256

PART = 5 * MIB  # the least that S3 takes
HOUR = timedelta(hours=1)
PROJECT = UUID(int=7)
CONTENT = pattern(2 * PART + 1000)


@pytest_asyncio.fixture
async def parts(backend: Backend) -> AsyncIterator[PartUploads]:
    parts = open_parts(backend.settings, backend.storage)
    yield parts
    await parts.close()


async def begin(parts: PartUploads, content: bytes = CONTENT, *, digest: str | None = None) -> StagedUpload:
    upload_id = uuid4()
    digest = digest or sha256(content)
    reference = await parts.begin(upload_id, digest=digest)
    return StagedUpload(
        id=upload_id, project_id=PROJECT, digest=digest, size_bytes=len(content), part_bytes=PART, reference=reference
    )


async def send(backend: Backend, parts: PartUploads, upload: StagedUpload, number: int, data: bytes) -> int:
    """Follow a link as a client would; on disk the route behind it is played by the test."""
    url = parts.part_url(upload, number, expires_in=HOUR)
    if url.startswith("http"):
        async with httpx.AsyncClient() as client:
            return (await client.put(url, content=data)).status_code
    part = PartSigner(keys=backend.settings.signing_keys).verify(url.removeprefix("/v1/parts/"))
    assert (part.upload_id, part.project_id, part.number) == (upload.id, PROJECT, number)
    await parts.write(part.upload_id, part.number, in_chunks(data), size_bytes=part.size_bytes)
    return 200


def part_of(content: bytes, number: int) -> bytes:
    return content[(number - 1) * PART : number * PART]


async def send_all(backend: Backend, parts: PartUploads, upload: StagedUpload, content: bytes = CONTENT) -> None:
    for number in reversed(range(1, upload.part_count + 1)):
        assert await send(backend, parts, upload, number, part_of(content, number)) == 200


async def test_parts_in_any_order_become_the_blob_and_leave_nothing_else(backend: Backend, parts: PartUploads) -> None:
    upload = await begin(parts)
    await send_all(backend, parts, upload)
    assert not await backend.storage.has_blob(upload.digest)
    await parts.assemble(upload)
    await parts.discard(upload.id, reference=upload.reference)
    assert backend.everything() == [blob_key(upload.digest)]
    assert await read_all(backend.storage.stream(blob_key(upload.digest))) == CONTENT
    stored = await backend.storage.stat(blob_key(upload.digest))
    assert stored is not None
    assert (stored.sha256, stored.size_bytes) == (upload.digest, len(CONTENT))


async def test_another_process_sees_which_parts_are_there_and_goes_on(backend: Backend, parts: PartUploads) -> None:
    upload = await begin(parts)
    await send(backend, parts, upload, 2, part_of(CONTENT, 2))
    later = open_parts(backend.settings, backend.storage)
    try:
        assert upload.there(await later.found(upload)) == {2}
        for number in (1, 3):
            await send(backend, later, upload, number, part_of(CONTENT, number))
        await later.assemble(upload)
    finally:
        await later.close()
    assert await backend.storage.has_blob(upload.digest)


async def test_bytes_of_another_digest_never_become_visible(backend: Backend, parts: PartUploads) -> None:
    upload = await begin(parts)
    wrong = CONTENT[:-1] + b"!"
    await send_all(backend, parts, upload, wrong)
    with pytest.raises(DigestMismatch) as caught:
        await parts.assemble(upload)
    assert caught.value.details["actual"] == sha256(wrong)
    assert not await backend.storage.has_blob(upload.digest)
    await parts.discard(upload.id, reference=upload.reference)
    assert backend.everything() == []


async def test_a_part_that_is_sent_again_replaces_the_first(backend: Backend, parts: PartUploads) -> None:
    upload = await begin(parts)
    await send_all(backend, parts, upload)
    await send(backend, parts, upload, 1, part_of(CONTENT, 1))
    assert upload.there(await parts.found(upload)) == {1, 2, 3}
    await parts.assemble(upload)
    assert await backend.storage.has_blob(upload.digest)


async def test_an_upload_with_a_part_too_few_is_not_put_together(backend: Backend, parts: PartUploads) -> None:
    upload = await begin(parts)
    await send(backend, parts, upload, 1, part_of(CONTENT, 1))
    with pytest.raises(UploadIncomplete) as caught:
        await parts.assemble(upload)
    assert caught.value.details["lacking"] == [2, 3]
    await send(backend, parts, upload, 2, part_of(CONTENT, 2))
    await send(backend, parts, upload, 3, part_of(CONTENT, 3))
    await parts.assemble(upload)


async def test_a_crash_before_the_row_was_written_costs_another_look_only(backend: Backend, parts: PartUploads) -> None:
    upload = await begin(parts)
    await send_all(backend, parts, upload)
    await parts.assemble(upload)
    later = open_parts(backend.settings, backend.storage)
    try:
        assert upload.there(await later.found(upload)) == {1, 2, 3}
        await later.assemble(upload)
    finally:
        await later.close()
    assert await backend.storage.has_blob(upload.digest)


async def test_an_upload_that_was_dropped_has_ended(backend: Backend, parts: PartUploads) -> None:
    upload = await begin(parts)
    await send(backend, parts, upload, 1, part_of(CONTENT, 1))
    await parts.discard(upload.id, reference=upload.reference)
    await parts.discard(upload.id, reference=upload.reference)
    assert backend.everything() == []
    for call in (parts.found(upload), parts.assemble(upload)):
        with pytest.raises(ObjectNotFound):
            await call


async def test_an_empty_blob_and_one_of_a_whole_part_are_uploads_too(backend: Backend, parts: PartUploads) -> None:
    for content in (b"", pattern(PART)):
        upload = await begin(parts, content)
        assert upload.part_count == 1
        await send_all(backend, parts, upload, content)
        await parts.assemble(upload)
        assert await read_all(backend.storage.stream(blob_key(upload.digest))) == content


async def test_what_nobody_completed_is_swept_once_its_time_is_over(backend: Backend, parts: PartUploads) -> None:
    upload = await begin(parts)
    await send(backend, parts, upload, 1, part_of(CONTENT, 1))
    assert await backend.reopen(abandoned_upload_age=timedelta(0)).sweep() == 0  # that is for uploads in one piece
    assert upload.there(await parts.found(upload)) == {1}
    late = backend.reopen(upload_lifetime=timedelta(seconds=-5))
    swept = await late.sweep() if backend.name == "s3" else 0
    await late.close()  # local storage sweeps as it opens
    assert swept == (1 if backend.name == "s3" else 0)
    assert backend.everything() == []


class TestOnDisk:
    @pytest_asyncio.fixture
    async def backend(self, local_settings: StorageSettings) -> AsyncIterator[Backend]:
        storage = open_storage(local_settings)
        yield Backend("local", storage, local_settings, lambda: list_folder(local_settings.root))
        await storage.close()

    async def test_a_part_of_another_size_is_refused_and_leaves_nothing(
        self, backend: Backend, parts: PartUploads
    ) -> None:
        upload = await begin(parts)
        with pytest.raises(UploadTooLarge):
            await send(backend, parts, upload, 3, bytes(1001))
        with pytest.raises(UploadIncomplete):
            await send(backend, parts, upload, 3, bytes(999))
        assert backend.everything() == []

    async def test_a_part_for_an_upload_that_has_ended_is_refused(self, backend: Backend, parts: PartUploads) -> None:
        upload = await begin(parts)
        await parts.discard(upload.id, reference=upload.reference)
        with pytest.raises(ObjectNotFound):
            await send(backend, parts, upload, 1, part_of(CONTENT, 1))

    async def test_whoever_holds_a_part_open_cannot_change_the_blob(self, backend: Backend, parts: PartUploads) -> None:
        upload = await begin(parts)
        await send_all(backend, parts, upload)
        descriptor = os.open(backend.settings.root / "uploads" / str(upload.id) / "1", os.O_WRONLY)
        try:
            await parts.assemble(upload)
            os.write(descriptor, b"changed")
        finally:
            os.close(descriptor)
        assert await read_all(backend.storage.stream(blob_key(upload.digest))) == CONTENT


class TestLinks:
    def upload(self) -> StagedUpload:
        return StagedUpload(id=uuid4(), project_id=PROJECT, digest="0" * 64, size_bytes=10, part_bytes=5, reference="r")

    def test_a_link_to_a_part_opens_no_file_and_no_other_way_round(self, local_settings: StorageSettings) -> None:
        keys = local_settings.signing_keys
        token = PartSigner(keys=keys).sign(self.upload(), 1, expires_in=HOUR)
        assert PartSigner(keys=keys).verify(token).size_bytes == 5
        with pytest.raises(LinkInvalid):
            FileSigner(keys=keys).verify(token)
        with pytest.raises(LinkInvalid):
            PartSigner(keys=keys).verify(token[:-2] + ("AA" if token[-2:] != "AA" else "BB"))

    def test_a_link_ends(self, local_settings: StorageSettings) -> None:
        signer = PartSigner(keys=local_settings.signing_keys)
        with pytest.raises(LinkExpired):
            signer.verify(signer.sign(self.upload(), 1, expires_in=timedelta(seconds=-1)))


class TestOnS3:
    async def test_the_farm_itself_takes_no_part(self, s3_settings: StorageSettings) -> None:
        parts = open_parts(s3_settings, None)  # type: ignore[arg-type]
        with pytest.raises(NotFound):
            await parts.write(uuid4(), 1, in_chunks(b"x"), size_bytes=1)
        await parts.close()
