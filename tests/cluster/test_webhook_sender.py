"""Projects' webhooks: signed, in order, told again for days, and none in another's way."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from pydantic import SecretStr
from standardwebhooks import Webhook
from structlog.testing import capture_logs

from cluster.loops.outbox import TargetKeeper
from cluster.loops.runner import LoopRunner
from cluster.loops.settings import LoopSettings
from cluster.loops.webhooks import WebhookSender, retry_after
from cluster.outbound import Outbound
from cluster.settings import ClusterSettings
from db import webhooks
from db.bootstrap import ensure_project
from db.session import Database
from jobs.egress import Egress, EgressSettings
from jobs.notices import NoticeSettings
from jobs.webhooks import WebhookSecrets, WebhookSettings
from rayfarm.webhooks import verify
from tests.cluster.receivers import Receiver, receiver
from tests.db.builders import CLUSTER, Farm, add_model

SETTINGS = WebhookSettings(
    key=SecretStr("a-webhook-key-of-these-tests-alone-01"), timeout=timedelta(seconds=60), attempts=3
)
LOOPBACK = EgressSettings(allow_http=True, allowed_networks=("127.0.0.0/8",))  # type: ignore[arg-type]


def _sender(farm: Farm, settings: WebhookSettings, outbound: Outbound) -> WebhookSender:
    return WebhookSender(database=farm.db, settings=settings, notices=NoticeSettings(), outbound=outbound)


@dataclass
class Hooks:
    """A farm whose projects have webhooks."""

    farm: Farm
    sender: WebhookSender
    settings: WebhookSettings

    async def add(self, there: Receiver | str, *, project_id: UUID | None = None, **options: Any) -> tuple[UUID, str]:
        """The webhook's id and secret."""
        secrets, webhook_id = WebhookSecrets(self.settings), uuid4()
        seed = secrets.new()
        async with self.farm.db.transaction() as tx:
            await webhooks.create_webhook(
                tx,
                webhook_id=webhook_id,
                project_id=project_id or self.farm.project_id,
                url=there if isinstance(there, str) else there.url(),
                seed=seed,
                **{"description": "", "kinds": [], "enabled": True, "created_by": "test", "limit": 99, **options},
            )
        return webhook_id, secrets.secret_of(seed, webhook_id=webhook_id)

    async def tell(self) -> int:
        """Serve what is due, to its end."""
        await self.sender.tick(await self.farm.lead())
        with capture_logs():
            return await self.sender.settle()

    async def wake(self) -> None:
        """As if every pause were over."""
        await self.farm.execute("update outbox set not_before = now() where state = 'queued'")
        await self.farm.execute("update webhook set rests_until = null")

    async def row(self, webhook_id: UUID) -> Any:
        return await self.farm.one("select * from webhook where id = :id", id=webhook_id)

    async def deliveries(self, webhook_id: UUID) -> list[Any]:
        return await self.farm.rows(
            "select outbox.*, event.kind, event.seq from outbox left join event on event.id = event_id"
            " where webhook_id = :id order by outbox.id",
            id=webhook_id,
        )


@pytest.fixture
async def farm(settings: Any) -> AsyncIterator[Farm]:
    database = Database(settings)
    yield await Farm.create(database)
    await database.close()


@pytest.fixture
async def make(farm: Farm) -> AsyncIterator[Callable[..., Hooks]]:
    made: list[Hooks] = []

    def build(egress: EgressSettings = LOOPBACK, **changes: Any) -> Hooks:
        wished = SETTINGS.model_copy(update=changes)
        outbound = Outbound(egress=Egress(egress))
        made.append(Hooks(farm, _sender(farm, wished, outbound), wished))
        return made[-1]

    yield build
    for each in made:
        await each.sender.close()


@pytest.fixture
def hooks(make: Callable[..., Hooks]) -> Hooks:
    return make()


class TestPosts:
    async def test_every_event_comes_once_signed_and_in_the_order_of_its_job(self, hooks: Hooks) -> None:
        async with receiver() as there:
            _, secret = await hooks.add(there)
            jobs = [await hooks.farm.start(frames="1-2") for _ in range(2)]
            chunk = await hooks.farm.rendering(jobs[0], await hooks.farm.replica(), frames=2)
            await hooks.farm.commit(chunk)
            assert await hooks.tell() == len(there.posts)
            told = [verify(post.body, post.headers, secret) for post in there.posts]
            for job_id in jobs:
                mine = [(each.data["seq"], each.type) for each in told if each.data.get("job") == str(job_id)]
                assert mine == [(seq, kind) for seq, kind, _ in await hooks.farm.events(job_id)]
            assert len({each.message_id for each in told}) == len(told)
            assert {each.data["project"] for each in told} == {str(hooks.farm.project_id)}
            assert await hooks.tell() == 0

    async def test_only_the_kinds_that_were_asked_for_and_only_of_its_project(self, hooks: Hooks) -> None:
        async with receiver() as there, receiver() as elsewhere:
            async with hooks.farm.db.transaction() as tx:
                other = await ensure_project(tx, slug="other", name="Other")
            await hooks.add(there, kinds=["job.created"])
            await hooks.add(elsewhere, project_id=other)
            await hooks.farm.start()
            await hooks.tell()
            assert [post.said["type"] for post in there.posts] == ["job.created"]
            assert elsewhere.posts == []

    async def test_both_secrets_sign_while_they_are_rotated_and_then_the_new_one_alone(self, hooks: Hooks) -> None:
        async with receiver() as there:
            webhook_id, old = await hooks.add(there, kinds=["job.created"])
            secrets = WebhookSecrets(hooks.settings)
            seed = secrets.new()
            async with hooks.farm.db.transaction() as tx:
                await webhooks.rotate_webhook(
                    tx, project_id=hooks.farm.project_id, webhook_id=webhook_id, seed=seed, overlap=timedelta(days=1)
                )
            new = secrets.secret_of(seed, webhook_id=webhook_id)
            await hooks.farm.submit()
            await hooks.tell()
            for secret in (old, new):
                Webhook(secret).verify(there.posts[0].body, there.posts[0].headers)
            await hooks.farm.execute("update webhook set previous_until = now()")
            await hooks.farm.submit()
            await hooks.tell()
            assert len(there.posts[1].headers["webhook-signature"].split()) == 1
            Webhook(new).verify(there.posts[1].body, there.posts[1].headers)

    async def test_the_log_keeps_each_post_and_what_came_back(self, hooks: Hooks) -> None:
        async with receiver(status=500, answer=b"no\x00pe" + b"!" * 2000) as there:
            webhook_id, _ = await hooks.add(there, kinds=["job.created"])
            await hooks.farm.submit()
            await hooks.tell()
            there.status, there.answer = 201, b"thanks"
            await hooks.wake()
            await hooks.tell()
            [delivery] = await hooks.deliveries(webhook_id)
            tries = await hooks.farm.rows("select * from webhook_attempt order by attempt")
        assert [(each.attempt, each.status, each.error) for each in tries] == [
            (1, 500, "HTTP status 500."),
            (2, 201, None),
        ]
        assert (tries[0].answer[:6], len(tries[0].answer), tries[1].answer) == ("no\ufffdpe!", 1024, "thanks")
        assert (delivery.state, delivery.attempts) == ("done", 2)
        assert len({post.headers["webhook-id"] for post in there.posts}) == 1

    async def test_an_address_inside_is_not_posted_to_however_it_came_into_the_row(
        self, make: Callable[..., Hooks]
    ) -> None:
        hooks = make(EgressSettings(allow_http=True))
        async with receiver() as inside:
            webhook_id, _ = await hooks.add(inside)
            await hooks.farm.submit()
            await hooks.tell()
            assert inside.posts == []
            assert "not public" in (await hooks.deliveries(webhook_id))[0].error


class TestFailures:
    async def test_one_that_hangs_and_one_that_fails_delay_no_other(self, hooks: Hooks) -> None:
        async with receiver(hangs=True) as hung, receiver(status=503) as failing, receiver() as good:
            async with hooks.farm.db.transaction() as tx:
                other = await ensure_project(tx, slug="other", name="Other")
            theirs = Farm(hooks.farm.db, other, await add_model(hooks.farm.db, project_id=other))
            for there in (hung, failing, good):
                await hooks.add(there)
            async with receiver() as elsewhere:
                await hooks.add(elsewhere, project_id=other)
                jobs = [await hooks.farm.start() for _ in range(20)]
                theirs_job = await theirs.submit()
                await hooks.sender.tick(await hooks.farm.lead())
                async with asyncio.timeout(30):
                    await hung.met.wait()
                    while True:  # ticks go on while the receiver hangs
                        with capture_logs():
                            await hooks.sender.tick(await hooks.farm.lead())
                        done = await hooks.farm.one("select count(*) as n from outbox where state = 'done'")
                        if done.n == 2 * len(jobs) + 1:
                            break
                        await asyncio.sleep(0.01)
                assert len(good.posts) == 2 * len(jobs)
                assert [each.said["data"]["job"] for each in elsewhere.posts] == [str(theirs_job)]
                assert hung.open == len(hung.posts) <= hooks.settings.jobs_at_once
                assert len(failing.posts) <= hooks.settings.jobs_at_once

    async def test_a_project_has_its_share_of_the_places_and_no_more(self, make: Callable[..., Hooks]) -> None:
        hooks = make(at_once=3, at_once_per_project=2)
        async with receiver(hangs=True) as hung, receiver() as good:
            async with hooks.farm.db.transaction() as tx:
                other = await ensure_project(tx, slug="other", name="Other")
            theirs = Farm(hooks.farm.db, other, await add_model(hooks.farm.db, project_id=other))
            for _ in range(5):
                await hooks.add(hung)
            await hooks.add(good, project_id=other, kinds=["job.created"])
            await hooks.farm.submit()
            await theirs.submit()
            await hooks.sender.tick(await hooks.farm.lead())
            async with asyncio.timeout(20):
                await good.met.wait()
            assert len(hung.posts) <= 2

    async def test_one_that_fails_rests_and_is_given_up_after_its_attempts_and_the_next_event_goes_on(
        self, hooks: Hooks
    ) -> None:
        async with receiver(status=503) as there:
            webhook_id, _ = await hooks.add(there)
            job_id = await hooks.farm.start()
            for attempt in range(1, 4):
                await hooks.tell()
                [first, second] = await hooks.deliveries(webhook_id)
                assert (first.attempts, second.attempts) == (attempt, 0)
                row = await hooks.row(webhook_id)
                assert row.failures == attempt
                assert row.rests_until > datetime.now(UTC)
                assert await hooks.tell() == 0
                assert len(there.posts) == attempt
                await hooks.wake()
            assert first.state == "failed"
            there.status = 200
            await hooks.tell()
            assert [post.said["data"]["seq"] for post in there.posts] == [1, 1, 1, 2]
            assert len(await hooks.farm.events(job_id)) == 2
            row = await hooks.row(webhook_id)
            assert (row.failing_since, row.failures, row.rests_until) == (None, 0, None)

    async def test_a_receiver_that_says_gone_is_disabled_and_the_others_are_told(self, hooks: Hooks) -> None:
        async with receiver(status=410) as gone, receiver() as good:
            webhook_id, _ = await hooks.add(gone, kinds=["job.created"], description="old one")
            await hooks.add(good, kinds=["webhook.disabled"])
            await hooks.farm.submit()
            await hooks.tell()
            row = await hooks.row(webhook_id)
            assert (row.enabled, row.disabled_reason) == (False, "gone")
            await hooks.tell()
            [told] = good.posts
            assert told.said["data"] | {"message": ""} == {
                "webhook": str(webhook_id), "description": "old one", "reason": "gone", "message": "",
                "project": str(hooks.farm.project_id),
            }  # fmt: skip
            await hooks.farm.submit()
            assert len(await hooks.deliveries(webhook_id)) == 1

    async def test_after_days_of_failure_it_is_disabled_and_what_waits_is_given_up(self, hooks: Hooks) -> None:
        async with receiver(status=500) as there:
            webhook_id, _ = await hooks.add(there)
            await hooks.farm.start()
            await hooks.tell()
            assert (await hooks.row(webhook_id)).enabled
            await hooks.farm.execute("update webhook set failing_since = now() - interval '6 days'")
            await hooks.wake()
            await hooks.tell()
            row = await hooks.row(webhook_id)
            assert (row.enabled, row.disabled_reason) == (False, "failing")
            events = await hooks.farm.rows("select data from event where kind = 'webhook.disabled'")
            assert [each.data["reason"] for each in events] == ["failing"]
            keeper = TargetKeeper(database=hooks.farm.db, cluster_id=CLUSTER, targets=[])
            await keeper.tick(await hooks.farm.lead())
            assert {each.state for each in await hooks.deliveries(webhook_id)} == {"failed"}

    async def test_without_the_farms_key_nothing_goes_out_unsigned_and_nobody_is_blamed(
        self, hooks: Hooks, make: Callable[..., Hooks]
    ) -> None:
        async with receiver() as there:
            webhook_id, _ = await hooks.add(there, kinds=["job.created"])
            await hooks.farm.submit()
            keyless = make(key=SecretStr("another-key-of-these-tests-0123456789"))
            await keyless.tell()
            assert there.posts == []
            assert (await hooks.row(webhook_id)).failing_since is None
            assert "not in the settings" in (await hooks.deliveries(webhook_id))[0].error

    async def test_what_is_told_again_holds_up_nothing_and_is_the_same_message(self, hooks: Hooks) -> None:
        async with receiver(status=400) as there:
            webhook_id, _ = await hooks.add(there)
            await hooks.farm.start()
            for _ in range(3):
                await hooks.tell()
                await hooks.wake()
            [given_up, waiting] = await hooks.deliveries(webhook_id)
            async with hooks.farm.db.transaction() as tx:
                assert await webhooks.redeliver(tx, webhook_id=webhook_id, delivery_id=given_up.public_id)
                assert not await webhooks.redeliver(tx, webhook_id=webhook_id, delivery_id=waiting.public_id)
            await hooks.tell()  # the one that was asked for, and it is not taken
            there.status = 200
            await hooks.farm.execute("update webhook set rests_until = null")
            assert await hooks.tell() == 1
            assert there.posts[-1].said["data"]["seq"] == 2
            await hooks.wake()
            assert await hooks.tell() == 1
            assert {each.state for each in await hooks.deliveries(webhook_id)} == {"done"}
            ids = [post.headers["webhook-id"] for post in there.posts if post.said["data"]["seq"] == 1]
            assert len(ids) == 5
            assert len(set(ids)) == 1

    async def test_a_ping_goes_before_what_waits_at_one_that_fails(self, hooks: Hooks) -> None:
        async with receiver(status=500) as there:
            webhook_id, _ = await hooks.add(there)
            await hooks.farm.start()
            await hooks.tell()
            await hooks.farm.execute("update outbox set not_before = now()")
            async with hooks.farm.db.transaction() as tx:
                await webhooks.ping_webhook(tx, webhook_id=webhook_id)
            there.status = 200
            await hooks.tell()
            assert there.posts[1].said["type"] == "webhook.ping"
            assert (await hooks.row(webhook_id)).failing_since is None

    async def test_the_runner_ends_the_posts_under_way_when_it_ends(self, hooks: Hooks) -> None:
        async with receiver(hangs=True) as there:
            await hooks.add(there, kinds=["job.created"])
            await hooks.farm.submit()
            runner = LoopRunner(
                database=hooks.farm.db,
                settings=ClusterSettings(id=CLUSTER),
                loop_settings=LoopSettings(),
                loops=[hooks.sender],
            )
            running = asyncio.create_task(runner.run())
            async with asyncio.timeout(30):
                await there.met.wait()
                running.cancel()
                await asyncio.gather(running, return_exceptions=True)
                while there.open:
                    await asyncio.sleep(0.01)

    async def test_who_stops_leaves_no_post_under_way_and_the_next_one_tells_it(
        self, hooks: Hooks, make: Callable[..., Hooks]
    ) -> None:
        async with receiver(hangs=True) as there:
            await hooks.add(there, kinds=["job.created"])
            await hooks.farm.submit()
            await hooks.sender.tick(await hooks.farm.lead())
            await there.met.wait()
            await hooks.sender.close()
            there.hangs = False
            await hooks.wake()  # as after the lease
            assert await make().tell() == 1


class TestRetryAfter:
    @pytest.mark.parametrize(
        ("value", "seconds"),
        [
            (None, 0), ("120", 120), (" 7 ", 7), ("0", 0), ("-5", 0), ("soon", 0), ("1.5", 0), ("9" * 500, 10**9),
            ("Mon, 05 Jan 2026 10:01:00 GMT", 60), ("Mon, 05 Jan 2026 09:00:00 GMT", 0), ("Mon, 99 Jan", 0), ("²", 0),
        ],
    )  # fmt: skip
    def test_it_is_read_as_seconds_or_a_date_and_nonsense_is_passed_over(self, value: str | None, seconds: int) -> None:
        now = datetime(2026, 1, 5, 10, tzinfo=UTC)
        assert retry_after(value, now=now) == timedelta(seconds=seconds)

    @pytest.mark.parametrize(("asked", "waits"), [("3600", 3600), ("999999999", 6 * 3600)])
    async def test_a_receiver_is_left_alone_for_as_long_as_it_asks_within_the_limit(
        self, hooks: Hooks, asked: str, waits: int
    ) -> None:
        async with receiver(status=429, headers={"retry-after": asked}) as there:
            webhook_id, _ = await hooks.add(there, kinds=["job.created"])
            await hooks.farm.submit()
            await hooks.tell()
            [row] = await hooks.deliveries(webhook_id)
            assert row.not_before - row.updated_at == timedelta(seconds=waits)
