"""`rayfarm login|logout|whoami` against the real API: who one is, what is kept, and what many commands do to it."""

from __future__ import annotations

import asyncio
import io
import json
import stat
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from rayfarm import Client, SignedOut
from rayfarm._logins import Login, Logins, logins_of
from rayfarm.cli import main
from tests.clients.conftest import QUICK
from tests.clients.scripted_farm import FarmServer, Request
from tests.serve_app.farm import PASSWORD, ApiFarm

ADA = "ada@example.org"
TELLS_WHEN_IT_IS_AT_THE_LOCK = """
import pathlib, sys
from rayfarm import _logins, cli

class Telling(_logins.FileLock):
    def acquire(self, *arguments, **options):
        pathlib.Path(sys.argv[1]).touch()
        return super().acquire(*arguments, **options)

_logins.FileLock = Telling
sys.exit(cli.main(sys.argv[2:]))
"""
Command = Callable[..., Awaitable[tuple[int, str]]]


@pytest.fixture
def logins() -> Logins:
    return logins_of()


@pytest.fixture
def rayfarm(port: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Command:
    """Runs a command at the farm, with lines for it to read: exit code, output."""

    async def run(*words: str, read: str = "") -> tuple[int, str]:
        capsys.readouterr()
        monkeypatch.setattr("sys.stdin", io.StringIO(read))
        where = [] if "--url" in words or "--server" in words else ["--url", f"http://127.0.0.1:{port}"]
        code = await asyncio.to_thread(main, [*words, *where])
        told = capsys.readouterr()
        return code, told.out + told.err

    return run


@pytest.fixture
async def ada(farm: ApiFarm, rayfarm: Command, port: int) -> str:
    """Logs her in; the farm's address."""
    await farm.person(ADA)
    code, told = await rayfarm("login", "--email", ADA, read=PASSWORD + "\n")
    assert code == 0, told
    return f"http://127.0.0.1:{port}"


def outdated(logins: Logins, url: str) -> Login:
    """The access token ends now, by this machine's clock."""
    login = logins.find(url)
    assert login is not None
    logins.keep(replace(login, expires_at=time.time()))
    return login


class TestLogin:
    async def test_later_commands_act_as_the_person_at_the_farm_of_the_newest_login(
        self, ada: str, rayfarm: Command, capsys: pytest.CaptureFixture[str]
    ) -> None:
        capsys.readouterr()
        assert await asyncio.to_thread(main, ["whoami", "--json"]) == 0
        told = json.loads(capsys.readouterr().out)
        assert (told["email"], told["url"], told["found"]) == (ADA, ada, "the newest `rayfarm login`")
        assert told["credential"] == f"the login of {ADA} (`rayfarm login`)"
        assert told["memberships"] == [{"project": "default", "role": "artist"}]
        code, told = await rayfarm("jobs")
        assert (code, "No jobs yet." in told) == (0, True)

    async def test_what_is_kept_is_its_users_alone_and_holds_no_password(self, ada: str, logins: Logins) -> None:
        assert stat.S_IMODE(logins.folder.stat().st_mode) == 0o700
        files = list(logins.folder.iterdir())
        assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
        assert all(PASSWORD not in path.read_text() for path in files)

    async def test_a_wrong_password_keeps_nothing(self, farm: ApiFarm, rayfarm: Command, logins: Logins) -> None:
        await farm.person(ADA)
        code, told = await rayfarm("login", "--email", ADA, read="not this one, surely\n")
        assert (code, "No account has this e-mail address and password." in told) == (2, True)
        assert logins.newest_url() is None

    async def test_a_password_cannot_be_given_as_an_argument(self, rayfarm: Command) -> None:
        code, told = await rayfarm("login", "--email", ADA, "--password", PASSWORD)
        assert (code, "No such option" in told) == (2, True)

    async def test_a_second_login_ends_the_session_of_the_first(
        self, ada: str, farm: ApiFarm, rayfarm: Command, logins: Logins
    ) -> None:
        first = logins.find(ada)
        assert first is not None
        await farm.person("eve@example.org")
        code, _ = await rayfarm("login", "--email", "eve@example.org", read=PASSWORD + "\n")
        assert code == 0
        body = {"refresh_token": first.refresh_token}
        assert (await farm.http.post("/v1/auth/refresh", json=body)).status_code == 401

    async def test_a_login_that_was_damaged_is_told_of_and_made_anew(
        self, ada: str, rayfarm: Command, logins: Logins
    ) -> None:
        next(logins.folder.glob("*.json")).write_text("{")
        code, told = await rayfarm("whoami")
        assert (code, f"rayfarm login --server {ada}" in told) == (2, True)
        code, _ = await rayfarm("login", "--email", ADA, read=PASSWORD + "\n")
        assert code == 0
        code, told = await rayfarm("whoami")
        assert (code, ADA in told) == (0, True)


class TestIdentity:
    async def test_a_key_of_the_environment_wins_over_the_login_and_whoami_says_so(
        self, ada: str, farm: ApiFarm, rayfarm: Command, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("RAYFARM_API_KEY", farm.key)
        code, told = await rayfarm("whoami")
        assert code == 0
        assert "RAYFARM_API_KEY" in told
        assert ADA not in told

    async def test_a_login_wins_over_the_key_of_the_farms_home_folder(
        self, ada: str, tmp_path: Path, rayfarm: Command, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "farm.json").write_text(json.dumps({"ports": {"http": int(ada.rpartition(":")[2])}}))
        (tmp_path / "admin_key").write_text("rf_home_key\n")
        monkeypatch.setenv("RAYFARM_HOME", str(tmp_path))
        code, told = await rayfarm("whoami")
        assert (code, ADA in told) == (0, True)

    async def test_who_is_nobody_is_told_how_to_log_in(self, farm: ApiFarm, rayfarm: Command) -> None:
        code, told = await rayfarm("whoami")
        assert (code, "rayfarm login" in told) == (2, True)

    async def test_a_token_goes_to_no_other_farm_and_to_no_storage(
        self, ada: str, logins: Logins, scripted: FarmServer
    ) -> None:
        scripted.answer("GET", "/v1/me", {})
        with Client(scripted.url, settings=QUICK) as stranger:
            stranger.me()
        scripted.on("GET", "/file", lambda request: request.bytes(b"x"))
        scripted.on("PUT", "/file", lambda request: request.bytes(b""))
        link = f"{scripted.url}/file"

        def use_storage() -> None:
            with Client(ada, settings=QUICK) as client:
                with client._transport.stream(link):
                    pass
                client._transport.put(link, body=lambda: [b"x"], size_bytes=1)

        await asyncio.to_thread(use_storage)
        assert len(scripted.seen) == 3
        assert [headers.get("Authorization") for _, _, headers in scripted.seen] == [None, None, None]

    async def test_who_is_in_several_projects_names_one_by_the_environment(
        self, ada: str, farm: ApiFarm, rayfarm: Command, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        made = await farm.http.post("/v1/projects", json={"slug": "film", "name": "Film"})
        assert made.status_code == 201, made.text
        await farm.person(ADA, project="film", role="viewer")
        _, told = await rayfarm("whoami", "--json")
        assert json.loads(told)["project"] == str(farm.project_id)
        monkeypatch.setenv("RAYFARM_PROJECT", "film")
        _, told = await rayfarm("whoami", "--json")
        assert json.loads(told)["project"] == made.json()["id"]
        monkeypatch.setenv("RAYFARM_PROJECT", "the film")
        code, told = await rayfarm("whoami")
        assert (code, "no slug" in told) == (2, True)


class TestRenewal:
    async def test_a_token_that_ends_is_renewed_before_the_request(
        self, ada: str, rayfarm: Command, logins: Logins
    ) -> None:
        before = outdated(logins, ada)
        code, _ = await rayfarm("jobs")
        after = logins.find(ada)
        assert after is not None
        assert (code, after.refresh_token != before.refresh_token) == (0, True)
        assert after.expires_at > time.time() + 60

    async def test_a_token_that_is_refused_before_its_time_is_renewed_too(
        self, ada: str, rayfarm: Command, logins: Logins
    ) -> None:
        login = logins.find(ada)
        assert login is not None
        logins.keep(replace(login, access_token="a.forged.one"))
        code, told = await rayfarm("jobs")
        assert code == 0, told

    async def test_a_session_that_has_ended_says_to_log_in_again(
        self, ada: str, farm: ApiFarm, rayfarm: Command, logins: Logins
    ) -> None:
        outdated(logins, ada)
        await farm.execute("update refresh_token set expires_at = now() - interval '1 s'")
        code, told = await rayfarm("jobs")
        assert code == 2
        assert f"rayfarm login --server {ada}" in told

    async def test_four_commands_that_renew_at_once_keep_the_session(
        self, ada: str, farm: ApiFarm, logins: Logins
    ) -> None:
        outdated(logins, ada)
        words = (sys.executable, "-m", "rayfarm", "whoami", "--url", ada)
        running = [
            await asyncio.create_subprocess_exec(*words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            for _ in range(4)
        ]
        told = [(await process.communicate())[0].decode() for process in running]
        assert [process.returncode for process in running] == [0] * 4, told
        assert await farm.count("refresh_token where used_at is not null") == 1
        assert await farm.count("audit_entry where action = 'session.reuse'") == 0

    def test_a_command_that_finds_another_renewing_waits_and_takes_what_it_got(
        self, scripted: FarmServer, logins: Logins, tmp_path: Path
    ) -> None:
        """The second starts while the farm still works on the first one's renewal; it never sends the token again."""
        logins.keep(
            Login(
                url=scripted.url, account_id="a", email=ADA, access_token="old", expires_at=0.0, refresh_token="first"
            )
        )
        at_the_lock = tmp_path / "at the lock"
        words = [sys.executable, "-m", "rayfarm", "whoami", "--url", scripted.url]
        told = [sys.executable, "-c", TELLS_WHEN_IT_IS_AT_THE_LOCK, str(at_the_lock), *words[3:]]
        sent: list[str] = []
        second: list[subprocess.Popen[bytes]] = []

        def renew(request: Request) -> None:
            sent.append(json.loads(request.body)["refresh_token"])
            if len(sent) == 1:
                second.append(subprocess.Popen(told, stdout=subprocess.DEVNULL))
                deadline = time.monotonic() + 60
                while len(sent) == 1 and not at_the_lock.exists() and time.monotonic() < deadline:
                    time.sleep(0.02)
            request.json({"access_token": "new", "refresh_token": "next", "expires_in": 900})

        scripted.on("POST", "/v1/auth/refresh", renew)
        scripted.answer("GET", "/v1/me", {"id": "a", "name": "Ada", "email": ADA})
        first = subprocess.run(words, stdout=subprocess.DEVNULL, timeout=90, check=False)
        assert [first.returncode, second[0].wait(timeout=60)] == [0, 0]
        assert sent == ["first"]
        assert {headers["Authorization"] for headers in scripted.requests("GET", "/v1/me")} == {"Bearer new"}

    def test_a_farm_that_is_away_for_a_moment_is_waited_for_with_the_same_token(
        self, scripted: FarmServer, logins: Logins
    ) -> None:
        logins.keep(
            Login(url=scripted.url, account_id="a", email=ADA, access_token="old", expires_at=0.0, refresh_token="t")
        )
        scripted.in_turn(
            "POST",
            "/v1/auth/refresh",
            lambda request: request.problem(503, "unavailable", "starting"),
            lambda request: request.json({"access_token": "new", "refresh_token": "next", "expires_in": 900}),
        )
        scripted.answer("GET", "/v1/me", {"id": "a"})
        with Client(scripted.url, settings=QUICK) as client:
            assert client.me() == {"id": "a"}
        kept = logins.find(scripted.url)
        assert kept is not None
        assert kept.refresh_token == "next"

    def test_a_command_does_not_become_somebody_else_in_its_midst(self, scripted: FarmServer, logins: Logins) -> None:
        mine = Login(url=scripted.url, account_id="a", email=ADA, access_token="old", expires_at=0.0, refresh_token="t")
        logins.keep(mine)
        with Client(scripted.url, settings=QUICK) as client:
            logins.keep(replace(mine, account_id="e", email="eve@example.org", expires_at=time.time() + 900))
            with pytest.raises(SignedOut, match=r"eve@example\.org"):
                client.me()
        assert scripted.seen == []


class TestLogout:
    async def test_it_ends_the_session_at_the_farm_and_here(
        self, ada: str, farm: ApiFarm, rayfarm: Command, logins: Logins
    ) -> None:
        login = logins.find(ada)
        assert login is not None
        code, told = await rayfarm("logout")
        assert (code, ADA in told) == (0, True)
        assert logins.find(ada) is None
        body = {"refresh_token": login.refresh_token}
        assert (await farm.http.post("/v1/auth/refresh", json=body)).status_code == 401
        code, told = await rayfarm("logout")
        assert (code, "Nobody was logged in" in told) == (0, True)

    async def test_a_farm_that_does_not_answer_keeps_nobody_from_logging_out_here(
        self, rayfarm: Command, logins: Logins
    ) -> None:
        url = "http://127.0.0.1:1"
        logins.keep(
            Login(url=url, account_id="a", email=ADA, access_token="t", expires_at=0.0, refresh_token="t"), newest=True
        )
        code, told = await rayfarm("logout", "--server", url)
        assert (code, "The farm was not told" in told) == (0, True)
        assert logins.find(url) is logins.newest_url() is None

    @pytest.mark.parametrize(("words", "opened"), [(["--sso"], ["https://id.example.org/end?x=1"]), ([], [])])
    def test_the_session_at_the_identity_provider_is_ended_in_the_browser_where_that_is_asked_for(
        self,
        words: list[str],
        opened: list[str],
        scripted: FarmServer,
        logins: Logins,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        logins.keep(
            Login(url=scripted.url, account_id="a", email=ADA, access_token="t", expires_at=0.0, refresh_token="t")
        )
        scripted.answer("POST", "/v1/auth/logout", {"end_session_url": "https://id.example.org/end?x=1"})
        went: list[str] = []
        monkeypatch.setattr("webbrowser.open", lambda address: bool(went.append(address)) or True)
        assert main(["logout", "--server", scripted.url, *words]) == 0
        assert went == opened
        assert ("stays logged in at the identity provider" in capsys.readouterr().err) is (not opened)
