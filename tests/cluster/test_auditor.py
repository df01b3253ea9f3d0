"""The loop that seals the audit log, and cuts it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from cluster.loops.auditor import Auditor
from cluster.loops.settings import LoopSettings
from db.audit import verify_chain
from db.dispatch import LostLeadership
from tests.cluster.test_outbox_sender import db, farm
from tests.db.builders import Farm

__all__ = ["db", "farm"]

_MANY = (
    "insert into audit_entry (actor_kind, action, resource_type) select 'farm', 'a.b', 'c' from generate_series(1, :n)"
)


async def test_one_tick_seals_what_there_is_and_tells_the_log_of_the_chains_head(farm: Farm) -> None:
    await farm.execute(_MANY, n=1200)
    auditor = Auditor(database=farm.db, settings=LoopSettings())
    with capture_logs() as logs:
        assert await auditor.tick(await farm.lead()) == 1200
    done = await verify_chain(farm.db)
    assert (done.breach, done.verified_seq) == (None, 1200)
    assert [(line["event"], line["seq"]) for line in logs] == [("audit_sealed", n) for n in (500, 1000, 1200)]
    assert logs[-1]["sha256"] == done.chain.sealed_hash.hex()


@pytest.mark.parametrize(("kept", "left"), [(None, 3), (timedelta(days=1), 3), (timedelta(0), 0)])
async def test_what_is_past_its_retention_goes_and_without_one_nothing_does(
    farm: Farm, kept: timedelta | None, left: int
) -> None:
    await farm.execute(_MANY, n=3)
    await Auditor(database=farm.db, settings=LoopSettings(audit_kept=kept)).tick(await farm.lead())
    assert len(await farm.rows("select from audit_entry where action = 'a.b'")) == left
    assert (await verify_chain(farm.db)).breach is None


async def test_who_leads_no_more_seals_nothing(farm: Farm) -> None:
    await farm.execute(_MANY, n=3)
    with pytest.raises(LostLeadership):
        await Auditor(database=farm.db, settings=LoopSettings()).tick(await farm.lead() + 1000)
    assert await farm.rows("select from audit_seal") == []
