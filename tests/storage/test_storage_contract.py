"""What every storage backend promises, asked of each in the same words."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from jobs.errors import InvalidInput
from storage import (
    ArtifactUpload,
    DigestMismatch,
    ObjectNotFound,
    StoredObject,
    UploadIncomplete,
    UploadTooLarge,
    artifact_key,
    blob_key,
)
from tests.storage.backends import MIB, Backend, in_chunks, pattern, read_all, sha256, write

KEY = artifact_key(job_id="j1", part=7, attempt="a1", filename="frame_0007.png")
SMALL = pattern(30_000)
LARGE = pattern(10 * MIB + 123)  # three S3 parts, and many disk chunks
ESCAPES = [
    "../secret",
    "artifacts/../../secret",
    "artifacts/./x",
    "artifacts//x",
    "/etc/passwd",
    "artifacts/..",
    "artifacts",
    "artifacts/",
    "artifacts/a\\..\\b",
    "artifacts/a\0b",
    "artifacts/.hidden",
    "artifacts/x\n",
    "incoming/x",
    "blobs/ab/cd/" + "e" * 64,
    "blobs/../artifacts/x",
    "artifacts/" + "a" * 201,
    "artifacts/a:b",
    "artifacts/%2e%2e/x",
    "",
]


class TestBlobs:
    @pytest.mark.parametrize("data", [b"", SMALL, LARGE], ids=["empty", "small", "large"])
    async def test_a_blob_comes_back_as_it_went_in(self, backend: Backend, tmp_path: Path, data: bytes) -> None:
        digest = sha256(data)
        assert not await backend.storage.has_blob(digest)
        assert await backend.storage.put_blob(digest, in_chunks(data), size_bytes=len(data)) == len(data)
        assert await backend.storage.has_blob(digest)
        await backend.storage.fetch_blob(digest, tmp_path / "cache" / "scene.blend")
        assert (tmp_path / "cache" / "scene.blend").read_bytes() == data
        assert [path.name for path in (tmp_path / "cache").iterdir()] == ["scene.blend"]
        assert backend.everything() == [blob_key(digest)]
        stored = await backend.storage.stat(blob_key(digest))
        assert stored is not None
        assert (stored.sha256, stored.size_bytes) == (digest, len(data))

    @pytest.mark.parametrize("data", [SMALL, LARGE], ids=["small", "large"])
    async def test_bytes_that_do_not_match_their_digest_leave_nothing(self, backend: Backend, data: bytes) -> None:
        with pytest.raises(DigestMismatch) as caught:
            await backend.storage.put_blob(sha256(b"other"), in_chunks(data))
        assert caught.value.details["actual"] == sha256(data)
        assert caught.value.remedy
        assert backend.everything() == []

    @pytest.mark.parametrize("data", [SMALL, LARGE], ids=["small", "large"])
    async def test_an_upload_that_ends_early_leaves_nothing(self, backend: Backend, data: bytes) -> None:
        with pytest.raises(UploadIncomplete):
            await backend.storage.put_blob(sha256(data), in_chunks(data[:-1]), size_bytes=len(data))
        assert backend.everything() == []

    @pytest.mark.parametrize("sent_bytes", [10_000, 10 * MIB])
    async def test_an_upload_whose_connection_breaks_leaves_nothing(self, backend: Backend, sent_bytes: int) -> None:
        async def broken() -> AsyncIterator[bytes]:
            async for chunk in in_chunks(LARGE[:sent_bytes]):
                yield chunk
            raise ConnectionResetError("client went away")

        with pytest.raises(ConnectionResetError):
            await backend.storage.put_blob(sha256(LARGE), broken(), size_bytes=len(LARGE))
        assert backend.everything() == []

    @pytest.mark.parametrize("sent_bytes", [10_000, 10 * MIB])
    async def test_a_cancelled_upload_leaves_nothing(self, backend: Backend, sent_bytes: int) -> None:
        waiting = asyncio.Event()

        async def stalled() -> AsyncIterator[bytes]:
            async for chunk in in_chunks(LARGE[:sent_bytes]):
                yield chunk
            waiting.set()
            await asyncio.Event().wait()

        upload = asyncio.create_task(backend.storage.put_blob(sha256(LARGE), stalled()))
        await asyncio.wait_for(waiting.wait(), 20)
        upload.cancel()
        with pytest.raises(asyncio.CancelledError):
            await upload
        assert backend.everything() == []

    @pytest.mark.parametrize("steps", [1, 8, 34])
    async def test_a_cancel_at_any_moment_leaves_all_or_nothing(self, backend: Backend, steps: int) -> None:
        upload = asyncio.create_task(backend.storage.put_blob(sha256(LARGE), in_chunks(LARGE, MIB)))
        for _ in range(steps):
            await asyncio.wait({upload}, timeout=0.001)
        upload.cancel()
        await asyncio.wait({upload})
        whole = await backend.storage.has_blob(sha256(LARGE))
        assert backend.everything() == ([blob_key(sha256(LARGE))] if whole else [])

    async def test_more_bytes_than_announced_are_refused(self, backend: Backend) -> None:
        with pytest.raises(UploadTooLarge, match="announced"):
            await backend.storage.put_blob(sha256(SMALL), in_chunks(SMALL), size_bytes=len(SMALL) - 1)
        assert backend.everything() == []

    async def test_an_upload_over_the_limit_is_refused_with_and_without_announcement(self, backend: Backend) -> None:
        storage = backend.reopen(max_blob_bytes=6 * MIB)
        with pytest.raises(UploadTooLarge) as caught:
            await storage.put_blob(sha256(LARGE), in_chunks(LARGE), size_bytes=len(LARGE))
        assert caught.value.details["limit_bytes"] == 6 * MIB
        with pytest.raises(UploadTooLarge):
            await storage.put_blob(sha256(LARGE), in_chunks(LARGE))
        assert backend.everything() == []
        await storage.close()

    async def test_knowing_the_digest_of_a_stored_blob_does_not_replace_its_bytes(self, backend: Backend) -> None:
        await backend.storage.put_blob(sha256(SMALL), in_chunks(SMALL))
        with pytest.raises(DigestMismatch):
            await backend.storage.put_blob(sha256(SMALL), in_chunks(b"guess"))
        assert await backend.storage.put_blob(sha256(SMALL), in_chunks(SMALL)) == len(SMALL)
        assert backend.everything() == [blob_key(sha256(SMALL))]

    @pytest.mark.parametrize("data", [SMALL, LARGE], ids=["small", "large"])
    async def test_the_same_blob_uploaded_by_many_at_once_is_stored_once(self, backend: Backend, data: bytes) -> None:
        other = backend.reopen()
        stores = [backend.storage, other] * 2
        sizes = await asyncio.gather(*[store.put_blob(sha256(data), in_chunks(data)) for store in stores])
        assert sizes == [len(data)] * 4
        assert backend.everything() == [blob_key(sha256(data))]
        assert await read_all(other.stream(blob_key(sha256(data)))) == data
        await other.close()

    async def test_what_a_killed_process_left_is_swept_once_it_is_old(self, backend: Backend) -> None:
        settings = backend.settings
        environment = {
            **os.environ,
            "RAYFARM_STORAGE_URL": settings.url,
            "RAYFARM_STORAGE_PART_BYTES": str(settings.part_bytes),
        }
        if settings.is_s3:
            assert settings.endpoint_url
            assert settings.access_key_id
            assert settings.secret_access_key
            environment["RAYFARM_STORAGE_ENDPOINT_URL"] = settings.endpoint_url
            environment["RAYFARM_STORAGE_ACCESS_KEY_ID"] = settings.access_key_id.get_secret_value()
            environment["RAYFARM_STORAGE_SECRET_ACCESS_KEY"] = settings.secret_access_key.get_secret_value()
        script = Path(__file__).with_name("hanging_upload.py")
        environment["PYTHONPATH"] = str(script.parents[2])
        process = await asyncio.create_subprocess_exec(
            sys.executable, str(script), str(11 * MIB), env=environment, stdout=asyncio.subprocess.PIPE
        )
        assert process.stdout is not None
        assert await asyncio.wait_for(process.stdout.readline(), 30) == b"sent\n"
        process.send_signal(signal.SIGKILL)
        await process.wait()
        assert len(backend.everything()) == 1
        assert await backend.storage.sweep() == 0  # it might still be alive
        assert len(backend.everything()) == 1
        impatient = backend.reopen(abandoned_upload_age=timedelta(seconds=-5))
        await impatient.sweep()
        assert backend.everything() == []
        await impatient.close()

    async def test_a_blob_that_is_not_there_is_said_to_be_missing(self, backend: Backend, tmp_path: Path) -> None:
        with pytest.raises(ObjectNotFound):
            await backend.storage.fetch_blob(sha256(b"nowhere"), tmp_path / "x")
        assert not (tmp_path / "x").exists()

    @pytest.mark.parametrize("digest", ["", "abc", "../../etc/passwd", "A" * 64, "0" * 63 + "\n", "0" * 65])
    async def test_what_is_no_digest_is_refused(self, backend: Backend, tmp_path: Path, digest: str) -> None:
        for call in (
            backend.storage.put_blob(digest, in_chunks(b"")),
            backend.storage.has_blob(digest),
            backend.storage.fetch_blob(digest, tmp_path / "x"),
        ):
            with pytest.raises(InvalidInput):
                await call


class TestArtifacts:
    @pytest.mark.parametrize("data", [b"", SMALL, LARGE], ids=["empty", "small", "large"])
    @pytest.mark.parametrize("consume", [False, True], ids=["keep", "consume"])
    async def test_an_artifact_comes_back_as_it_went_in(
        self, backend: Backend, tmp_path: Path, data: bytes, consume: bool
    ) -> None:
        source = write(tmp_path, data)
        stored = await backend.storage.put_artifact(KEY, source, media_type="image/png", consume=consume)
        assert stored == StoredObject(key=KEY, size_bytes=len(data), sha256=sha256(data), media_type="image/png")
        assert source.exists() is not consume
        assert await backend.storage.stat(KEY) == stored
        await backend.storage.fetch(KEY, tmp_path / "got" / "frame.png")
        assert (tmp_path / "got" / "frame.png").read_bytes() == data
        assert backend.everything() == [KEY]

    async def test_storing_under_the_same_key_again_replaces_the_whole(self, backend: Backend, tmp_path: Path) -> None:
        await backend.storage.put_artifact(KEY, write(tmp_path, SMALL), media_type="image/png")
        again = await backend.storage.put_artifact(KEY, write(tmp_path, b"newer"), media_type="image/jpeg")
        assert await backend.storage.stat(KEY) == again
        assert await read_all(backend.storage.stream(KEY)) == b"newer"

    async def test_the_files_of_a_frame_are_stored_together(self, backend: Backend, tmp_path: Path) -> None:
        uploads = [
            ArtifactUpload(
                key=f"artifacts/j1/7/a1/pass_{n}.exr",
                source=write(tmp_path, pattern(5000 + n), f"{n}.exr"),
                media_type="image/x-exr",
            )
            for n in range(4)
        ]
        stored = await backend.storage.put_artifacts(uploads, consume=True)
        assert [each.sha256 for each in stored] == [sha256(pattern(5000 + n)) for n in range(4)]
        assert backend.everything() == [upload.key for upload in uploads]
        assert not any(upload.source.exists() for upload in uploads)
        assert await backend.storage.put_artifacts([]) == []

    async def test_one_bad_file_of_a_frame_leaves_none_of_them(self, backend: Backend, tmp_path: Path) -> None:
        good = ArtifactUpload(key="artifacts/j1/7/a1/good.png", source=write(tmp_path, SMALL), media_type="image/png")
        bad = ArtifactUpload(key="artifacts/j1/7/a1/bad.png", source=tmp_path / "absent", media_type="image/png")
        with pytest.raises(InvalidInput, match="absent"):
            await backend.storage.put_artifacts([good, bad], consume=True)
        assert backend.everything() == []
        assert good.source.read_bytes() == SMALL

    @pytest.mark.parametrize("data", [SMALL, LARGE], ids=["small", "large"])
    async def test_a_cancelled_artifact_leaves_nothing(self, backend: Backend, tmp_path: Path, data: bytes) -> None:
        source = write(tmp_path, data)
        upload = asyncio.create_task(backend.storage.put_artifact(KEY, source, media_type="image/png", consume=True))
        await asyncio.sleep(0)
        upload.cancel()
        with pytest.raises(asyncio.CancelledError):
            await upload
        assert backend.everything() == []
        assert source.read_bytes() == data

    async def test_a_renderer_cannot_pass_off_a_link_or_a_pipe_as_its_output(
        self, backend: Backend, tmp_path: Path
    ) -> None:
        secret = write(tmp_path, b"admin key", "admin_key")
        (tmp_path / "link.png").symlink_to(secret)
        os.mkfifo(tmp_path / "pipe.png")
        (tmp_path / "folder.png").mkdir()
        (tmp_path / "extra").symlink_to(tmp_path)
        for name in ("link.png", "pipe.png", "folder.png", "extra/admin_key"):
            with pytest.raises(InvalidInput, match=Path(name).name):
                await backend.storage.put_artifact(KEY, tmp_path / name, media_type="image/png")
        assert backend.everything() == []

    @pytest.mark.parametrize("media_type", ["", "image", "image/png\r\nX-Evil: 1", "image/png; a=b"])
    async def test_a_media_type_that_is_none_is_refused(
        self, backend: Backend, tmp_path: Path, media_type: str
    ) -> None:
        with pytest.raises(InvalidInput):
            await backend.storage.put_artifact(KEY, write(tmp_path, SMALL), media_type=media_type)
        assert backend.everything() == []

    async def test_deleting_twice_is_the_same_as_once(self, backend: Backend, tmp_path: Path) -> None:
        await backend.storage.put_artifact(KEY, write(tmp_path, SMALL), media_type="image/png")
        await backend.storage.delete(KEY)
        await backend.storage.delete(KEY)
        assert await backend.storage.stat(KEY) is None
        assert backend.everything() == []

    async def test_a_cancelled_or_failed_fetch_leaves_no_file(self, backend: Backend, tmp_path: Path) -> None:
        await backend.storage.put_artifact(KEY, write(tmp_path, LARGE), media_type="image/png")
        target = tmp_path / "got" / "frame.png"
        fetch = asyncio.create_task(backend.storage.fetch(KEY, target))
        await asyncio.sleep(0)
        fetch.cancel()
        with pytest.raises(asyncio.CancelledError):
            await fetch
        with pytest.raises(ObjectNotFound):
            await backend.storage.fetch("artifacts/j1/8/a1/none.png", target)
        left = list(target.parent.iterdir()) if target.parent.exists() else []
        assert left in ([], [target])


class TestKeysAndHealth:
    async def test_a_key_that_escapes_is_refused_everywhere(self, backend: Backend, tmp_path: Path) -> None:
        source = write(tmp_path, SMALL)
        for key in ESCAPES:
            for call in (
                backend.storage.put_artifact(key, source, media_type="image/png"),
                backend.storage.fetch(key, tmp_path / "x"),
                backend.storage.stat(key),
                backend.storage.delete(key),
                read_all(backend.storage.stream(key)),
            ):
                with pytest.raises(InvalidInput):
                    await call
            with pytest.raises(InvalidInput):
                backend.storage.download_url(
                    key, expires_in=timedelta(minutes=1), filename="a.png", media_type="image/png"
                )
        assert backend.everything() == []

    async def test_a_working_storage_passes_its_check_and_keeps_nothing_of_it(self, backend: Backend) -> None:
        await backend.storage.check()
        assert backend.everything() == []

    async def test_what_one_process_stores_another_reads(self, backend: Backend, tmp_path: Path) -> None:
        other = backend.reopen()
        await backend.storage.put_artifact(KEY, write(tmp_path, SMALL), media_type="image/png")
        assert await read_all(other.stream(KEY)) == SMALL
        await other.close()
