"""New objects of S3 become models and jobs by the operator's rules, whatever their keys hold."""

from __future__ import annotations

import hashlib
import json
from contextlib import suppress
from typing import Any
from urllib.parse import quote_plus
from uuid import uuid4

import pytest
from pydantic import ValidationError
from structlog.testing import capture_logs

from cluster.intake.settings import ObjectRule
from tests.serve_app.queues import REGION, Room, aws_server, room

__all__ = ["aws_server", "room"]

RULE = ObjectRule(
    name="scenes",
    bucket="scenes-of-the-film",
    prefix="in/",
    kind="fake",
    job={"pipeline": "fake", "frames": "1-3", "outputs": {"video": None}, "priority": "batch"},
)


class TestObjects:
    async def test_a_new_object_is_registered_by_its_checksum_and_rendered_as_its_rule_says(self, room: Room) -> None:
        content = uuid4().bytes
        room.send(_event(room, "in/Größe und Licht+1.fake", content))
        await _take_in(room)
        [job] = (await room.farm.http.get("/v1/jobs")).json()["items"]
        assert (job["name"], job["frames"], job["priority"]) == ("Größe und Licht+1.fake", "1-3", "batch")
        model = (await room.farm.http.get(f"/v1/models/{job['model']}")).json()
        [file] = model["manifest"]["files"]
        assert (file["digest"], file["size_bytes"]) == (hashlib.sha256(content).hexdigest(), 16)
        assert file["path"] == "Größe und Licht+1.fake"
        assert room.left() == (0, 0)
        noted = await room.rows("select action from audit_entry where actor_name = 'film' order by id")
        assert [row.action for row in noted] == ["model.register", "job.submit"]

    async def test_an_event_that_s3_tells_twice_makes_one_job(self, room: Room) -> None:
        event = _event(room, "in/twice.fake", b"twice")
        room.send(event)
        await _take_in(room)
        room.send(event)
        await _take_in(room)
        assert await room.farm.count("job") == 1
        assert room.left() == (0, 0)

    async def test_each_object_of_one_message_becomes_a_job(self, room: Room) -> None:
        first, second = (_event(room, f"in/{name}.fake", name.encode()) for name in ("a", "b"))
        room.send({"Records": [*first["Records"], *second["Records"]]})
        await _take_in(room)
        names = [job["name"] for job in (await room.farm.http.get("/v1/jobs")).json()["items"]]
        assert sorted(names) == ["a.fake", "b.fake"]

    async def test_events_come_through_sns_and_eventbridge_too(self, room: Room) -> None:
        event = _event(room, "in/a.fake", b"a")
        room.send({"Type": "Notification", "TopicArn": "arn:x", "Message": json.dumps(event)})
        _event(room, "in/b c+d.fake", b"b")
        about = {"bucket": {"name": RULE.bucket}, "object": {"key": "in/b c+d.fake", "sequencer": "9"}}
        room.send({"source": "aws.s3", "detail-type": "Object Created", "detail": about})
        await _take_in(room, ended=2)
        names = [job["name"] for job in (await room.farm.http.get("/v1/jobs")).json()["items"]]
        assert sorted(names) == ["a.fake", "b c+d.fake"]

    async def test_test_events_and_other_events_of_s3_are_dropped(self, room: Room) -> None:
        event = _event(room, "in/gone.fake", b"gone")
        event["Records"][0]["eventName"] = "ObjectRemoved:Delete"
        room.send(event)
        room.send({"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": RULE.bucket})
        assert await room.take_in(room.intake(rules=(RULE,))) == 2
        assert (room.refused(), await room.farm.count("job")) == ([], 0)

    async def test_the_frames_are_the_scenes_own_where_the_rule_names_none(self, room: Room) -> None:
        rule = RULE.model_copy(update={"job": {"pipeline": "fake", "outputs": {"video": None}}})
        room.send(_event(room, "in/shot.fake", b"shot"))
        await _take_in(room, rule, probe={"frame_start": 5, "frame_end": 9, "frame_step": 2})
        [job] = (await room.farm.http.get("/v1/jobs")).json()["items"]
        assert job["frames"] == "5-9:2"


class TestHostile:
    @pytest.mark.parametrize(
        "key",
        [
            "in/../../etc/passwd",
            "in/..",
            "in/a\\..\\b.fake",
            "in/a\x1b[31m\u202e.fake",
            f"in/{'x' * 600}.fake",
            "in/C:",
        ],
    )
    async def test_a_key_names_no_path_and_no_terminal_escape(self, room: Room, key: str) -> None:
        room.send(_event(room, key, b"hostile"))
        await _take_in(room)
        [job] = (await room.farm.http.get("/v1/jobs")).json()["items"]
        model = (await room.farm.http.get(f"/v1/models/{job['model']}")).json()
        [file] = model["manifest"]["files"]
        assert file["path"] in ("scene", "scene.fake", "passwd")
        assert job["name"].isprintable()
        assert len(job["name"]) <= 200

    @pytest.mark.parametrize("key", ["%FF%FE", "in/%00.fake", ""])
    async def test_a_key_that_is_no_text_is_refused(self, room: Room, key: str) -> None:
        event = _event(room, "in/x.fake", b"x")
        event["Records"][0]["s3"]["object"]["key"] = key
        assert await _refusal(room, event) == "invalid-input"

    async def test_half_a_pair_of_utf16_is_no_text_either(self, room: Room) -> None:
        detail = {"bucket": {"name": RULE.bucket}, "object": {"key": "in/\ud800.fake"}}
        event = {"source": "aws.s3", "detail-type": "Object Created", "detail": detail}
        assert await _refusal(room, event) == "invalid-input"

    async def test_an_object_that_no_rule_takes_is_refused(self, room: Room) -> None:
        assert await _refusal(room, _event(room, "elsewhere/x.fake", b"x")) == "not-found"

    async def test_an_object_that_was_replaced_since_the_event_is_not_taken_for_it(self, room: Room) -> None:
        event = _event(room, "in/x.fake", b"first")
        _event(room, "in/x.fake", b"second")
        assert await _refusal(room, event) == "not-found"
        assert await room.farm.count("model") == 0

    async def test_an_object_over_the_limit_is_refused_before_it_is_read(self, room: Room) -> None:
        event = _event(room, "in/x.fake", b"0123456789")
        assert await _refusal(room, event, max_object_bytes=9) == "too-large"

    async def test_an_object_beyond_the_quota_is_refused_before_it_is_stored(self, room: Room) -> None:
        await room.farm.execute(
            "insert into project_quota (project_id, stored_bytes) select id, 9 from project where slug = 'film'"
        )
        assert await _refusal(room, _event(room, "in/x.fake", b"0123456789")) == "over-quota"
        assert await room.farm.storage.list_objects("blobs/", limit=10) == []

    async def test_a_scene_of_no_known_kind_is_refused(self, room: Room) -> None:
        rule = RULE.model_copy(update={"kind": None})
        assert await _refusal(room, _event(room, "in/notes.txt", b"x"), rules=(rule,)) == "invalid-input"

    @pytest.mark.parametrize("job", [{"frames": "x"}, {"model": str(uuid4())}, {"framez": "1"}])
    def test_a_rule_that_could_make_no_job_is_refused_when_the_farm_starts(self, job: dict[str, Any]) -> None:
        with pytest.raises(ValidationError):
            ObjectRule(name="x", bucket="abc", job=job)


def _event(room: Room, key: str, content: bytes) -> dict[str, Any]:
    """Put the object, and the notification that S3 sends of it."""
    s3 = room.aws("s3")
    with suppress(s3.exceptions.BucketAlreadyOwnedByYou):
        s3.create_bucket(Bucket=RULE.bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
    etag = s3.put_object(Bucket=RULE.bucket, Key=key, Body=content)["ETag"].strip('"')
    about = {"key": quote_plus(key, safe="/"), "size": len(content), "eTag": etag, "sequencer": uuid4().hex}
    record = {
        "eventVersion": "2.1",
        "eventSource": "aws:s3",
        "eventName": "ObjectCreated:Put",
        "s3": {"bucket": {"name": RULE.bucket}, "object": about},
    }
    return {"Records": [record]}


async def _take_in(room: Room, rule: ObjectRule = RULE, *, ended: int = 1, probe: Any = None) -> None:
    """With the end of each probe as it would come."""
    intake = room.intake(rules=(rule,))
    await intake.tick(await room.epoch())
    while intake._working and not all(task.done() for task in intake._working):
        for row in await room.rows("select id from model where state = 'probing'"):
            await room.farm.set_model(str(row.id), "ready", probe=probe)
    assert await intake.settle() == ended
    assert room.refused() == []


async def _refusal(room: Room, event: dict[str, Any], **changes: Any) -> str:
    room.send(event)
    with capture_logs():
        assert await room.take_in(room.intake(**{"rules": (RULE,), **changes})) == 1
    assert await room.farm.count("job") == 0
    [why] = room.refused()
    return why["code"]
