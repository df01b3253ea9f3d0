"""Rows that have served their time go, and only those."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest
from structlog.testing import capture_logs

from db.dispatch import LostLeadership
from db.loops import Retention, keep_targets, prune, record_tick
from db.queue import mark_gone
from tests.db.builders import CLUSTER, Farm

DAY = timedelta(days=1)
SHORT = Retention(replicas=DAY, leaders=DAY, health=DAY, deliveries=DAY, events=DAY, logins=DAY)
FOR_EVER = Retention(replicas=None, leaders=None, health=None, deliveries=None, events=None, logins=None)


async def test_what_is_past_its_retention_goes_and_what_is_not_stays(farm: Farm) -> None:
    await _history(farm)
    assert await prune(farm.db, retention=SHORT, epoch=await farm.lead(), batches=5) > 0
    assert [row.serve_id for row in await farm.rows("select serve_id from replica order by serve_id")] == [
        "live",
        "new",
    ]
    assert [row.role for row in await farm.rows("select role from leader")] == ["dispatcher"]
    assert [row.name for row in await farm.rows("select name from loop_health")] == ["new"]
    left = await farm.rows("select distinct job.name from event join job on job.id = event.job_id order by 1")
    assert [row.name for row in left] == ["live", "new"]


async def test_what_strangers_and_sessions_leave_behind_goes(farm: Farm) -> None:
    person = uuid4()
    await farm.execute(
        "insert into account (id, email, name, password_hash) values (:id, 'ada@example.org', 'Ada', '-')", id=person
    )
    for number, age in enumerate(("2 days", "2 hours", "-2 days")):
        token = bytes([number]) * 32
        await farm.execute(
            f"insert into refresh_token (token_hash, family_id, account_id, session_epoch, expires_at)"
            f" values (:token, :family, :account, 1, now() - interval '{age}')",
            token=token,
            family=uuid4(),
            account=person,
        )
        await farm.execute(
            f"insert into oidc_login (state_hash, account_id, session_epoch, session_ends_at, expires_at)"
            f" values (:token, :account, 1, now(), now() - interval '{age}')",
            token=token,
            account=person,
        )
        await farm.execute(
            f"insert into login_throttle (email_hash, failures, last_at) values (:token, 9, now() - interval '{age}')",
            token=token,
        )
        await farm.execute(
            f"insert into invitation (id, token_hash, email, role, invited_by, expires_at)"
            f" values (:id, :token, 'eve@example.org', 'admin', 'key', now() - interval '{age}')",
            id=uuid4(),
            token=token,
        )
    await prune(farm.db, retention=SHORT, epoch=await farm.lead(), batches=5)
    for table, column in (
        ("refresh_token", "token_hash"),
        ("login_throttle", "email_hash"),
        ("invitation", "token_hash"),
        ("oidc_login", "state_hash"),
    ):
        assert [row[0][0] for row in await farm.rows(f"select {column} from {table} order by 1")] == [1, 2]
    await prune(farm.db, retention=FOR_EVER, epoch=await farm.lead(), batches=5)
    assert len(await farm.rows("select from invitation")) == 2


async def test_nothing_goes_where_everything_is_kept_for_ever(farm: Farm) -> None:
    await _history(farm)
    assert await prune(farm.db, retention=FOR_EVER, epoch=await farm.lead(), batches=5) == 0


async def test_an_event_that_is_still_to_be_told_stays(farm: Farm) -> None:
    await keep_targets(farm.db, cluster_id=CLUSTER, urls=["https://a.example.org/"], epoch=await farm.lead())
    await _ended(farm, "old")
    await farm.execute("update job set ended_at = now() - interval '9 days'")
    await farm.execute("update outbox set state = 'done', updated_at = now() - interval '9 days' where id > 1")
    await prune(farm.db, retention=SHORT, epoch=await farm.lead(), batches=5)
    [kept] = await farm.rows("select seq from event")
    [waiting] = await farm.rows("select state from outbox")
    assert (kept.seq, waiting.state) == (1, "queued")


async def test_a_kind_that_cannot_be_pruned_does_not_stop_the_others(farm: Farm) -> None:
    await _history(farm)
    await farm.execute("create table holds (id uuid references replica (id))")
    await farm.execute("insert into holds select id from replica where state = 'gone'")
    with capture_logs() as logs:
        assert await prune(farm.db, retention=SHORT, epoch=await farm.lead(), batches=5) > 0
    assert [(line["event"], line["kind"]) for line in logs] == [("prune_failed", "prune_replicas")]
    assert [row.name for row in await farm.rows("select name from loop_health")] == ["new"]


async def test_who_leads_no_more_deletes_nothing(farm: Farm) -> None:
    await _history(farm)
    with pytest.raises(LostLeadership):
        await prune(farm.db, retention=SHORT, epoch=await farm.lead() + 1000, batches=5)


async def test_a_tick_is_one_line_of_health_that_counts_failures_in_a_row(farm: Farm) -> None:
    async def tick(handled: int, error: str | None) -> None:
        await record_tick(
            farm.db, name="rescuer", cluster_id=CLUSTER, every=DAY, took_ms=1.5, handled=handled, error=error,
            epoch=await farm.lead(),
        )  # fmt: skip

    await tick(3, None)
    await tick(0, "odd\x00 " + "x" * 1000)
    await tick(0, "odd")
    row = await farm.one("select * from loop_health")
    assert (row.handled, row.failures, row.error, row.every_ms) == (3, 2, "odd", 86_400_000)
    await tick(4, None)
    row = await farm.one("select * from loop_health")
    assert (row.handled, row.failures, row.error) == (7, 0, None)


async def _history(farm: Farm) -> None:
    """An old and a new one of each kind, and what lives."""
    await farm.replica(serve_id="live")
    for name in ("old", "new"):
        gone = await farm.replica(serve_id=name)
        await mark_gone(farm.db, replica_id=gone)
        await _ended(farm, name)
        await record_tick(
            farm.db, name=name, cluster_id=CLUSTER, every=DAY, took_ms=1, handled=0, error=None,
            epoch=await farm.lead(),
        )  # fmt: skip
    await farm.submit(frames="1", name="live")
    await farm.execute("update replica set gone_at = now() - interval '2 days' where serve_id = 'old'")
    await farm.execute("update loop_health set ran_at = now() - interval '2 days' where name = 'old'")
    await farm.execute("update job set ended_at = now() - interval '2 days' where name = 'old'")
    await farm.execute(
        "insert into leader values ('loops', 'burnt', :id, nextval('leader_epoch'), now() - interval '2 days')",
        id=uuid4(),
    )


async def _ended(farm: Farm, name: str) -> None:
    job_id = await farm.submit(frames="1", name=name)
    await farm.change(job_id, "cancel")
