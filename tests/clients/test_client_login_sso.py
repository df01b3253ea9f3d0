"""`rayfarm login --sso` against a real OpenID provider, with a browser that does what a person would."""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from fastapi import FastAPI

from rayfarm._logins import Logins, logins_of
from rayfarm.cli import main
from rayfarm.signing_in import SignInRefused, through_browser
from tests.clients.conftest import listening
from tests.clients.scripted_farm import FarmServer
from tests.oidc.openid_provider import (
    CLIENT_ID,
    CLIENT_SECRET,
    Browser,
    OpenIdProvider,
    free_port,
    openid_provider,
    query_of,
)
from tests.serve_app.farm import ApiFarm

PEOPLE: dict[str, dict[str, Any]] = {
    "ada": {"email": "ada@example.org", "email_verified": True, "name": "Ada"},
    "eve": {"email": "eve@evil.example", "email_verified": True, "name": "Eve"},
}


@pytest.fixture(scope="module")
def farm_port() -> int:
    """The provider sends browsers to registered addresses alone, so it knows the farm's beforehand."""
    return free_port()


@pytest.fixture(scope="module")
def provider(farm_port: int) -> Iterator[OpenIdProvider]:
    returns = {"redirect_uris": [f"http://127.0.0.1:{farm_port}/v1/auth/oidc/callback"]}
    with openid_provider(PEOPLE, client=returns) as running:
        yield running


@pytest.fixture(autouse=True)
def environment(provider: OpenIdProvider, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"ISSUER": provider.issuer, "CLIENT_ID": CLIENT_ID, "CLIENT_SECRET": CLIENT_SECRET}.items():
        monkeypatch.setenv(f"RAYFARM_OIDC_{name}", value)


@pytest.fixture
async def url(farm: ApiFarm, make_app: Any, farm_port: int) -> AsyncIterator[str]:
    await farm.http.post("/v1/projects/default/invitations", json={"email": "ada@example.org", "role": "artist"})
    async with listening(make_app(), farm_port):
        yield f"http://127.0.0.1:{farm_port}"


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    browser = Browser(FastAPI())
    yield browser
    await browser.http.aclose()


@pytest.fixture
def logins() -> Logins:
    return logins_of()


@asynccontextmanager
async def command_at(url: str) -> AsyncIterator[tuple[asyncio.subprocess.Process, str]]:
    """`rayfarm login --sso` that waits, and the address that it tells its user to open."""
    words = (sys.executable, "-m", "rayfarm", "login", "--sso", "--no-browser", "--server", url)
    process = await asyncio.create_subprocess_exec(*words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert process.stdout is not None
    try:
        said = (await process.stdout.readline()).decode()
        found = re.search(r"http://\S+/v1/auth/oidc/login\?\S+", said)
        assert found is not None, said + (await process.stdout.read()).decode()
        yield process, found[0]
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def told_by(process: asyncio.subprocess.Process) -> tuple[int, str]:
    out, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, out.decode()


async def test_a_person_logs_in_in_the_browser_and_the_command_is_them(
    url: str, browser: Browser, capsys: pytest.CaptureFixture[str]
) -> None:
    async with command_at(url) as (process, address):
        page = await browser.log_in("ada", url=address)
        assert (page.status_code, urlsplit(str(page.url)).hostname) == (200, "127.0.0.1")
        assert "you can close this page" in page.text
        assert page.headers["Referrer-Policy"] == "no-referrer"
        assert await told_by(process) == (0, f"You are ada@example.org at {url}.\n")
    assert await asyncio.to_thread(main, ["whoami"]) == 0
    assert "ada@example.org" in capsys.readouterr().out


async def test_what_the_browser_brings_is_worth_nothing_without_the_commands_secret(
    url: str, browser: Browser, farm: ApiFarm, logins: Logins
) -> None:
    async with command_at(url) as (_, address):
        end = await browser.log_in("ada", url=address, stop_before=query_of(address)["return_to"])
        brought = query_of(end.headers["location"])
        assert set(brought) == {"code", "state"}
        stolen = {"code": brought["code"], "code_verifier": "x" * 43}
        assert (await farm.http.post("/v1/auth/oidc/token", json=stolen)).status_code == 401
    assert await farm.count("refresh_token") == 0
    assert logins.find(url) is None


async def test_a_login_of_somebody_else_that_is_pushed_at_the_listener_is_not_taken(
    url: str, browser: Browser, logins: Logins
) -> None:
    """Another page of the browser, which does not know the state, neither logs the command in nor ends its wait."""
    async with command_at(url) as (process, address):
        waits_at = query_of(address)["return_to"]
        async with httpx.AsyncClient() as attacker:
            for target in (
                f"{waits_at}?code=rfo_of_mallory&state=guessed",
                f"{waits_at}?code=rfo_of_mallory",
                f"{waits_at}?error=denied&state=",
                str(httpx.URL(waits_at).copy_with(path="/", query=b"code=x")),
            ):
                assert (await attacker.get(target)).status_code == 404
        assert logins.find(url) is None
        await browser.log_in("ada", url=address)
        assert (await told_by(process))[0] == 0


async def test_who_is_not_let_in_reads_why(url: str, browser: Browser, logins: Logins) -> None:
    async with command_at(url) as (process, address):
        page = await browser.log_in("eve", url=address)
        assert "not logged in" in page.text
        code, told = await told_by(process)
    assert (code, "Nobody has invited eve@evil.example" in told) == (2, True)
    assert logins.find(url) is None


async def test_a_browser_that_does_not_come_back_is_not_waited_for_for_ever(url: str, logins: Logins) -> None:
    with pytest.raises(SignInRefused, match="came back"):
        await asyncio.to_thread(
            through_browser, logins, url, show=lambda address: None, within=timedelta(milliseconds=50)
        )


def test_a_farm_without_single_sign_on_is_said_to_have_none(scripted: FarmServer, logins: Logins) -> None:
    scripted.answer("GET", "/v1/auth/methods", {"password": True, "single_sign_on": None})
    with pytest.raises(SignInRefused, match="no single sign-on"):
        through_browser(logins, scripted.url, show=lambda address: None)
