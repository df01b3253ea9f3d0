"""The audit log: what the database refuses, and what its chain finds of what it could not refuse."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from db.audit import (
    ActorKind,
    AuditActor,
    AuditChange,
    AuditFilter,
    Verification,
    append_audit,
    list_entries,
    prune_audit,
    read_chain,
    read_sealed,
    seal_entries,
    verify_chain,
)
from db.audit.chain import HASHED
from db.audit.verify import Anchor, BreachKind
from db.dispatch import LostLeadership
from tests.db.builders import Farm

ADA = AuditActor(kind=ActorKind.ACCOUNT, id=uuid4(), name="ada@example.org", role="manager", address="192.0.2.7")
DAY = timedelta(days=1)


async def write(farm: Farm, count: int = 1, **after: object) -> list[int]:
    async with farm.db.transaction() as tx:
        return [
            await append_audit(
                tx,
                actor=ADA,
                change=AuditChange(
                    action="key.create",
                    resource_type="key",
                    resource_id=f"k{number}",
                    before={"weight": 1.5},
                    after=after or {"name": "ci", "scopes": ["a", "ü"]},
                ),
            )
            for number in range(count)
        ]


async def seal(farm: Farm, limit: int = 100) -> int:
    return (await seal_entries(farm.db, limit=limit, epoch=await farm.lead())).count


async def sealed(farm: Farm, count: int = 5) -> list[int]:
    ids = await write(farm, count)
    assert await seal(farm) == count
    return ids


async def tamper(farm: Farm, command: str, **parameters: object) -> None:
    """As a superuser who switches the triggers off."""
    async with farm.db.transaction() as tx:
        await tx.execute(text("set local session_replication_role = replica"))
        done = await tx.execute(text(command), parameters)
        assert done.rowcount > 0


async def found(farm: Farm, **options: object) -> Verification:
    return await verify_chain(farm.db, **options)  # type: ignore[arg-type]


class TestAppendOnly:
    @pytest.mark.parametrize(
        "command",
        [
            "update audit_entry set actor_name = 'eve'",
            "update audit_entry set after = null",
            "delete from audit_entry",
            "truncate audit_entry",
            "truncate audit_entry cascade",
            "update audit_seal set hash = decode(repeat('00', 32), 'hex')",
            "delete from audit_seal",
            "truncate audit_seal",
            "delete from audit_chain",
            "truncate audit_chain",
            "update audit_chain set sealed_seq = 1",
            "update audit_chain set sealed_hash = decode(repeat('00', 32), 'hex')",
            "update audit_chain set pruned_seq = 2",
            "update audit_chain set pruned_seq = 99, sealed_seq = 99",
        ],
    )
    async def test_the_database_itself_refuses_it(self, farm: Farm, command: str) -> None:
        await sealed(farm)
        with pytest.raises(ProgrammingError, match=r"append-only|moves forward"):
            await farm.execute(command)
        assert (await found(farm)).breach is None

    @pytest.mark.parametrize(
        "command", ["delete from audit_pending", "truncate audit_pending", "delete from audit_entry"]
    )
    async def test_an_entry_that_is_not_sealed_yet_stays_too(self, farm: Farm, command: str) -> None:
        await write(farm)
        with pytest.raises(ProgrammingError, match="append-only"):
            await farm.execute(command)

    async def test_an_entry_rolls_back_with_its_change(self, farm: Farm) -> None:
        async def fail() -> None:
            async with farm.db.transaction() as tx:
                await append_audit(tx, actor=ADA, change=AuditChange(action="key.create", resource_type="key"))
                raise RuntimeError

        with pytest.raises(RuntimeError):
            await fail()
        assert await farm.rows("select from audit_entry") == []
        assert await farm.rows("select from audit_pending") == []

    async def test_no_secret_is_kept_whoever_writes(self, farm: Farm) -> None:
        await write(
            farm, password="hunter2hunter2", link="https://s3/x?X-Amz-Signature=abc", note="rf_abcdefgh_" + "s" * 43
        )
        [row] = await farm.rows("select after::text as words from audit_entry")
        assert "hunter2" not in row.words
        assert 'abc"' not in row.words
        assert "sssss" not in row.words


class TestSealing:
    async def test_entries_are_chained_in_their_order_and_verify(self, farm: Farm) -> None:
        ids = await write(farm, 5)
        assert await seal(farm, limit=3) == 3
        assert await seal(farm, limit=3) == 2
        assert await seal(farm) == 0
        rows = await farm.rows("select seq, entry_id from audit_seal order by seq")
        assert [(row.seq, row.entry_id) for row in rows] == list(zip(range(1, 6), ids, strict=True))
        done = await found(farm)
        assert (done.breach, done.complete, done.verified_seq, done.chain.pending) == (None, True, 5, 0)

    async def test_a_transaction_that_commits_late_is_not_passed_over(self, farm: Farm) -> None:
        async with farm.db.transaction() as late:
            change = AuditChange(action="key.create", resource_type="key")
            slow = await append_audit(late, actor=ADA, change=change)
            [quick] = await write(farm)
            assert await seal(farm) == 1
        assert slow < quick
        assert await seal(farm) == 1
        rows = await farm.rows("select entry_id from audit_seal order by seq")
        assert [row.entry_id for row in rows] == [quick, slow]
        assert (await found(farm)).breach is None

    async def test_two_sealers_at_once_make_one_chain(self, farm: Farm) -> None:
        await write(farm, 60)
        counts = await asyncio.gather(*(seal(farm, limit=10) for _ in range(6)))
        assert sum(counts) == 60
        assert (await found(farm)).verified_seq == 60

    async def test_who_leads_no_more_seals_and_deletes_nothing(self, farm: Farm) -> None:
        await write(farm)
        with pytest.raises(LostLeadership):
            await seal_entries(farm.db, limit=10, epoch=await farm.lead() + 1000)
        with pytest.raises(LostLeadership):
            await prune_audit(farm.db, kept=timedelta(0), limit=10, epoch=await farm.lead() + 1000)
        assert await farm.rows("select from audit_seal") == []

    async def test_a_log_without_entries_is_whole(self, farm: Farm) -> None:
        done = await found(farm)
        assert (done.breach, done.complete, done.chain.sealed_seq) == (None, True, 0)


class TestTampering:
    @pytest.mark.parametrize(
        ("column", "value"),
        [
            ("at", "at + interval '1 microsecond'"),
            ("actor_kind", "'key'"),
            ("actor_id", "gen_random_uuid()"),
            ("actor_name", "'eve'"),
            ("actor_role", "null"),
            ("address", "'203.0.113.1'"),
            ("user_agent", "'curl'"),
            ("request_id", "'r'"),
            ("action", "'key.revoke'"),
            ("resource_type", "'job'"),
            ("resource_id", "'other'"),
            ("project_id", "gen_random_uuid()"),
            ("before", "'{}'"),
            ("after", "jsonb_set(after, '{name}', '\"cj\"')"),
        ],
    )
    async def test_a_changed_entry_is_named_whatever_was_changed(self, farm: Farm, column: str, value: str) -> None:
        ids = await sealed(farm)
        assert column in HASHED
        await tamper(farm, f"update audit_entry set {column} = {value} where id = :id", id=ids[2])
        breach = (await found(farm)).breach
        assert breach is not None
        assert (breach.kind, breach.seq, breach.entry_id) == (BreachKind.CHANGED, 3, ids[2])

    async def test_the_hash_covers_every_column(self, farm: Farm) -> None:
        rows = await farm.rows("select column_name from information_schema.columns where table_name = 'audit_entry'")
        assert {row.column_name for row in rows} == set(HASHED)

    async def test_a_deleted_entry_is_named(self, farm: Farm) -> None:
        ids = await sealed(farm)
        await tamper(farm, "delete from audit_entry where id = :id", id=ids[1])
        done = await found(farm)
        assert done.breach is not None
        assert (done.breach.kind, done.breach.seq, done.verified_seq) == (BreachKind.DELETED, 2, 1)

    async def test_an_entry_deleted_with_its_seal_leaves_a_gap(self, farm: Farm) -> None:
        ids = await sealed(farm)
        await tamper(farm, "delete from audit_entry where id = :id", id=ids[1])
        await tamper(farm, "delete from audit_seal where entry_id = :id", id=ids[1])
        breach = (await found(farm)).breach
        assert breach is not None
        assert (breach.kind, breach.seq) == (BreachKind.GAP, 2)

    async def test_places_that_are_counted_anew_do_not_hide_it(self, farm: Farm) -> None:
        ids = await sealed(farm)
        await tamper(farm, "delete from audit_entry where id = :id", id=ids[1])
        await tamper(farm, "delete from audit_seal where entry_id = :id", id=ids[1])
        for seq in (3, 4, 5):
            await tamper(farm, "update audit_seal set seq = :to where seq = :seq", seq=seq, to=seq - 1)
        breach = (await found(farm)).breach
        assert breach is not None
        assert (breach.kind, breach.seq) == (BreachKind.CHANGED, 2)

    async def test_an_end_that_was_cut_off_is_found(self, farm: Farm) -> None:
        ids = await sealed(farm)
        await tamper(farm, "delete from audit_entry where id = any(:ids)", ids=ids[3:])
        await tamper(farm, "delete from audit_seal where entry_id = any(:ids)", ids=ids[3:])
        breach = (await found(farm)).breach
        assert breach is not None
        assert (breach.kind, breach.seq) == (BreachKind.HEAD, 4)

    async def test_a_record_of_the_end_that_was_moved_is_found(self, farm: Farm) -> None:
        await sealed(farm)
        await tamper(
            farm, "update audit_chain set sealed_seq = 3, sealed_hash = (select hash from audit_seal where seq = 3)"
        )
        breach = (await found(farm)).breach
        assert breach is not None
        assert (breach.kind, breach.seq) == (BreachKind.HEAD, 4)

    async def test_an_entry_that_was_deleted_before_its_seal_is_found(self, farm: Farm) -> None:
        await sealed(farm)
        [last] = await write(farm)
        await tamper(farm, "delete from audit_entry where id = :id", id=last)
        breach = (await found(farm)).breach
        assert breach is not None
        assert (breach.kind, breach.entry_id) == (BreachKind.LOST, last)
        await write(farm)
        assert await seal(farm) == 1  # and it holds up nobody

    async def test_an_entry_that_was_taken_out_of_the_queue_is_found(self, farm: Farm) -> None:
        [only] = await write(farm)
        await tamper(farm, "delete from audit_pending")
        breach = (await found(farm)).breach
        assert breach is not None
        assert (breach.kind, breach.entry_id) == (BreachKind.STRAY, only)

    async def test_a_chain_that_was_rewritten_is_found_by_an_anchor_kept_elsewhere(self, farm: Farm) -> None:
        ids = await sealed(farm)
        kept = (await found(farm)).chain
        anchor = Anchor(seq=kept.sealed_seq, hash=kept.sealed_hash)
        assert (await found(farm, anchor=anchor)).breach is None
        await tamper(farm, "update audit_entry set actor_name = 'eve' where id = :id", id=ids[2])
        for table in ("audit_seal", "audit_chain"):
            await tamper(farm, f"delete from {table}")
        await tamper(farm, "insert into audit_pending select id from audit_entry")
        assert await seal(farm) == 5
        assert (await found(farm)).breach is None
        breach = (await found(farm, anchor=anchor)).breach
        assert breach is not None
        assert (breach.kind, breach.seq) == (BreachKind.ANCHOR, 5)
        beyond = await found(farm, anchor=Anchor(seq=6, hash=anchor.hash))
        assert beyond.breach is not None
        assert beyond.breach.kind is BreachKind.ANCHOR

    async def test_a_verification_in_steps_goes_on_where_it_stopped(self, farm: Farm) -> None:
        ids = await sealed(farm)
        first = await found(farm, most=2)
        assert (first.verified_seq, first.complete, first.breach) == (2, False, None)
        await tamper(farm, "update audit_entry set actor_name = 'eve' where id = :id", id=ids[3])
        second = await found(farm, most=10, after_seq=2)
        assert second.breach is not None
        assert (second.verified_seq, second.breach.seq) == (3, 4)


class TestRetention:
    async def test_what_is_past_its_time_goes_and_the_rest_still_verifies(self, farm: Farm) -> None:
        await write(farm, 3)
        await tamper(farm, "update audit_entry set at = now() - interval '2 days'")
        await write(farm, 5)
        assert await seal(farm) == 8
        async with farm.db.transaction() as tx:
            before = (await tx.execute(text("select hash from audit_seal where seq = 3"))).scalar_one()
        assert await prune_audit(farm.db, kept=DAY, limit=100, epoch=await farm.lead()) == 3
        assert await prune_audit(farm.db, kept=DAY, limit=100, epoch=await farm.lead()) == 0
        done = await found(farm)
        assert (done.breach, done.chain.pruned_seq, done.chain.pruned_hash) == (None, 3, bytes(before))
        await seal(farm)
        [told] = await farm.rows("select * from audit_entry where action = 'audit.prune'")
        assert (told.actor_kind, told.after["entries"], told.after["through"]) == ("farm", 3, 3)
        assert (await found(farm)).complete

    async def test_it_goes_from_the_oldest_on_and_stops_at_the_first_that_is_young(self, farm: Farm) -> None:
        ids = await sealed(farm, 4)
        await tamper(farm, "update audit_entry set at = now() - interval '2 days' where id <> :id", id=ids[1])
        assert await prune_audit(farm.db, kept=DAY, limit=100, epoch=await farm.lead()) == 1
        left = await farm.rows("select id from audit_entry where action = 'key.create' order by id")
        assert [row.id for row in left] == ids[1:]

    async def test_it_stops_at_a_missing_entry_so_that_the_breach_stays_to_be_seen(self, farm: Farm) -> None:
        ids = await sealed(farm, 4)
        await tamper(farm, "delete from audit_entry where id = :id", id=ids[1])
        assert await prune_audit(farm.db, kept=timedelta(0), limit=100, epoch=await farm.lead()) == 1
        breach = (await found(farm)).breach
        assert breach is not None
        assert (breach.kind, breach.seq) == (BreachKind.DELETED, 2)

    async def test_nothing_that_is_not_sealed_goes(self, farm: Farm) -> None:
        await write(farm)
        assert await prune_audit(farm.db, kept=timedelta(0), limit=100, epoch=await farm.lead()) == 0


class TestReading:
    async def test_filters_narrow_and_the_order_is_newest_first(self, farm: Farm) -> None:
        ids = await write(farm, 3)
        async with farm.db.transaction() as tx:
            for which, expected in (
                (AuditFilter(), ids[::-1]),
                (AuditFilter(actor=str(ADA.id)), ids[::-1]),
                (AuditFilter(actor="ada@example.org", action="key."), ids[::-1]),
                (AuditFilter(actor="eve"), []),
                (AuditFilter(action="key.revoke"), []),
                (AuditFilter(action="k%."), []),
                (AuditFilter(resource_type="key", resource_id="k1"), [ids[1]]),
                (AuditFilter(project_id=uuid4()), []),
            ):
                rows = await list_entries(tx, which=which, before_id=None, limit=10)
                assert [row.id for row in rows] == expected, which
            rows = await list_entries(tx, which=AuditFilter(), before_id=ids[2], limit=1)
            assert [row.id for row in rows] == [ids[1]]

    async def test_an_export_goes_along_the_chain_and_leaves_out_what_is_not_sealed(self, farm: Farm) -> None:
        ids = await sealed(farm, 3)
        await write(farm)
        async with farm.db.transaction() as tx:
            end = (await read_chain(tx)).sealed_seq
            rows = await read_sealed(tx, which=AuditFilter(), after_seq=1, through_seq=end, limit=10)
        assert [(row.seq, row.id) for row in rows] == [(2, ids[1]), (3, ids[2])]
