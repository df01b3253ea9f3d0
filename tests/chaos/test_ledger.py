"""The ledger sees what chaos could do to the books: each tampering with an exact one is named."""

from __future__ import annotations

import hashlib
from uuid import UUID

import psycopg
import pytest

from db.session import Database
from db.settings import DatabaseSettings
from jobs.frame_actions import FrameAction
from jobs.limits import FarmLimits
from tests.chaos.ledger import Ledger, read_ledger
from tests.chaos.traffic import Ordered
from tests.db.builders import Farm
from tests.db.conftest import administer, databases, db, farm, postgres, settings, template
from tests.db.control import act
from tests.db.queue_model import read_picture

__all__ = ["administer", "databases", "db", "farm", "postgres", "settings", "template"]

CONTENT = b"a picture"


@pytest.fixture
async def job(farm: Farm) -> UUID:
    """A job of three frames that has succeeded, its files as their rows say."""
    replica = await farm.replica()
    job_id = await farm.start(frames="1-3")
    await farm.commit(await farm.rendering(job_id, replica, frames=3), replica_id=replica)
    digest = hashlib.sha256(CONTENT).hexdigest()
    await farm.execute("update artifact set sha256 = :sha256, size_bytes = :size", sha256=digest, size=len(CONTENT))
    return job_id


async def count(db: Database, settings: DatabaseSettings, *jobs: UUID, content: bytes | None = CONTENT) -> Ledger:
    with psycopg.connect(settings.url.get_secret_value(), autocommit=True) as connection:
        return read_ledger(
            lambda query: connection.execute(query.encode()).fetchall(),
            await read_picture(db),
            ordered=[Ordered("plain", {}, 3, id=str(job)) for job in jobs],
            limits=FarmLimits(),
            fetch=lambda _: content,
        )


async def test_exact_books_are_found_exact(db: Database, settings: DatabaseSettings, job: UUID) -> None:
    ledger = await count(db, settings, job)
    assert ledger.wrong == []
    assert (ledger.jobs, ledger.frames, ledger.files) == ({"succeeded": 1}, {"committed": 3}, 3)


async def test_a_job_whose_frames_are_all_skipped_owes_no_film(
    db: Database, settings: DatabaseSettings, farm: Farm
) -> None:
    job_id = await farm.start(frames="1-3", outputs={"video": {"fps": 24}})
    await act(farm, job_id, FrameAction.SKIP)
    assert (await farm.job(job_id)).state == "succeeded"
    assert not [line for line in (await count(db, settings, job_id)).wrong if "film" in line]


@pytest.mark.parametrize(
    ("tampering", "named"),
    [
        ("delete from frame_result where ordinal = 1", "counted"),
        ("delete from attempt where ordinal = 1", "without one attempt"),
        (
            "insert into attempt (id, job_id, ordinal, generation, work_id, fence, outcome)"
            " select gen_random_uuid(), job_id, ordinal, generation, work_id, fence + 1, 'ok'"
            " from attempt where ordinal = 1",
            "was committed twice",
        ),
        ("delete from artifact where ordinal = 1", "0 pictures"),
        ("update artifact set sha256 = repeat('0', 64) where ordinal = 1", "another digest"),
        ("delete from event where seq = 2", "[1, 3"),
        ("update job set spec = jsonb_set(spec, '{outputs,video}', '{}')", "has not one film"),
        ("update job set state = 'running', end_reason = null, ended_at = null", "still running"),
        ("update job set state = 'failed', end_reason = 'infra'", "nobody asked for"),
    ],
)
async def test_what_is_not_exact_is_named(
    db: Database, settings: DatabaseSettings, farm: Farm, job: UUID, tampering: str, named: str
) -> None:
    await farm.execute(tampering)
    assert [line for line in (await count(db, settings, job)).wrong if named in line]


async def test_a_file_that_is_gone_and_jobs_that_do_not_match_are_named(
    db: Database, settings: DatabaseSettings, job: UUID
) -> None:
    assert [line for line in (await count(db, settings, job, content=None)).wrong if "not in the storage" in line]
    assert [line for line in (await count(db, settings)).wrong if "made twice, or by nobody" in line]
    gone = UUID(int=1)
    assert [line for line in (await count(db, settings, job, gone)).wrong if f"{gone} was accepted" in line]
