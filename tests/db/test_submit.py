"""The front door of the queue: models, jobs, idempotency."""

from __future__ import annotations

import asyncio
import hashlib
from uuid import UUID, uuid4

import pytest
from sqlalchemy import func, insert, text

from db.billing.quotas import set_quotas, stored_bytes
from db.billing.upkeep import measure_storage
from db.bootstrap import ensure_project
from db.cancel import cancel_job
from db.model_room import TooManyModels
from db.session import Database
from db.submit import register_model, submit_job
from db.tables import BLOB, PROJECT_BLOB
from jobs.billing import OverQuota, Quotas
from jobs.errors import Conflict, InvalidInput, NotFound
from tests.db.builders import Farm, add_model


class TestSubmitJob:
    async def test_a_million_frames_are_one_job_row_and_one_range_row(self, farm: Farm) -> None:
        job_id = await farm.submit(frames="1-1000000")
        assert (await farm.job(job_id)).total == 1_000_000
        work = await farm.rows("select kind, first, count, state from work where job_id = :id", id=job_id)
        assert [tuple(row) for row in work] == [("range", 0, 1_000_000, "queued")]

    async def test_it_begins_the_feed_with_event_one(self, farm: Farm) -> None:
        job_id = await farm.submit()
        [(seq, kind, data)] = await farm.events(job_id)
        assert (seq, kind, data["total"]) == (1, "job.created", 10)

    async def test_a_model_of_another_project_is_not_found(self, farm: Farm) -> None:
        async with farm.db.transaction() as tx:
            other = await ensure_project(tx, slug="other", name="Other")
        foreign = await add_model(farm.db, project_id=other)
        with pytest.raises(NotFound):
            await farm.submit(model=foreign)

    @pytest.mark.parametrize("state", ["probing", "incomplete", "invalid"])
    async def test_a_model_that_is_not_ready_is_a_conflict_that_names_its_state(self, farm: Farm, state: str) -> None:
        model = await add_model(farm.db, project_id=farm.project_id, state=state)
        with pytest.raises(Conflict, match=state):
            await farm.submit(model=model)

    async def test_the_same_key_gives_the_same_job(self, farm: Farm) -> None:
        async def submit() -> tuple[UUID, bool]:
            async with farm.db.transaction() as tx:
                made = await submit_job(tx, project_id=farm.project_id, spec=farm.spec(), idempotency_key="k")
                return made.id, made.created

        model = farm.model_id
        assert model
        answers = await asyncio.gather(*(submit() for _ in range(4)))
        assert len({job_id for job_id, _ in answers}) == 1
        assert sum(created for _, created in answers) == 1
        assert (await farm.one("select count(*) from work")).count == 1

    async def test_the_same_key_for_another_spec_is_a_conflict(self, farm: Farm) -> None:
        async with farm.db.transaction() as tx:
            await submit_job(tx, project_id=farm.project_id, spec=farm.spec(), idempotency_key="k")
        with pytest.raises(Conflict, match="another job"):
            async with farm.db.transaction() as tx:
                await submit_job(tx, project_id=farm.project_id, spec=farm.spec(frames="1-11"), idempotency_key="k")

    async def test_a_job_of_before_a_new_field_is_still_the_same_request(self, farm: Farm) -> None:
        async with farm.db.transaction() as tx:
            first = await submit_job(tx, project_id=farm.project_id, spec=farm.spec(), idempotency_key="k")
            await tx.execute(text("update job set spec = spec - 'tags' - 'show' - 'shot'"))
            again = await submit_job(tx, project_id=farm.project_id, spec=farm.spec(), idempotency_key="k")
            assert (again.id, again.created) == (first.id, False)
            with pytest.raises(Conflict, match="another job"):
                await submit_job(tx, project_id=farm.project_id, spec=farm.spec(tags=["new"]), idempotency_key="k")


class TestCancelBeforeStart:
    async def test_a_queued_job_is_canceled_at_once_with_all_its_frames(self, farm: Farm) -> None:
        job_id = await farm.submit(frames="1-1000000")
        async with farm.db.transaction() as tx:
            assert await cancel_job(tx, job_id=job_id) == "canceled"
        job = await farm.job(job_id)
        assert (job.state, job.end_reason, job.canceled) == ("canceled", "user_cancel", 1_000_000)
        assert [row.state for row in await farm.rows("select state from work")] == ["canceled"]
        assert [kind for _, kind, _ in await farm.events(job_id)] == ["job.created", "job.state", "job.state"]

    async def test_many_who_cancel_at_once_all_hear_that_it_is_canceled(self, farm: Farm) -> None:
        job_id = await farm.submit()

        async def cancel() -> str:
            async with farm.db.transaction() as tx:
                return await cancel_job(tx, job_id=job_id)

        assert set(await asyncio.gather(*(cancel() for _ in range(5)))) == {"canceled"}
        assert [kind for _, kind, _ in await farm.events(job_id)] == ["job.created", "job.state", "job.state"]


class TestRegisterModel:
    async def test_it_waits_for_its_probe(self, farm: Farm) -> None:
        digest = await _upload(farm.db, farm.project_id, b"scene")
        made = await _register(farm, [digest])
        assert (made.state, made.created) == ("probing", True)
        row = await farm.one("select kind, state from work where model_id = :id", id=made.id)
        assert tuple(row) == ("probe", "queued")
        again = await _register(farm, [digest])
        assert (again.id, again.created) == (made.id, False)
        assert (await farm.one("select count(*) from work")).count == 1

    async def test_lacking_blobs_are_listed_and_nothing_is_left_behind(self, farm: Farm) -> None:
        have = await _upload(farm.db, farm.project_id, b"scene")
        lacking = [hashlib.sha256(str(n).encode()).hexdigest() for n in range(25)]
        with pytest.raises(InvalidInput) as caught:
            await _register(farm, [have, *lacking])
        assert caught.value.details["lacking"] == sorted(lacking)[:20]
        assert caught.value.details["lacking_count"] == 25
        assert (await farm.one("select count(*) from model where state = 'probing'")).count == 0

    async def test_a_size_that_is_not_the_blobs_is_named(self, farm: Farm) -> None:
        digest = await _upload(farm.db, farm.project_id, b"scene of another size")
        with pytest.raises(InvalidInput, match=r"0\.bin has 21 bytes, and 5") as caught:
            await _register(farm, [digest])
        assert caught.value.remedy
        assert (await farm.one("select count(*) from model where state = 'probing'")).count == 0

    async def test_a_model_whose_probe_broke_is_probed_again_when_it_is_registered_again(self, farm: Farm) -> None:
        digest = await _upload(farm.db, farm.project_id, b"scene")
        made = await _register(farm, [digest])
        for code, state in (("probe-failed", "probing"), ("model-invalid", "invalid")):
            await farm.execute(f"""update model set state = 'invalid', problem = '{{"code": "{code}"}}'""")
            await farm.execute("update work set state = 'failed'")
            again, raced = await asyncio.gather(_register(farm, [digest]), _register(farm, [digest]))
            assert {again.id, raced.id} == {made.id}
            assert (await farm.one("select state from model where id = :id", id=made.id)).state == state
        assert (await farm.one("select count(*) from work where kind = 'probe'")).count == 2

    async def test_one_byte_under_many_names_fills_the_quota_and_not_the_database(self, farm: Farm) -> None:
        digest = await _upload(farm.db, farm.project_id, b"scene")
        async with farm.db.transaction() as tx:
            await set_quotas(tx, project_id=farm.project_id, quotas=Quotas(stored_bytes=100_000), by="a test")
        with pytest.raises(OverQuota, match="bytes stored"):
            await _register(farm, [digest] * 2000)
        registered, room = 0, True
        while room:
            try:
                await _register(farm, [digest] * (200 + registered))
                registered += 1
            except OverQuota:
                room = False
        assert registered > 1
        async with farm.db.transaction() as tx:
            assert 5 + await farm.manifest_bytes() == await stored_bytes(tx, project_id=farm.project_id) < 100_000

    async def test_a_manifest_counts_once_measured_or_not(self, farm: Farm) -> None:
        digest = await _upload(farm.db, farm.project_id, b"scene")
        await _register(farm, [digest])
        expected = 5 + await farm.manifest_bytes()
        for _ in range(2):
            async with farm.db.transaction() as tx:
                assert await stored_bytes(tx, project_id=farm.project_id) == expected
            await measure_storage(farm.db, epoch=await farm.lead())

    async def test_another_cut_of_an_invalid_model_is_held_to_the_quota_too(self, farm: Farm) -> None:
        digest = await _upload(farm.db, farm.project_id, b"scene")
        await _register(farm, [digest])
        await farm.execute("update model set state = 'invalid'")
        async with farm.db.transaction() as tx:
            await set_quotas(tx, project_id=farm.project_id, quotas=Quotas(stored_bytes=10), by="a test")
        with pytest.raises(OverQuota):
            await _register(farm, [digest])
        await farm.execute("update model set state = 'ready'")
        assert not (await _register(farm, [digest])).created

    async def test_a_project_has_no_more_models_than_the_farm_allows_and_known_ones_are_answered(
        self, farm: Farm
    ) -> None:
        digests = [await _upload(farm.db, farm.project_id, b"scen%d" % number) for number in range(5)]
        first = await _register(farm, digests[:1], max_models=3)  # beside the farm's own
        asked = (_register(farm, [digest], max_models=3) for digest in digests[1:])
        outcomes = await asyncio.gather(*asked, return_exceptions=True)
        refused = [outcome for outcome in outcomes if isinstance(outcome, TooManyModels)]
        assert len(refused) == 3
        assert "RAYFARM_LIMITS_MAX_MODELS_PER_PROJECT" in str(refused[0].remedy)
        assert (await farm.one("select count(*) from model")).count == 3
        assert (await _register(farm, digests[:1], max_models=3)).id == first.id

    async def test_a_blob_of_another_project_counts_as_lacking(self, farm: Farm) -> None:
        async with farm.db.transaction() as tx:
            other = await ensure_project(tx, slug="other", name="Other")
        digest = await _upload(farm.db, other, b"secret scene")
        with pytest.raises(InvalidInput):
            await _register(farm, [digest])


async def _upload(db: Database, project_id: UUID, content: bytes) -> str:
    digest = hashlib.sha256(content).hexdigest()
    async with db.transaction() as tx:
        await tx.execute(insert(BLOB).values(digest=digest, size_bytes=len(content), created_at=func.now()))
        await tx.execute(insert(PROJECT_BLOB).values(project_id=project_id, digest=digest, created_at=func.now()))
    return digest


async def _register(farm: Farm, digests: list[str], *, max_models: int = 99):  # type: ignore[no-untyped-def]
    files = [{"path": f"{n}.bin", "digest": digest, "size_bytes": 5} for n, digest in enumerate(digests)]
    manifest = {"kind": "fake", "main": "0.bin", "files": files, "remap": {}}
    manifest_digest = hashlib.sha256(repr(digests).encode()).hexdigest()
    async with farm.db.transaction() as tx:
        return await register_model(
            tx,
            project_id=farm.project_id,
            name=f"m-{uuid4().hex[:4]}",
            manifest_json=manifest,
            kind="fake",
            digest=manifest_digest,
            max_models=max_models,
        )
