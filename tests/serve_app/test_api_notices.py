"""Notices by e-mail: to who asked, of what is theirs, in few messages, by a mail server that may be away."""

from __future__ import annotations

from datetime import timedelta
from email.header import decode_header, make_header
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import text
from structlog.testing import capture_logs

from cluster.loops.mailer import Mailer
from db.mail import claim_mail, end_mail
from jobs.errors import InvalidSettings
from jobs.mail import MailSecurity, MailSettings
from jobs.notices import NoticeSettings
from tests.cluster.mail_servers import MailServer, mail_server
from tests.cluster.test_outbound import certificate_for
from tests.serve_app.farm import ApiFarm, bearer, problem_of

ME = "/v1/me/notices"
ENDS = ["job.canceled", "job.failed", "job.succeeded"]
ADA, BEN = "ada@example.org", "ben@example.org"


def settings_for(there: MailServer, **changes: Any) -> MailSettings:
    values = {
        "host": "127.0.0.1",
        "port": there.port,
        "security": MailSecurity.NONE,
        "sender": "Farm <farm@example.org>",
    }
    return MailSettings(**{**values, **changes})


async def tick(farm: ApiFarm, there: MailServer, **changes: Any) -> int:
    notices = NoticeSettings(job_page="https://farm.example.org/jobs/{job}")
    mailer = Mailer(database=farm.db, settings=settings_for(there, **changes), notices=notices)
    with capture_logs():
        return await mailer.tick(await farm._lead())


async def asks(farm: ApiFarm, email: str, *kinds: str, **options: Any) -> dict[str, str]:
    """Somebody who asked to be written of these; their credential."""
    object.__setattr__(farm.app.state.services, "mail", MailSettings(host="127.0.0.1", sender="farm@example.org"))
    me = bearer((await farm.person(email, **options))["access_token"])
    answer = await farm.http.patch(ME, json={"email": list(kinds)}, headers=me)
    assert answer.status_code == 200, answer.text
    return me


async def canceled(farm: ApiFarm, headers: dict[str, str], **spec: Any) -> str:
    """A job of theirs that has ended."""
    answer = await farm.http.post("/v1/jobs", json=await farm.spec(**spec), headers=headers)
    assert answer.status_code == 202, answer.text
    job_id = str(answer.json()["id"])
    assert (await farm.http.post(f"/v1/jobs/{job_id}/cancel")).is_success
    return job_id


async def waiting(farm: ApiFarm) -> int:
    return await farm.count("mail_notice")


class TestWishes:
    async def test_nobody_is_written_to_who_did_not_ask(self, farm: ApiFarm) -> None:
        me = bearer((await farm.person(ADA))["access_token"])
        view = (await farm.http.get(ME, headers=me)).json()
        assert view == {"email": [], "address": ADA, "available": False, "error": None}
        await canceled(farm, me)
        assert await waiting(farm) == 0

    async def test_what_is_asked_for_holds_until_it_is_changed(self, farm: ApiFarm) -> None:
        me = await asks(farm, ADA, *ENDS, "job.failed")
        assert (await farm.http.get(ME, headers=me)).json()["email"] == ENDS
        await canceled(farm, me)
        assert await waiting(farm) == 1
        answer = await farm.http.patch(ME, json={"email": ["job.failed"]}, headers=me)
        assert answer.json()["email"] == ["job.failed"]
        assert await waiting(farm) == 0  # said before it was sent

    async def test_a_key_and_a_kind_that_there_is_not_are_refused(self, farm: ApiFarm) -> None:
        problem_of(await farm.http.get(ME), 409, "conflict")
        problem_of(await farm.http.patch(ME, json={"email": []}), 409, "conflict")
        me = await asks(farm, ADA)
        problem_of(await farm.http.patch(ME, json={"email": ["chunk.started"]}, headers=me), 422, "invalid-input")

    async def test_a_farm_without_a_mail_server_says_so(self, farm: ApiFarm) -> None:
        me = bearer((await farm.person(ADA))["access_token"])
        problem = problem_of(await farm.http.patch(ME, json={"email": ENDS}, headers=me), 503, "no-mail")
        assert "RAYFARM_MAIL_HOST" in problem["remedy"]
        assert (await farm.http.patch(ME, json={"email": []}, headers=me)).status_code == 200


class TestMessages:
    async def test_who_submitted_a_job_reads_how_it_ended(self, farm: ApiFarm) -> None:
        me = await asks(farm, ADA, *ENDS)
        spec = await farm.spec(name="shot 10", frames="1-2")
        job_id = (await farm.http.post("/v1/jobs", json=spec, headers=me)).json()["id"]
        await farm.render(job_id, frames=2)
        async with mail_server() as there:
            assert await tick(farm, there) == 1
            assert await tick(farm, there) == 0
        [message], [receivers] = there.messages, there.receivers
        assert receivers == [ADA]
        assert (message["to"], message["from"], message["auto-submitted"]) == (
            ADA,
            "Farm <farm@example.org>",
            "auto-generated",
        )
        assert message["subject"] == "“shot 10” is done"
        body = message.get_content()
        assert "2 of 2 frames are there." in body
        assert f"https://farm.example.org/jobs/{job_id}" in body
        assert message.get_content_type() == "text/plain"
        assert message["message-id"].endswith("@example.org>")
        assert await waiting(farm) == 0

    async def test_nobody_is_written_of_jobs_that_are_not_theirs(self, farm: ApiFarm) -> None:
        ada = await asks(farm, ADA, *ENDS)
        await asks(farm, BEN, *ENDS, role="manager")
        await canceled(farm, ada)
        await canceled(farm, bearer(farm.key))
        async with mail_server() as there:
            await tick(farm, there)
        assert there.receivers == [[ADA]]

    async def test_who_left_the_project_or_the_farm_reads_no_more_of_it(self, farm: ApiFarm) -> None:
        ada, ben = await asks(farm, ADA, *ENDS), await asks(farm, BEN, *ENDS)
        for headers in (ada, ben):
            spec = await farm.spec()
            await farm.http.post("/v1/jobs", json=spec, headers=headers)
        people = (await farm.http.get("/v1/projects/default/members")).json()["items"]
        by_address = {each["email"]: each["account"] for each in people}
        await farm.http.delete(f"/v1/projects/default/members/{by_address[ADA]}")
        await farm.http.patch(f"/v1/accounts/{by_address[BEN]}", json={"disabled": True})
        for job in (await farm.http.get("/v1/jobs")).json()["items"]:
            assert (await farm.http.post(f"/v1/jobs/{job['id']}/cancel")).is_success
        assert await waiting(farm) == 0

    async def test_money_is_told_to_managers_of_the_project_alone(self, farm: ApiFarm) -> None:
        await asks(farm, ADA, "budget.threshold")
        await asks(farm, BEN, "budget.threshold", role="manager")
        await farm.new_key("other")
        await asks(farm, "eve@example.org", "budget.threshold", role="manager", project="other")
        await farm.execute(
            "insert into event (project_id, seq, kind, data) values (:project, 0, 'budget.threshold',"
            """ '{"percent": 80, "spent": "8", "budget": "10", "currency": "EUR"}')""",
            project=farm.project_id,
        )
        async with mail_server() as there:
            await tick(farm, there)
        assert there.receivers == [[BEN]]
        assert "80 % of its budget" in there.messages[0]["subject"]

    async def test_no_name_becomes_a_header_or_an_address(self, farm: ApiFarm) -> None:
        me = await asks(farm, ADA, *ENDS)
        await canceled(farm, me, name="shot")
        await farm.execute("update job set name = E'x\\r\\nBcc: all@example.org\\r\\n\\r\\n<b>hi</b>'")
        async with mail_server() as there:
            await tick(farm, there)
        [message] = there.messages
        assert there.receivers == [[ADA]]
        assert message["bcc"] is None
        assert message["subject"] == "“x Bcc: all@example.org <b>hi</b>” was canceled"

    @pytest.mark.parametrize(
        "name",
        [
            "=?utf-8?q?x=0d=0aBcc:_all@example.org?=",
            "=?utf-8?q?=e2=80=ae?=txt",
            "=?utf-8?q?=ff?=",
            "==??utf-8?b?/w==?=",
        ],
    )
    async def test_a_name_is_no_encoded_word_of_a_subject(self, farm: ApiFarm, name: str) -> None:
        me = await asks(farm, ADA, *ENDS)
        await canceled(farm, me, name=name)
        async with mail_server() as there:
            await tick(farm, there)
        [message] = there.messages
        subject = str(make_header(decode_header(message["subject"].replace("\r\n", ""))))
        assert subject == f"“{name}” was canceled".replace("=?", "= ?")


class TestStorms:
    async def test_a_storm_of_jobs_is_one_summary(self, farm: ApiFarm) -> None:
        me = await asks(farm, ADA, *ENDS)
        for number in range(4):
            await canceled(farm, me, name=f"shot {number}")
        async with mail_server() as there:
            assert await tick(farm, there) == 1
        [message] = there.messages
        assert message["subject"] == "4 notices of the render farm"
        assert all(f"“shot {number}”" in message.get_content() for number in range(4))

    async def test_what_exceeds_an_hours_messages_comes_in_one_when_it_is_over(self, farm: ApiFarm) -> None:
        me = await asks(farm, ADA, *ENDS)
        async with mail_server() as there:
            for number in range(5):
                await canceled(farm, me, name=f"shot {number}")
                await tick(farm, there, most_per_hour=2)
            assert [each["subject"] for each in there.messages] == ["“shot 0” was canceled", "“shot 1” was canceled"]
            await farm.execute("update mail_box set hour_from = now() - interval '1 hour'")
            await tick(farm, there, most_per_hour=2)
        assert there.messages[2]["subject"] == "3 notices of the render farm"
        assert len(there.messages) == 3

    async def test_one_persons_hour_is_nobody_elses(self, farm: ApiFarm) -> None:
        ada, ben = await asks(farm, ADA, *ENDS), await asks(farm, BEN, *ENDS)
        async with mail_server() as there:
            for headers in (ada, ada, ben):
                await canceled(farm, headers)
                await tick(farm, there, most_per_hour=1)
        assert there.receivers == [[ADA], [BEN]]


class TestFailures:
    async def test_what_was_not_taken_is_sent_again_as_the_same_message(self, farm: ApiFarm) -> None:
        me = await asks(farm, ADA, *ENDS)
        await canceled(farm, me)
        async with mail_server(answer="451 later") as there:
            assert await tick(farm, there) == 0
            assert await tick(farm, there) == 0
            assert there.tried == 1  # it rests first
            assert "451" in (await farm.http.get(ME, headers=me)).json()["error"]
            there.answer = "250 OK"
            await farm.execute("update mail_box set not_before = now()")
            assert await tick(farm, there) == 1
        assert len(there.messages) == 1
        assert (await farm.http.get(ME, headers=me)).json()["error"] is None

    async def test_a_server_that_is_away_keeps_what_waits_and_days_later_it_is_given_up(self, farm: ApiFarm) -> None:
        me = await asks(farm, ADA, *ENDS)
        await canceled(farm, me)
        assert await tick(farm, MailServer(port=1)) == 0
        assert await waiting(farm) == 1
        await farm.execute("update mail_notice set created_at = now() - interval '4 days'")
        await tick(farm, MailServer(port=1))
        assert await waiting(farm) == 0

    async def test_an_address_that_is_refused_is_given_up_and_delays_nobody(self, farm: ApiFarm) -> None:
        ada, ben = await asks(farm, ADA, *ENDS), await asks(farm, BEN, *ENDS)
        await canceled(farm, ada)
        await canceled(farm, ben)
        async with mail_server(refused={ADA}) as there:
            assert await tick(farm, there) == 1
        assert there.receivers == [[BEN]]
        assert await waiting(farm) == 0
        assert "550" in (await farm.http.get(ME, headers=ada)).json()["error"]

    async def test_a_sender_that_was_too_slow_ends_nothing_of_the_next_ones(self, farm: ApiFarm) -> None:
        me = await asks(farm, ADA, *ENDS)
        await canceled(farm, me)

        class Slow(MailServer):
            async def handle_DATA(self, *whole: Any) -> str:
                await farm.execute("update mail_box set attempts = attempts + 1")  # another has claimed it
                return await super().handle_DATA(*whole)

        async with mail_server(of=Slow) as there:
            await tick(farm, there)
        assert len(there.messages) == 1
        assert await waiting(farm) == 1

    async def test_an_event_that_commits_late_is_not_lost_with_the_message_before_it(self, farm: ApiFarm) -> None:
        me = await asks(farm, ADA, *ENDS)
        epoch = await farm._lead()
        async with farm.db.transaction() as late:  # its notice has the smaller number
            await late.execute(
                text("insert into mail_notice (account_id, event_id) select account_id, 1 from mail_box")
            )
            await canceled(farm, me)
            mail = await claim_mail(farm.db, most_per_hour=9, lease=timedelta(minutes=1), epoch=epoch)
            assert mail is not None
            assert len(mail.waiting) == 1
        assert await end_mail(farm.db, mail, taken=True, error=None, pause=None, epoch=epoch)
        assert await waiting(farm) == 1

    @pytest.mark.parametrize("bad", ["theirs", "ours"])
    async def test_a_host_name_that_is_none_drops_nobodys_notices(
        self, farm: ApiFarm, monkeypatch: pytest.MonkeyPatch, bad: str
    ) -> None:
        me = await asks(farm, ADA, *ENDS)
        await canceled(farm, me)
        if bad == "ours":
            monkeypatch.setattr("socket.getfqdn", lambda *_: "rechner-ü.example")
        async with mail_server() as there:
            assert await tick(farm, there, host=f"{'x' * 64}.example" if bad == "theirs" else "127.0.0.1") == 0
        assert await waiting(farm) == 1
        assert "Unicode" in (await farm.http.get(ME, headers=me)).json()["error"]

    async def test_without_a_mail_server_what_waits_is_another_clusters_until_it_is_old(self, farm: ApiFarm) -> None:
        me = await asks(farm, ADA, *ENDS)
        await canceled(farm, me)
        mailer = Mailer(database=farm.db, settings=MailSettings(), notices=NoticeSettings())
        with capture_logs():
            assert await mailer.tick(await farm._lead()) == 0
            assert await waiting(farm) == 1
            await farm.execute("update mail_notice set created_at = now() - interval '4 days'")
            await mailer.tick(await farm._lead())
        assert await waiting(farm) == 0


class TestSecurity:
    async def test_a_server_without_tls_gets_neither_password_nor_message(self, farm: ApiFarm) -> None:
        me = await asks(farm, ADA, *ENDS)
        await canceled(farm, me)
        login = {"user": "farm", "password": SecretStr("a-password"), "security": MailSecurity.STARTTLS}
        async with mail_server(options={"auth_require_tls": False}) as there:
            assert await tick(farm, there, **login) == 0
        assert there.greeted > 0
        assert (there.logins, there.tried) == ([], 0)
        assert await waiting(farm) == 1

    @pytest.mark.parametrize("trusted", [True, False])
    async def test_it_logs_in_behind_starttls_where_the_certificate_is_good(
        self, farm: ApiFarm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trusted: bool
    ) -> None:
        me = await asks(farm, ADA, *ENDS)
        await canceled(farm, me)
        server, _ = certificate_for("localhost", tmp_path)
        if trusted:
            monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "server.pem"))
        login = {"host": "localhost", "user": "farm", "password": SecretStr("a-password"), "security": "starttls"}
        async with mail_server(options={"tls_context": server, "require_starttls": True}) as there:
            assert await tick(farm, there, **login) == int(trusted)
        assert there.logins == ([(b"farm", b"a-password")] if trusted else [])

    @pytest.mark.parametrize(
        "wrong",
        [
            {"host": "mail.example.org"},
            {"user": "farm"},
            {"user": "farm", "password": "x", "security": "none"},
            {"sender": "farm"},
            {"sender": "a@example.org\r\nBcc: b@example.org"},
        ],
    )
    def test_settings_that_could_not_work_stop_the_start(self, wrong: dict[str, Any]) -> None:
        with pytest.raises(InvalidSettings, match="RAYFARM_MAIL_"):
            MailSettings(**wrong)
