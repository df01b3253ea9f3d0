"""A job tells whom it names of its end: members of its project by e-mail, and one of its webhooks."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import httpx

from jobs.mail import MailSettings
from tests.cluster.mail_servers import mail_server
from tests.serve_app.audited import NEW_WEBHOOK, WEBHOOKS
from tests.serve_app.farm import ApiFarm, bearer, problem_of
from tests.serve_app.test_api_notices import ADA, BEN, ENDS, ME, asks, tick, waiting


async def submit(farm: ApiFarm, headers: dict[str, str], **notify: Any) -> httpx.Response:
    return await farm.http.post("/v1/jobs", json=await farm.spec(notify=notify), headers=headers)


async def ended(farm: ApiFarm, submitted: httpx.Response) -> str:
    assert submitted.status_code == 202, submitted.text
    job_id = str(submitted.json()["id"])
    assert (await farm.http.post(f"/v1/jobs/{job_id}/cancel")).is_success
    return job_id


async def told(farm: ApiFarm) -> list[list[str]]:
    async with mail_server() as there:
        while await tick(farm, there):
            pass
    return sorted(there.receivers)


class TestMail:
    async def test_who_is_named_is_told_once_although_they_asked_for_nothing(self, farm: ApiFarm) -> None:
        ada, _ = await asks(farm, ADA), await farm.person(BEN, role="viewer")
        submitted = await submit(farm, ada, email=["me", BEN.upper(), ADA])
        assert submitted.json()["spec"]["notify"] == {"email": [ADA, BEN], "webhook": None}
        assert await waiting(farm) == 0
        await ended(farm, submitted)
        assert await told(farm) == [[ADA], [BEN]]

    async def test_who_asked_for_every_job_and_is_named_is_written_to_once(self, farm: ApiFarm) -> None:
        ada = await asks(farm, ADA, *ENDS)
        await ended(farm, await submit(farm, ada, email=["me"]))
        assert await waiting(farm) == 1

    async def test_a_job_that_is_done_and_one_that_failed_tell_too(self, farm: ApiFarm) -> None:
        ada = await asks(farm, ADA)
        done = (await submit(farm, ada, email=["me"])).json()["id"]
        await farm.render(done, frames=3)
        assert await waiting(farm) == 0
        await farm.render(done, frames=1)
        assert await waiting(farm) == 1
        for seq, state, told_of in ((1001, "paused", 1), (1002, "failed", 2)):
            await farm.execute(
                "insert into event (project_id, job_id, seq, kind, data) select project_id, id, :seq, 'job.state',"
                " jsonb_build_object('state', cast(:state as text)) from job",
                seq=seq,
                state=state,
            )
            assert await waiting(farm) == told_of

    async def test_nobody_outside_the_project_is_written_to(self, farm: ApiFarm) -> None:
        ada = await asks(farm, ADA)
        await farm.new_key("other")
        await farm.person("eve@example.org", project="other")
        await farm.person("op@example.org", project=None, role="operator")
        for stranger in ("eve@example.org", "op@example.org", "all@example.org"):
            problem = problem_of(await submit(farm, ada, email=["me", stranger]), 422, "invalid-input")
            assert (problem["field"], problem["unknown"]) == ("notify.email", [stranger])
        for odd in ("ada", "x@example.org\r\nBcc: all@example.org", ""):
            problem_of(await submit(farm, ada, email=[odd]), 422, "invalid-input")
        assert await farm.count("job") == 0

    async def test_who_left_the_project_meanwhile_is_not_told(self, farm: ApiFarm) -> None:
        await asks(farm, ADA)
        submitted = await submit(farm, bearer(farm.key), email=[ADA])
        [member] = (await farm.http.get("/v1/projects/default/members")).json()["items"]
        await farm.http.delete(f"/v1/projects/default/members/{member['account']}")
        await ended(farm, submitted)
        assert await waiting(farm) == 0

    async def test_a_key_is_nobodys_me_and_an_administrator_of_no_project_is_their_own(self, farm: ApiFarm) -> None:
        await asks(farm, ADA)
        problem = problem_of(await submit(farm, bearer(farm.key), email=["me"]), 422, "invalid-input")
        assert "key" in problem["detail"]
        admin = bearer((await farm.person("op@example.org", project=None, role="admin"))["access_token"])
        await ended(farm, await submit(farm, admin, email=["me"]))
        assert await told(farm) == [["op@example.org"]]

    async def test_without_a_mail_server_a_job_that_counts_on_it_is_refused(self, farm: ApiFarm) -> None:
        ada = bearer((await farm.person(ADA))["access_token"])
        object.__setattr__(farm.app.state.services, "mail", MailSettings())
        problem = problem_of(await submit(farm, ada, email=["me"]), 422, "invalid-input")
        assert problem["field"] == "notify.email"
        assert (await submit(farm, ada)).status_code == 202

    async def test_a_dry_run_refuses_what_a_submit_would(self, farm: ApiFarm) -> None:
        ada = await asks(farm, ADA)
        spec = await farm.spec(notify={"email": ["all@example.org"]})
        problem_of(await farm.http.post("/v1/jobs/estimate", json=spec, headers=ada), 422, "invalid-input")
        spec["notify"] = {"email": ["me"]}
        assert (await farm.http.post("/v1/jobs/estimate", json=spec, headers=ada)).status_code == 200

    async def test_a_clone_tells_nobody_unless_it_names_them(self, farm: ApiFarm) -> None:
        ada = await asks(farm, ADA)
        job_id = (await submit(farm, ada, email=["me"])).json()["id"]
        clone = await farm.http.post(f"/v1/jobs/{job_id}/clone", json={"frames": "9"}, headers=ada)
        assert (clone.status_code, clone.json()["spec"]["notify"]) == (202, None)
        body = {"frames": "9", "notify": {"email": ["me"]}}
        again = await farm.http.post(f"/v1/jobs/{job_id}/clone", json=body, headers=ada)
        assert again.json()["spec"]["notify"]["email"] == [ADA]

    async def test_who_wants_nothing_any_more_is_not_told_what_waits(self, farm: ApiFarm) -> None:
        ada = await asks(farm, ADA)
        await ended(farm, await submit(farm, ada, email=["me"]))
        assert await waiting(farm) == 1
        assert (await farm.http.patch(ME, json={"email": []}, headers=ada)).is_success
        assert await waiting(farm) == 0


class TestWebhook:
    async def deliveries(self, farm: ApiFarm, webhook: str) -> list[tuple[str, str]]:
        rows = (await farm.http.get(f"{WEBHOOKS}/{webhook}/deliveries")).json()["items"]
        return [(row["type"], row["job"]) for row in rows]

    async def test_a_webhook_that_is_named_is_told_of_the_end_alone_and_once(self, farm: ApiFarm) -> None:
        made = (await farm.http.post(WEBHOOKS, json={**NEW_WEBHOOK, "kinds": ["budget.threshold"]})).json()["id"]
        every = (await farm.http.post(WEBHOOKS, json={**NEW_WEBHOOK, "kinds": ["job.state"]})).json()["id"]
        job_id = await ended(farm, await submit(farm, bearer(farm.key), webhook=made))
        other = await ended(farm, await farm.http.post("/v1/jobs", json=await farm.spec()))
        assert await self.deliveries(farm, made) == [("job.state", job_id)]
        named = await ended(farm, await submit(farm, bearer(farm.key), webhook=every))
        of_jobs = [each[1] for each in await self.deliveries(farm, every)]
        assert of_jobs.count(named) == of_jobs.count(other)  # who is told anyway is told as often

    async def test_a_webhook_of_another_project_or_one_that_is_disabled_is_refused(self, farm: ApiFarm) -> None:
        other = bearer(await farm.new_key("other"))
        path = "/v1/projects/other/webhooks"
        theirs = (await farm.http.post(path, json=NEW_WEBHOOK, headers=other)).json()["id"]
        off = (await farm.http.post(WEBHOOKS, json={**NEW_WEBHOOK, "enabled": False})).json()["id"]
        for webhook in (theirs, off, str(uuid4())):
            problem = problem_of(await submit(farm, bearer(farm.key), webhook=webhook), 422, "invalid-input")
            assert problem["field"] == "notify.webhook"

    async def test_one_that_was_disabled_or_deleted_since_is_not_told(self, farm: ApiFarm) -> None:
        made = (await farm.http.post(WEBHOOKS, json=NEW_WEBHOOK)).json()["id"]
        first = await submit(farm, bearer(farm.key), webhook=made)
        second = await submit(farm, bearer(farm.key), webhook=made)
        await farm.http.patch(f"{WEBHOOKS}/{made}", json={"enabled": False})
        before = await self.deliveries(farm, made)
        await ended(farm, first)
        assert await self.deliveries(farm, made) == before
        await farm.http.delete(f"{WEBHOOKS}/{made}")
        await ended(farm, second)
