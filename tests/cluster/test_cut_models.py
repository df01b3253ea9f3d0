"""A model whose file came in chunks: opened, rendered, and never another project's."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from uuid import UUID

from db.bootstrap import ensure_project
from db.repositories.blobs import record_blob
from db.repositories.models import ModelRow, get_model
from db.submit import register_model
from jobs.states import JobState
from models.kinds import ModelKind
from models.manifest import FileChunk, Manifest, ManifestFile
from tests.cluster.in_process import InProcessFarm

SCENE = b'{"number": 7, "words": "a scene that nobody else may see"}'


async def register(
    farm: InProcessFarm, pieces: Sequence[bytes], *, claimed: bytes = SCENE, project_id: UUID | None = None
) -> UUID:
    """A model of one file that the project uploaded in these pieces, and that is said to be ``claimed``."""
    project_id = project_id or farm.project_id
    chunks = []
    for piece in pieces:
        digest = hashlib.sha256(piece).hexdigest()
        await farm.storage.put_blob(digest, _once(piece))
        async with farm.database.transaction() as tx:
            await record_blob(tx, project_id=project_id, digest=digest, size_bytes=len(piece))
        chunks.append(FileChunk(digest=digest, size_bytes=len(piece)))
    size_bytes = sum(chunk.size_bytes for chunk in chunks)
    digest = hashlib.sha256(claimed).hexdigest()
    file = ManifestFile(path="scene.fake", digest=digest, size_bytes=size_bytes, chunks=tuple(chunks))
    manifest = Manifest(kind=ModelKind.FAKE, main="scene.fake", files=(file,))
    async with farm.database.transaction() as tx:
        registered = await register_model(
            tx,
            project_id=project_id,
            name="scene",
            manifest_json=manifest.model_dump(mode="json"),
            kind=manifest.kind,
            digest=manifest.digest(),
            max_models=99,
        )
    return registered.id


async def probed(farm: InProcessFarm, model_id: UUID) -> ModelRow:
    await farm.until(lambda: farm.rows("select 1 from model where id = :id and state <> 'probing'", id=model_id))
    async with farm.database.transaction() as tx:
        row = await get_model(tx, model_id=model_id)
    assert row is not None
    return row


async def test_it_is_opened_and_rendered_like_any_other(farm: InProcessFarm) -> None:
    farm.start_dispatcher()
    farm.start_replica()
    model_id = await register(farm, [SCENE[:9], SCENE[9:20], SCENE[20:]])
    assert (await probed(farm, model_id)).state == "ready"
    job_id = await farm.submit(model=model_id, frames="1-2")
    assert (await farm.ended(job_id)).state == JobState.SUCCEEDED


async def test_chunks_that_make_another_file_are_an_invalid_model_until_the_right_ones_come(
    farm: InProcessFarm, tmp_path: Path
) -> None:
    farm.start_dispatcher()
    farm.start_replica()
    async with farm.database.transaction() as tx:
        stranger = await ensure_project(tx, slug="stranger", name="Stranger")
    evil = await register(farm, [b"#" * 20, b"!" * (len(SCENE) - 20)], project_id=stranger)
    refused = await probed(farm, evil)
    assert (refused.state, (refused.problem or {})["code"]) == ("invalid", "file-mismatch")
    assert (refused.problem or {})["remedy"]
    honest = await register(farm, [SCENE])
    assert (await probed(farm, honest)).state == "ready"
    job_id = await farm.submit(model=honest, frames="1")
    assert (await farm.ended(job_id)).state == JobState.SUCCEEDED
    kept = [path.read_bytes() for path in (tmp_path / "cache" / "models").rglob("scene.fake")]
    assert kept
    assert set(kept) == {SCENE}
    assert await register(farm, [SCENE[:30], SCENE[30:]], project_id=stranger) == evil
    assert (await probed(farm, evil)).state == "ready"


async def test_a_project_that_only_knows_the_digest_is_not_given_the_file_that_the_farm_has_ready(
    farm: InProcessFarm,
) -> None:
    farm.start_dispatcher()
    honest = await register(farm, [SCENE[:9], SCENE[9:]])
    assert (await probed(farm, honest)).state == "ready"
    async with farm.database.transaction() as tx:
        stranger = await ensure_project(tx, slug="stranger", name="Stranger")
    guess = await register(farm, [b"?" * len(SCENE)], project_id=stranger)
    assert (await probed(farm, guess)).state == "invalid"


async def _once(content: bytes) -> AsyncIterator[bytes]:
    yield content
