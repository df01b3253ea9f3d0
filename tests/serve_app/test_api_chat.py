"""Webhooks of chat services: people read how jobs end, and the address is nobody's to see."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from sqlalchemy import text
from structlog.testing import capture_logs

from cluster.loops.webhooks import WebhookSender
from cluster.outbound import Outbound
from jobs.egress import EgressSettings
from jobs.notices import NOTICE_KINDS, NoticeSettings
from jobs.webhooks import WebhookSecrets, WebhookSettings
from tests.cluster.receivers import receiver
from tests.serve_app.farm import ApiFarm, problem_of

ROOT = "/v1/projects/default/webhooks"
URL = "https://hooks.slack.example/services/T0/B0/very-secret"
SHOWN = "https://hooks.slack.example/…"


@pytest.fixture
async def sender(farm: ApiFarm) -> AsyncIterator[WebhookSender]:
    webhooks = farm.app.state.services.webhooks
    webhooks.egress.settings = EgressSettings(allow_http=True, allowed_networks=("127.0.0.0/8",))  # type: ignore[arg-type]
    made = WebhookSender(
        database=farm.db,
        settings=webhooks.settings,
        notices=NoticeSettings(job_page="https://farm.example.org/jobs/{job}"),
        outbound=Outbound(egress=webhooks.egress),
    )
    yield made
    await made.close()


async def tell(farm: ApiFarm, sender: WebhookSender) -> None:
    await sender.tick(await farm._lead())
    with capture_logs():
        await sender.settle()


async def made(farm: ApiFarm, **wishes: Any) -> Any:
    answer = await farm.http.post(ROOT, json={"url": URL, "format": "slack", **wishes})
    assert answer.status_code == 201, answer.text
    return answer.json()


class TestTold:
    @pytest.mark.parametrize("format_", ["slack", "discord", "teams", "mattermost"])
    async def test_the_end_of_a_job_is_one_post_with_its_name_frames_and_page(
        self, farm: ApiFarm, sender: WebhookSender, format_: str
    ) -> None:
        async with receiver(status=204) as there:
            await made(farm, url=there.url(), format=format_)
            job = await farm.submit(name="shot 10", frames="1-2")
            await farm.render(job["id"], frames=2)
            for _ in range(3):
                await tell(farm, sender)
            state = (await farm.http.get(f"/v1/jobs/{job['id']}")).json()["state"]
            assert state == "succeeded"
            [post] = there.posts
        words = post.body.decode()
        assert "“shot 10” is done" in words
        assert "2 of 2 frames" in words
        assert f"https://farm.example.org/jobs/{job['id']}" in words
        assert "webhook-signature" not in post.headers

    async def test_whoever_sets_it_up_can_try_it(self, farm: ApiFarm, sender: WebhookSender) -> None:
        async with receiver(answer=b"ok") as there:
            webhook = await made(farm, url=there.url())
            asked = (await farm.http.post(f"{ROOT}/{webhook['id']}:test")).json()
            await tell(farm, sender)
            [post] = there.posts
        assert "Rayfarm tells here of project" in post.said["text"]
        delivery = (await farm.http.get(f"{ROOT}/{webhook['id']}/deliveries/{asked['id']}")).json()
        assert (delivery["state"], delivery["attempts"][0]["answer"]) == ("done", "ok")

    async def test_a_standard_webhook_beside_it_is_told_each_state_as_before(
        self, farm: ApiFarm, sender: WebhookSender
    ) -> None:
        async with receiver() as program, receiver() as people:
            await made(farm, url=program.url(), format="standard", kinds=["job.state"])
            channel = await made(farm, url=people.url())
            job = await farm.submit(frames="1")
            await farm.render(job["id"], frames=1)
            for _ in range(3):
                await tell(farm, sender)
            states = [each.said["data"]["state"] for each in program.posts]
        assert len(states) > 1
        assert states[-1] == "succeeded"
        assert len(people.posts) == 1
        log = (await farm.http.get(f"{ROOT}/{channel['id']}/deliveries")).json()["items"]
        assert [each["state"] for each in log] == ["done"]  # nothing was given up for want of words


class TestAddress:
    async def test_it_is_shown_to_nobody_and_there_is_no_secret_beside_it(self, farm: ApiFarm) -> None:
        webhook = await made(farm)
        address = f"{ROOT}/{webhook['id']}"
        assert webhook.pop("secret") is None
        assert webhook["url"] == SHOWN
        assert (await farm.http.get(address)).json() == webhook
        changed = (await farm.http.patch(address, json={"description": "our channel"})).json()
        assert changed == {**webhook, "description": "our channel"}
        answers = [(await farm.http.get(path)).text for path in (ROOT, address, "/v1/audit")]
        assert not [each for each in answers if "very-secret" in each]
        async with farm.db.transaction() as tx:
            assert (await tx.execute(text("select url from webhook"))).scalar_one() == URL

    async def test_the_shown_address_sent_back_does_not_overwrite_it(self, farm: ApiFarm) -> None:
        webhook = await made(farm)
        answer = await farm.http.patch(f"{ROOT}/{webhook['id']}", json={"url": webhook["url"]})
        assert problem_of(answer, 422, "invalid-input")["field"] == "url"

    async def test_the_audit_log_tells_that_it_is_another(self, farm: ApiFarm) -> None:
        webhook = await made(farm)
        await farm.http.patch(f"{ROOT}/{webhook['id']}", json={"url": URL + "2"})
        entry = (await farm.http.get("/v1/audit")).json()["items"][0]
        assert entry["before"]["address_sha256"] != entry["after"]["address_sha256"]

    async def test_an_address_inside_is_refused_as_for_every_webhook(self, farm: ApiFarm) -> None:
        answer = await farm.http.post(ROOT, json={"url": "https://169.254.169.254/x", "format": "teams"})
        problem_of(answer, 422, "address-refused")


class TestWishes:
    async def test_without_kinds_it_is_told_all_that_there_are_words_for(self, farm: ApiFarm) -> None:
        webhook = await made(farm)
        assert webhook["kinds"] == sorted(NOTICE_KINDS)
        address = f"{ROOT}/{webhook['id']}"
        assert (await farm.http.patch(address, json={"kinds": ["job.expired"]})).json()["kinds"] == ["job.expired"]
        assert (await farm.http.patch(address, json={"kinds": []})).json()["kinds"] == sorted(NOTICE_KINDS)

    async def test_a_kind_without_words_is_refused(self, farm: ApiFarm) -> None:
        wish = {"url": URL, "format": "discord", "kinds": ["job.state", "chunk.started"]}
        problem = problem_of(await farm.http.post(ROOT, json=wish), 422, "invalid-input")
        assert "chunk.started" in problem["detail"]
        address = f"{ROOT}/{(await made(farm))['id']}"
        problem_of(await farm.http.patch(address, json={"kinds": ["chunk.started"]}), 422, "invalid-input")

    async def test_it_needs_no_key_of_the_farm_and_has_no_secret_to_rotate(self, farm: ApiFarm) -> None:
        object.__setattr__(farm.app.state.services.webhooks, "secrets", WebhookSecrets(WebhookSettings(key=None)))
        webhook = await made(farm)
        problem_of(await farm.http.post(f"{ROOT}/{webhook['id']}:rotate"), 409, "conflict")
