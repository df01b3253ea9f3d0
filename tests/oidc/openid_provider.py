"""Starts the OpenID provider of these tests, and a browser that logs in there as a person would."""

from __future__ import annotations

import html
import json
import re
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from fastapi import FastAPI

FOLDER = Path(__file__).parent
CLIENT_ID = "rayfarm"
CLIENT_SECRET = "a secret of the client, with a : and a %"  # what Basic must encode
FARM = "http://farm.test"
CALLBACK = f"{FARM}/v1/auth/oidc/callback"


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def signing_keys(key_id: str) -> dict[str, Any]:
    """A new private key, as a set."""
    private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    key = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(private))
    del key["key_ops"]  # only to sign, by PyJWT; the provider checks hints that it has signed with the same key
    return {"keys": [{**key, "kid": key_id, "alg": "RS256", "use": "sig"}]}


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenIdProvider:
    port: int

    @property
    def issuer(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@contextmanager
def openid_provider(people: dict[str, dict[str, Any]], *, port: int | None = None, **options: Any) -> Iterator[Any]:
    """One that listens. ``people``: what it says of each, by the name that they log in with."""
    node = shutil.which("node")
    if node is None or not (FOLDER / "node_modules" / "oidc-provider").is_dir():
        pytest.fail("The OpenID provider of these tests is not installed: run `make setup-dev` (it needs Node 20).")
    port = port or free_port()
    client = {
        "client_id": CLIENT_ID,
        "client_secret": CLIENT_SECRET,
        "redirect_uris": [CALLBACK],
        "grant_types": ["authorization_code"],
        "response_types": ["code"],
        **options.pop("client", {}),
    }
    wanted = {
        "port": port,
        "people": people,
        "clients": [client],
        "jwks": options.pop("jwks", None) or signing_keys("first"),
        **options,
    }
    process = subprocess.Popen(
        [node, str(FOLDER / "provider.mjs"), json.dumps(wanted)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=FOLDER,
        text=True,
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline().strip() == "ready"
        yield OpenIdProvider(port=port)
    finally:
        process.kill()
        process.wait()


class Browser:
    """Keeps cookies, and goes where it is sent, until it is told to stop."""

    def __init__(self, app: FastAPI) -> None:
        self.http = httpx.AsyncClient(
            mounts={"all://farm.test": httpx.ASGITransport(app, raise_app_exceptions=False)}, timeout=20
        )

    async def go(self, url: str, *, stop_before: str | None = None) -> httpx.Response:
        """Follow redirects, to an answer that is none, or to one that leads to ``stop_before``."""
        return await self._follow(await self.http.get(url), stop_before)

    async def log_in(
        self, name: str, *, url: str = f"{FARM}/v1/auth/oidc/login", stop_before: str | None = None
    ) -> httpx.Response:
        """Begin at the farm, fill in the provider's forms, and come back to where that ends."""
        page = await self.go(url, stop_before=stop_before)
        while "/interaction/" in str(page.url):
            action = re.search(r'<form[^>]* action="([^"]+)"', page.text)
            prompt = re.search(r'name="prompt" value="(\w+)"', page.text)
            assert action is not None, page.text
            assert prompt is not None, page.text
            form = {"prompt": prompt[1], "login": name, "password": "any"}
            answer = await self.http.post(str(page.url.join(html.unescape(action[1]))), data=form)
            page = await self._follow(answer, stop_before)
        return page

    async def return_of(self, name: str) -> str:
        """The address by which the provider sends the browser back, not yet gone to."""
        page = await self.log_in(name, stop_before=CALLBACK)
        return page.headers["location"]

    async def _follow(self, answer: httpx.Response, stop_before: str | None) -> httpx.Response:
        for _ in range(12):
            if not answer.is_redirect:
                return answer
            target = answer.url.join(answer.headers["location"])
            if stop_before is not None and str(target).startswith(stop_before):
                return answer
            answer = await self.http.get(target)
        raise AssertionError(f"{answer.url} leads round and round")


def query_of(url: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
