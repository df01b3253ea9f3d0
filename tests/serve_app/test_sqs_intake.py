"""Messages of a real SQS server become jobs: once each, by the API's own admission, and what cannot goes aside."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from pydantic import SecretStr
from structlog.testing import capture_logs

from cluster.composition import loop_parts, open_farm
from cluster.intake.__main__ import redrive
from cluster.intake.admitting import KeyRefused
from cluster.loops.farm import farm_loops
from cluster.ray_drains import draining_ray_nodes
from db.errors import DatabaseUnavailable
from db.maintenance import set_maintenance
from db.session import Database
from db.settings import DatabaseSettings
from serve_app.jobs.messages import MessageAdmission
from tests.serve_app.queues import Room, aws_server, room

__all__ = ["aws_server", "room"]


class TestOnce:
    async def test_a_message_becomes_a_job_as_over_http_and_leaves_the_queue(self, room: Room) -> None:
        message_id = await room.send_job(name="from the queue", frames="1-12:3", priority="batch")
        assert await room.take_in() == 1
        [job] = (await room.farm.http.get("/v1/jobs")).json()["items"]
        assert (job["name"], job["counts"]["total"], job["priority"]) == ("from the queue", 4, "batch")
        assert job["submitted_by"] == "key film"
        assert room.left() == (0, 0)
        [noted] = await room.rows("select * from audit_entry where action = 'job.submit'")
        assert (noted.resource_id, noted.actor_name, noted.actor_kind) == (job["id"], "film", "key")
        assert noted.after["message"] == message_id

    async def test_two_intakes_that_work_on_one_message_at_the_same_time_make_one_job(self, room: Room) -> None:
        await room.send_job()
        sqs, url = room.aws("sqs"), room.settings.queue_url
        epoch = await room.epoch()
        first, second = room.intake(), room.intake()
        [one] = await first._queue.receive(limit=1)
        sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=one.receipt, VisibilityTimeout=0)
        [again] = await second._queue.receive(limit=1)
        assert again.message_id == one.message_id
        jobs = await asyncio.gather(
            *(intake._admitting.admit(message, epoch=epoch) for intake, message in ((first, one), (second, again)) * 5)
        )
        assert len({job for each in jobs for job in each}) == 1
        assert await room.farm.count("job") == 1

    async def test_a_message_that_comes_again_after_a_crash_before_its_end_finds_its_job(self, room: Room) -> None:
        await room.send_job()
        intake = room.intake()
        [message] = await intake._queue.receive(limit=1)
        made = await intake._admitting.admit(message, epoch=await room.epoch())  # and the process dies here
        await intake._queue.hide(message, longer=timedelta(0))
        assert await room.take_in() == 1
        assert room.left() == (0, 0)
        assert [row.id for row in await room.rows("select id from job")] == made

    async def test_messages_with_one_idempotency_key_make_one_job(self, room: Room) -> None:
        spec = await room.farm.spec()
        for _ in range(3):
            room.send({**spec, "idempotency_key": "shot-7/v2"})
        assert await room.take_in() == 3
        assert await room.farm.count("job") == 1
        room.send({**spec, "frames": "7", "idempotency_key": "shot-7/v2"})
        await room.take_in()
        [why] = room.refused()
        assert why["code"] == "conflict"
        assert await room.farm.count("job") == 1

    async def test_equal_messages_without_a_key_are_several_jobs(self, room: Room) -> None:
        spec = await room.farm.spec()
        room.send(spec)
        room.send(spec)
        assert await room.take_in() == 2
        assert await room.farm.count("job") == 2


class TestRefused:
    @pytest.mark.parametrize(
        ("body", "code"),
        [
            ("{", "invalid-input"),
            ("[1]", "invalid-input"),
            ('{"frames": NaN}', "invalid-input"),
            ("[" * 100_000, "invalid-input"),
            ('{"name": "\\ud800"}', "invalid-input"),
            ('{"frames": "1-4", "modell": "x"}', "invalid-input"),
            ('{"Records": [{"eventSource": "aws:s3", "eventName": "ObjectCreated:Put"}]}', "invalid-input"),
            ('{"project": "no-such", "frames": "1", "model": "00000000-0000-0000-0000-000000000001"}', "not-found"),
            ('{"frames": "1", "model": "00000000-0000-0000-0000-000000000001"}', "not-found"),
            ('{"publish": ["arn:aws:sns:eu-west-1:123456789012:elsewhere"], "frames": "1"}', "invalid-input"),
        ],
    )
    async def test_what_can_never_be_a_job_goes_to_the_dead_letter_queue_with_the_reason(
        self, room: Room, body: str, code: str
    ) -> None:
        message_id = room.send(body, MessageAttributes={"shot": {"DataType": "String", "StringValue": "7"}})
        with capture_logs():
            assert await room.take_in() == 1
        [why] = room.refused()
        assert (why["code"], why["message_id"], why["receives"], why["shot"]) == (code, message_id, "1", "7")
        assert len(why["detail"]) > 20
        assert why["source"] == room.settings.queue_url
        assert room.read(room.settings.dead_letter_url)[0]["Body"] == body
        assert room.left() == (0, 0)
        assert await room.farm.count("job") == 0

    async def test_settings_that_the_api_refuses_are_refused_with_its_words(self, room: Room) -> None:
        spec = await room.farm.spec(settings={"samplez": 4})
        over_http = await room.farm.http.post("/v1/jobs", json=spec)
        room.send(spec)
        with capture_logs():
            await room.take_in()
        [why] = room.refused()
        problem = over_http.json()
        assert why["code"] == problem["code"] == "invalid-input"
        assert why["detail"].startswith(problem["detail"])

    async def test_a_model_of_another_project_is_not_found(self, room: Room) -> None:
        theirs = await room.farm.new_key("others", role="artist")
        mine = room.farm.http.headers["Authorization"]
        room.farm.http.headers["Authorization"] = f"Bearer {theirs}"
        model = await room.farm.model()
        room.farm.http.headers["Authorization"] = mine
        await room.send_job(model=model)
        with capture_logs():
            await room.take_in()
        assert [why["code"] for why in room.refused()] == ["not-found"]

    async def test_one_bad_message_stops_no_other(self, room: Room) -> None:
        room.send("{")
        await room.send_job()
        with capture_logs():
            assert await room.take_in() == 2
        assert await room.farm.count("job") == 1

    async def test_a_message_given_back_from_the_dead_letter_queue_keeps_its_first_id_and_becomes_one_job(
        self, room: Room
    ) -> None:
        registered = await room.farm.register()
        await room.farm.set_model(registered["id"], "invalid", problem={"message": "Damaged."})
        message_id = await room.send_job(model=registered["id"])
        with capture_logs():
            await room.take_in()
        assert [why["code"] for why in room.refused()] == ["model-invalid"]
        assert await redrive(room.settings, limit=10, code="not-found") == 0
        await room.farm.set_model(registered["id"], "ready")
        assert await redrive(room.settings, limit=10, code="model-invalid") == 1
        assert room.read(room.settings.dead_letter_url) == []
        assert await room.take_in() == 1
        [row] = await room.rows("select message_id, job_id from intake_message")
        assert row.message_id == message_id
        assert await room.farm.count("job") == 1

    async def test_in_fifo_queues_a_message_keeps_its_group_aside_and_back(self, room: Room) -> None:
        sqs = room.aws("sqs")
        made = [
            sqs.create_queue(QueueName=f"{uuid4().hex}.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"]
            for _ in range(2)
        ]
        room.settings = room.settings.model_copy(update={"queue_url": made[0], "dead_letter_url": made[1]})
        room.send("{", MessageGroupId="reel 2", MessageDeduplicationId="1")
        with capture_logs():
            assert await room.take_in() == 1
        [refused] = room.read(made[1])
        assert refused["Attributes"]["MessageGroupId"] == "reel 2"
        assert await redrive(room.settings, limit=10) == 1
        [back] = room.read(made[0])
        assert (back["Body"], back["Attributes"]["MessageGroupId"]) == ("{", "reel 2")


class TestLater:
    async def test_while_the_database_is_away_nothing_is_received(self, room: Room) -> None:
        await room.send_job()
        away = Database(DatabaseSettings(url=SecretStr("postgresql://nobody@127.0.0.1:1/none")))
        intake = room.intake(database=away)
        with pytest.raises(DatabaseUnavailable):
            await intake.tick(1)
        await away.close()
        assert room.left() == (1, 0)
        [message] = room.read(room.settings.queue_url)
        assert message["Attributes"]["ApproximateReceiveCount"] == "1"

    async def test_a_key_that_was_revoked_costs_no_message(self, room: Room) -> None:
        await room.send_job()
        await room.farm.execute("update api_key set revoked_at = now() where name = 'film'")
        with pytest.raises(KeyRefused):
            await room.intake().tick(await room.epoch())
        assert room.left() == (1, 0)
        assert room.refused() == []

    async def test_a_key_that_may_not_render_costs_no_message(self, room: Room) -> None:
        await room.send_job()
        viewer = await room.farm.new_key("film", role="viewer")
        with pytest.raises(KeyRefused, match="project:render"):
            await room.intake(api_key=SecretStr(viewer)).tick(await room.epoch())
        assert room.left() == (1, 0)

    async def test_under_maintenance_nothing_is_received_and_afterwards_everything(self, room: Room) -> None:
        await room.send_job()
        await maintenance(room, active=True)
        assert await room.take_in() == 0
        assert await room.farm.count("job") == 0
        [message] = room.read(room.settings.queue_url)
        assert message["Attributes"]["ApproximateReceiveCount"] == "1"
        await maintenance(room, active=False)
        assert await room.take_in() == 1
        assert await room.farm.count("job") == 1

    async def test_maintenance_that_begins_behind_a_receive_makes_no_job_and_never_refuses_the_message(
        self, room: Room
    ) -> None:
        registered = await room.farm.register()
        await room.send_job(model=registered["id"])
        intake = room.intake(max_receives=1)
        await intake.tick(await room.epoch())
        await maintenance(room, active=True)
        await room.farm.set_model(registered["id"], "ready")
        with capture_logs():
            assert await intake.settle() == 0
        assert await room.farm.count("job") == 0
        assert room.refused() == []
        assert room.left() == (0, 1)

    async def test_an_outage_in_the_middle_leaves_the_message_to_rest(
        self, room: Room, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        await room.send_job()
        intake = room.intake()
        monkeypatch.setattr(intake._admitting, "admit", _out_of_order)
        with capture_logs() as logs:
            assert await room.take_in(intake) == 0
        assert room.left() == (0, 1)
        assert room.refused() == []
        assert [log["receives"] for log in logs if log["event"] == "intake_waits"] == [1]

    async def test_a_message_that_fails_at_every_receive_ends_in_the_dead_letter_queue(
        self, room: Room, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        await room.send_job()
        intake = room.intake(max_receives=2)
        hide = intake._queue.hide

        async def at_once(message: Any, *, longer: timedelta) -> None:
            assert longer >= timedelta(seconds=8)
            await hide(message, longer=timedelta(0))

        monkeypatch.setattr(intake._queue, "hide", at_once)
        monkeypatch.setattr(intake._admitting, "admit", _out_of_order)
        with capture_logs():
            assert await room.take_in(intake) == 0
            assert await room.take_in(intake) == 1
        [why] = room.refused()
        assert (why["code"], why["receives"]) == ("database-unavailable", "2")

    async def test_a_full_queue_of_the_project_lets_the_message_wait_and_a_job_beyond_the_quota_goes_aside(
        self, room: Room
    ) -> None:
        await room.farm.execute(
            "insert into project_quota (project_id, queued_frames) select id, 10 from project where slug = 'film'"
        )
        await room.send_job(frames="1-8")
        assert await room.take_in() == 1
        await room.send_job(frames="1-9")
        with capture_logs():
            assert await room.take_in() == 0
            assert room.left() == (0, 1)
            await room.send_job(frames="1-11")
            assert await room.take_in() == 1
        assert [why["code"] for why in room.refused()] == ["over-quota"]


class TestModelsThatAreOpened:
    async def test_a_message_waits_for_its_models_first_opening_hidden_for_as_long(self, room: Room) -> None:
        registered = await room.farm.register()
        await room.send_job(model=registered["id"])
        intake = room.intake(visibility=timedelta(seconds=3))
        hidden: list[str] = []
        hide, renewed = intake._queue.hide, asyncio.Event()

        async def watched(message: Any, *, longer: timedelta) -> None:
            await hide(message, longer=longer)
            hidden.append(message.message_id)
            if len(hidden) == 4:  # at a third of the visibility each: it is over by now, but for them
                renewed.set()

        intake._queue.hide = watched  # type: ignore[method-assign]
        await intake.tick(await room.epoch())
        async with asyncio.timeout(60):
            await renewed.wait()
        assert room.left() == (0, 1)
        await room.farm.set_model(registered["id"], "ready")
        assert await intake.settle() == 1
        assert await room.farm.count("job") == 1
        assert room.left() == (0, 0)

    async def test_one_that_takes_too_long_rests_in_the_queue_and_frees_its_place(self, room: Room) -> None:
        registered = await room.farm.register()
        await room.send_job(model=registered["id"])
        with capture_logs():
            assert await room.take_in(room.intake(model_wait=timedelta(milliseconds=1))) == 0
        assert room.left() == (0, 1)
        assert room.refused() == []

    async def test_the_end_of_the_process_gives_back_what_is_under_way(self, room: Room) -> None:
        registered = await room.farm.register()
        await room.send_job(model=registered["id"])
        intake = room.intake()
        await intake.tick(await room.epoch())
        assert room.left() == (0, 1)
        await intake.close()
        assert room.left() == (1, 0)

    async def test_a_renewal_under_way_does_not_hide_a_message_that_was_given_back(self, room: Room) -> None:
        registered = await room.farm.register()
        await room.send_job(model=registered["id"])
        intake = room.intake(visibility=timedelta(seconds=3))
        landed: list[str] = []
        hide, begun, answer = intake._queue.hide, asyncio.Event(), asyncio.Event()
        renewals: list[asyncio.Task[None]] = []

        async def renewed() -> None:
            await answer.wait()
            landed.append("hidden")

        async def slow(message: Any, *, longer: timedelta) -> None:
            if longer:  # as the thread that asks AWS: whoever waits for it may be canceled, the request is not
                renewals.append(asyncio.create_task(renewed()))
                begun.set()
                await asyncio.shield(renewals[-1])
                return
            await hide(message, longer=longer)
            landed.append("given back")

        intake._queue.hide = slow  # type: ignore[method-assign]
        await intake.tick(await room.epoch())
        async with asyncio.timeout(60):
            await begun.wait()
        closing = asyncio.create_task(intake.close())
        await asyncio.wait({closing}, timeout=1)
        answer.set()
        await asyncio.gather(closing, *renewals)
        assert landed == ["hidden", "given back"]

    async def test_another_leader_gets_the_message_at_once(self, room: Room) -> None:
        registered = await room.farm.register()
        await room.send_job(model=registered["id"])
        intake = room.intake()
        await intake.tick(await room.epoch())
        await room.farm.execute("update leader set epoch = epoch + 1000")
        await room.farm.set_model(registered["id"], "ready")
        assert await intake.settle() == 0
        assert room.left() == (1, 0)
        assert await room.farm.count("job") == 0


@pytest.mark.parametrize("queue", [None, "https://sqs.eu-west-1.amazonaws.com/1/jobs"])
async def test_a_farm_that_names_a_queue_runs_the_intake_among_its_loops(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, queue: str | None
) -> None:
    monkeypatch.setenv("RAYFARM_DATABASE_URL", "postgresql://nobody@127.0.0.1:1/none")
    monkeypatch.setenv("RAYFARM_STORAGE_URL", tmp_path.as_uri())
    if queue is not None:
        monkeypatch.setenv("RAYFARM_INTAKE_QUEUE_URL", queue)
        monkeypatch.setenv("RAYFARM_INTAKE_DEAD_LETTER_URL", f"{queue}-refused")
        monkeypatch.setenv("RAYFARM_INTAKE_API_KEY", "rf_x")
    farm = open_farm()
    loops = farm_loops(farm, loop_parts(), drains=draining_ray_nodes, admission=MessageAdmission())
    await farm.close()
    assert ("intake" in {loop.name for loop in loops}) is (queue is not None)


async def maintenance(room: Room, *, active: bool) -> None:
    async with room.farm.db.transaction() as tx:
        await set_maintenance(tx, active=active, drain=False, message="New disks.", set_by="ops")


async def _out_of_order(*_: object, **__: object) -> list[UUID]:
    raise DatabaseUnavailable
