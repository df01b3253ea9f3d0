"""Webhooks over the API: made, shown without their secret, changed, rotated, tried, told again, and nobody else's."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import jsonschema  # type: ignore[import-untyped]
import pytest
from fastapi import FastAPI
from sqlalchemy import text
from structlog.testing import capture_logs

from cluster.loops.webhooks import WebhookSender
from cluster.outbound import Outbound
from db.events import append_model_event
from jobs.egress import EgressSettings
from jobs.events import EventKind
from jobs.notices import NoticeSettings
from jobs.webhooks import WebhookSecrets, WebhookSettings
from rayfarm.webhooks import verify
from serve_app.webhooks.payloads import DATA, WORDS
from tests.cluster.receivers import receiver
from tests.serve_app.farm import ApiFarm, bearer, problem_of

ROOT = "/v1/projects/default/webhooks"
URL = "https://hooks.example.org/in"


@pytest.fixture
def loopback(farm: ApiFarm) -> None:
    """Receivers on this machine may be named."""
    settings = EgressSettings(allow_http=True, allowed_networks=("127.0.0.0/8",))  # type: ignore[arg-type]
    farm.app.state.services.webhooks.egress.settings = settings


@pytest.fixture
async def sender(farm: ApiFarm) -> AsyncIterator[WebhookSender]:
    webhooks = farm.app.state.services.webhooks
    made = WebhookSender(
        database=farm.db,
        settings=webhooks.settings,
        notices=NoticeSettings(),
        outbound=Outbound(egress=webhooks.egress),
    )
    yield made
    await made.close()


async def tell(farm: ApiFarm, sender: WebhookSender) -> None:
    await sender.tick(await farm._lead())
    with capture_logs():
        await sender.settle()


async def made(farm: ApiFarm, **wishes: Any) -> Any:
    answer = await farm.http.post(ROOT, json={"url": URL, **wishes})
    assert answer.status_code == 201, answer.text
    return answer.json()


class TestEndpoints:
    async def test_a_secret_is_in_one_answer_and_nowhere_in_the_database(self, farm: ApiFarm) -> None:
        with capture_logs() as logs:
            webhook = await made(farm, description=" my studio ", kinds=["job.state"])
        secret = webhook.pop("secret")
        assert secret.startswith("whsec_")
        assert (await farm.http.get(f"{ROOT}/{webhook['id']}")).json() == webhook
        assert (await farm.http.get(ROOT)).json() == {"items": [webhook], "next_cursor": None, "total": None}
        assert (webhook["description"], webhook["kinds"], webhook["enabled"]) == ("my studio", ["job.state"], True)
        async with farm.db.transaction() as tx:
            kept = (await tx.execute(text("select webhook::text from webhook"))).scalar_one()
        assert secret not in str(logs)
        assert secret.removeprefix("whsec_") not in kept

    async def test_what_is_named_changes(self, farm: ApiFarm) -> None:
        webhook = await made(farm)
        address = f"{ROOT}/{webhook['id']}"
        off = (await farm.http.patch(address, json={"enabled": False})).json()
        assert (off["enabled"], off["disabled_reason"], off["url"]) == (False, "user", URL)
        changes = {"enabled": True, "kinds": ["frames.failed"], "url": "https://other.example.org"}
        on = (await farm.http.patch(address, json=changes)).json()
        assert (on["enabled"], on["disabled_reason"], on["disabled_at"]) == (True, None, None)
        assert (on["kinds"], on["url"]) == (["frames.failed"], "https://other.example.org/")
        assert (await farm.http.delete(address)).status_code == 204
        for method in ("GET", "PATCH", "DELETE"):
            problem_of(await farm.http.request(method, address, json={}), 404, "not-found")

    @pytest.mark.parametrize(
        ("url", "code"),
        [
            ("http://hooks.example.org/", "address-refused"), ("https://169.254.169.254/latest/", "address-refused"),
            ("https://[::1]/", "address-refused"), ("https://2130706433/", "address-refused"),
            ("https://me:secret@hooks.example.org/", "address-refused"), ("https://a.example:22/", "address-refused"),
            ("", "invalid-input"), ("https://a.example/\u0000", "address-refused"),
        ],
    )  # fmt: skip
    async def test_an_address_inside_is_refused_when_it_is_made_and_when_it_is_changed(
        self, farm: ApiFarm, url: str, code: str
    ) -> None:
        problem = problem_of(await farm.http.post(ROOT, json={"url": url}), 422, code)
        assert problem["field"] == "url"
        address = f"{ROOT}/{(await made(farm))['id']}"
        problem_of(await farm.http.patch(address, json={"url": url}), 422, code)
        assert (await farm.http.get(address)).json()["url"] == URL

    async def test_unknown_kinds_and_pings_cannot_be_asked_for(self, farm: ApiFarm) -> None:
        for kinds in (["job.finished"], ["webhook.ping"], "job.state"):
            problem_of(await farm.http.post(ROOT, json={"url": URL, "kinds": kinds}), 422, "invalid-input")

    async def test_a_project_has_no_more_than_it_may(self, farm: ApiFarm) -> None:
        for _ in range(WebhookSettings().max_per_project):
            await made(farm)
        assert problem_of(await farm.http.post(ROOT, json={"url": URL}), 409, "conflict")["limit"] == 20

    async def test_pages_hold_each_of_them_once(self, farm: ApiFarm) -> None:
        ids = [(await made(farm))["id"] for _ in range(5)]
        seen, cursor = [], None
        while True:
            page = (await farm.http.get(ROOT, params={"limit": 2, **({"cursor": cursor} if cursor else {})})).json()
            seen += [each["id"] for each in page["items"]]
            cursor = page["next_cursor"]
            if cursor is None:
                break
        assert seen == ids

    async def test_another_projects_are_not_there(self, farm: ApiFarm) -> None:
        webhook = await made(farm)
        theirs = bearer(await farm.new_key("other"))
        for root in (ROOT, "/v1/projects/other/webhooks"):
            for method, path in (
                ("GET", ""), ("PATCH", ""), ("DELETE", ""), ("POST", ":rotate"), ("POST", ":test"),
                ("GET", "/deliveries"),
            ):  # fmt: skip
                answer = await farm.http.request(method, f"{root}/{webhook['id']}{path}", headers=theirs, json={})
                problem_of(answer, 404, "not-found")

    async def test_without_the_farms_key_it_says_what_to_set(self, farm: ApiFarm) -> None:
        services = farm.app.state.services.webhooks
        object.__setattr__(services, "secrets", WebhookSecrets(WebhookSettings(key=None)))
        problem = problem_of(await farm.http.post(ROOT, json={"url": URL}), 503, "no-webhook-key")
        assert "RAYFARM_WEBHOOK_KEY" in problem["remedy"]


@pytest.mark.usefixtures("loopback")
class TestDeliveries:
    async def test_a_ping_is_told_and_the_log_shows_it(self, farm: ApiFarm, sender: WebhookSender) -> None:
        async with receiver(answer=b"hello") as there:
            webhook = await made(farm, url=there.url(), kinds=["job.state"])
            asked = await farm.http.post(f"{ROOT}/{webhook['id']}:test")
            assert (asked.status_code, asked.json()["state"], asked.json()["type"]) == (202, "queued", "webhook.ping")
            await tell(farm, sender)
            event = verify(there.posts[0].body, there.posts[0].headers, webhook["secret"])
            delivery = (await farm.http.get(f"{ROOT}/{webhook['id']}/deliveries/{asked.json()['id']}")).json()
        assert (event.type, event.data["webhook"], event.message_id) == (
            "webhook.ping", webhook["id"], delivery["message_id"],
        )  # fmt: skip
        [attempt] = delivery["attempts"]
        assert (delivery["state"], attempt["status"], attempt["answer"], attempt["error"]) == (
            "done",
            200,
            "hello",
            None,
        )
        assert attempt["duration_ms"] > 0

    async def test_after_a_rotation_both_secrets_are_good_and_the_first_is_not_shown(
        self, farm: ApiFarm, sender: WebhookSender
    ) -> None:
        async with receiver() as there:
            webhook = await made(farm, url=there.url())
            rotated = (await farm.http.post(f"{ROOT}/{webhook['id']}:rotate")).json()
            assert rotated["secret"] != webhook["secret"]
            assert rotated["previous_secret_until"] is not None
            await farm.http.post(f"{ROOT}/{webhook['id']}:test")
            await tell(farm, sender)
            for secret in (webhook["secret"], rotated["secret"]):
                assert verify(there.posts[0].body, there.posts[0].headers, secret).type == "webhook.ping"

    async def test_one_that_was_told_is_told_again_under_its_id(self, farm: ApiFarm, sender: WebhookSender) -> None:
        async with receiver() as there:
            webhook = await made(farm, url=there.url(), kinds=["job.created"])
            root = f"{ROOT}/{webhook['id']}/deliveries"
            await farm.submit()
            [waiting] = (await farm.http.get(root)).json()["items"]
            problem_of(await farm.http.post(f"{root}/{waiting['id']}:redeliver"), 409, "conflict")
            await tell(farm, sender)
            assert (await farm.http.post(f"{root}/{waiting['id']}:redeliver")).status_code == 202
            await tell(farm, sender)
            assert len({post.headers["webhook-id"] for post in there.posts}) == 1
            assert len(there.posts) == 2
            [told] = (await farm.http.get(root, params={"state": "done"})).json()["items"]
            assert [each["attempt"] for each in told["attempts"]] == [1, 2]
            assert (await farm.http.get(root, params={"state": "queued"})).json()["items"] == []
            problem_of(await farm.http.post(f"{root}/{farm.project_id}:redeliver"), 404, "not-found")
            await farm.execute("delete from event")
            problem_of(await farm.http.post(f"{root}/{waiting['id']}:redeliver"), 409, "conflict")

    async def test_one_that_is_disabled_is_not_tried(self, farm: ApiFarm) -> None:
        webhook = await made(farm, enabled=False)
        problem_of(await farm.http.post(f"{ROOT}/{webhook['id']}:test"), 409, "conflict")
        await farm.submit()
        assert (await farm.http.get(f"{ROOT}/{webhook['id']}/deliveries")).json()["items"] == []


class TestDocument:
    def test_every_kind_of_event_is_described(self, app: FastAPI) -> None:
        document = app.openapi()
        assert (
            set(document["webhooks"]) == {str(kind) for kind in EventKind} == {str(kind) for kind in DATA} == set(WORDS)
        )
        for described in document["webhooks"].values():
            headers = [each["name"] for each in described["post"]["parameters"]]
            assert headers == ["webhook-id", "webhook-timestamp", "webhook-signature"]

    @pytest.mark.usefixtures("loopback")
    async def test_what_is_posted_is_what_the_document_says(self, farm: ApiFarm, sender: WebhookSender) -> None:
        async with receiver() as there:
            await made(farm, url=there.url())
            await _live(farm)
            for _ in range(3):
                await tell(farm, sender)
            kinds = {_check(farm.app.openapi(), post.said) for post in there.posts}
        assert kinds >= {
            "job.created", "job.state", "job.changed", "frames.committed", "frames.failed", "frames.skipped",
            "frames.requeued", "chunk.started", "frame.retried", "model.state",
        }  # fmt: skip


def _check(document: Any, said: Any) -> str:
    """Its type, once it fits its schema and the schema names every field of it."""
    kind = str(said["type"])
    body = document["webhooks"][kind]["post"]["requestBody"]["content"]["application/json"]["schema"]
    jsonschema.validate(said, {**body, "components": document["components"]})
    envelope = document["components"]["schemas"][body["$ref"].rpartition("/")[2]]
    data = document["components"]["schemas"][envelope["properties"]["data"]["$ref"].rpartition("/")[2]]
    assert set(said["data"]) <= set(data["properties"]), kind
    return kind


async def _live(farm: ApiFarm) -> None:
    """A job to which most things happen."""
    job = (await farm.submit(frames="1-6", limits={"tries": 1}))["id"]
    await farm.http.patch(f"/v1/jobs/{job}", json={"priority": "interactive"})
    await farm.render(job, frames=2)
    replica, chunk = await farm.claim(job, frames=1)
    await farm.fail(replica, chunk, chunk.ordinals[0])
    for action, frames in (("skip", "5"), ("requeue", "1")):
        answer = await farm.http.post(f"/v1/jobs/{job}/frames/actions", json={"action": action, "frames": frames})
        assert answer.is_success, answer.text
    retried = (await farm.submit(frames="1-2"))["id"]
    await farm.start(retried)
    replica, chunk = await farm.claim(retried, frames=1)
    await farm.fail(replica, chunk, chunk.ordinals[0])
    model_id = UUID(await farm.model())
    async with farm.db.transaction() as tx:
        await append_model_event(tx, model_id=model_id, kind=EventKind.MODEL_STATE, data={"state": "ready"})
