"""Models whose files are in chunks: every chunk must be the project's own, and what is wrong can be put right."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Sequence
from typing import Any

import pytest
from sqlalchemy import text

from db.billing.quotas import set_quotas
from db.bootstrap import ensure_project
from db.submit import RegisteredModel, register_model
from jobs.billing import OverQuota, Quotas
from jobs.errors import InvalidInput
from tests.db.builders import Farm
from tests.db.test_submit import _upload as upload

WHOLE = hashlib.sha256(b"one two").hexdigest()


async def register(farm: Farm, chunks: Sequence[tuple[str, int]], **file: Any) -> RegisteredModel:
    """A model of one file in these chunks."""
    entry = {
        "path": "scene.blend",
        "digest": WHOLE,
        "size_bytes": sum(size for _, size in chunks),
        "chunks": [{"digest": digest, "size_bytes": size} for digest, size in chunks],
        **file,
    }
    manifest = {"kind": "fake", "main": "scene.blend", "files": [entry], "remap": {}}
    async with farm.db.transaction() as tx:
        return await register_model(
            tx,
            project_id=farm.project_id,
            name="scene",
            manifest_json=manifest,
            kind="fake",
            digest=WHOLE,
            max_models=9,
        )


async def uploaded(farm: Farm, *contents: bytes) -> list[tuple[str, int]]:
    return [(await upload(farm.db, farm.project_id, content), len(content)) for content in contents]


async def test_all_chunks_are_needed_and_the_whole_is_not(farm: Farm) -> None:
    [one, two] = await uploaded(farm, b"one ", b"two")
    lacking = hashlib.sha256(b"three").hexdigest()
    with pytest.raises(InvalidInput) as caught:
        await register(farm, [one, two, (lacking, 5)])
    assert caught.value.details["lacking"] == [lacking]
    made = await register(farm, [one, two])
    assert (made.state, made.created) == ("probing", True)


async def test_the_whole_does_not_stand_in_for_a_chunk(farm: Farm) -> None:
    await upload(farm.db, farm.project_id, b"one two")
    [one] = await uploaded(farm, b"one ")
    with pytest.raises(InvalidInput, match="1 of the 2 blobs"):
        await register(farm, [one, (hashlib.sha256(b"two").hexdigest(), 3)])


async def test_a_chunk_of_another_project_counts_as_lacking(farm: Farm) -> None:
    async with farm.db.transaction() as tx:
        other = await ensure_project(tx, slug="other", name="Other")
    theirs = await upload(farm.db, other, b"one two")
    with pytest.raises(InvalidInput, match="have not been uploaded"):
        await register(farm, [(theirs, 7)])


async def test_a_size_that_is_not_the_chunks_is_named(farm: Farm) -> None:
    [(one, _), two] = await uploaded(farm, b"one ", b"two")
    with pytest.raises(InvalidInput, match=r"chunk .* of scene\.blend has 4 bytes, and 9 in"):
        await register(farm, [(one, 9), two])


async def test_one_chunk_named_a_thousand_times_is_no_way_around_the_quota(farm: Farm) -> None:
    async with farm.db.transaction() as tx:
        await set_quotas(tx, project_id=farm.project_id, quotas=Quotas(stored_bytes=3_999_999), by="a test")
    [one] = await uploaded(farm, b"one " * 1000)
    with pytest.raises(OverQuota, match="4,000,000 bytes"):
        await register(farm, [one] * 1000)
    assert (await register(farm, [one] * 900)).created


async def test_chunks_that_did_not_make_the_file_are_tried_again_only_where_others_come(farm: Farm) -> None:
    [one, two, wrong] = await uploaded(farm, b"one ", b"two", b"two ")
    made = await register(farm, [wrong, (one[0], 4)])
    await farm.execute("""update model set state = 'invalid', problem = '{"code": "file-mismatch"}'""")
    await farm.execute("update work set state = 'failed'")
    assert (await register(farm, [wrong, (one[0], 4)])).state == "invalid"
    again, raced = await asyncio.gather(register(farm, [one, two]), register(farm, [one, two]))
    assert {again.id, raced.id} == {made.id}
    [row] = await farm.rows("select state, manifest from model where id = :id", id=made.id)
    assert row.state == "probing"
    assert [chunk["digest"] for chunk in row.manifest["files"][0]["chunks"]] == [one[0], two[0]]
    assert (await farm.one("select count(*) from work where kind = 'probe'")).count == 2


async def test_a_model_that_is_ready_keeps_its_chunks_whatever_comes(farm: Farm) -> None:
    [one, two, other] = await uploaded(farm, b"one ", b"two", b"one two")
    made = await register(farm, [one, two])
    await farm.execute("update model set state = 'ready' where id = :id", id=made.id)
    again = await register(farm, [other])
    assert (again.id, again.state) == (made.id, "ready")
    [row] = await farm.rows("select manifest from model where id = :id", id=made.id)
    assert len(row.manifest["files"][0]["chunks"]) == 2


async def test_whether_a_model_needs_a_blob_is_found_in_an_index(farm: Farm) -> None:
    async with farm.db.transaction() as tx:
        await tx.execute(text("set local enable_seqscan = off"))
        asked = "explain select from model where blobs_of(model.manifest) @> jsonb_build_array(cast(:digest as text))"
        plan = (await tx.execute(text(asked), {"digest": WHOLE})).scalars().all()
    assert any("model_by_blob" in line for line in plan), plan
