"""Who the provider knows, and what tests of single sign-on do again and again."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.serve_app.farm import ApiFarm, bearer

PEOPLE: dict[str, dict[str, Any]] = {
    "ada": {"email": "Ada@Example.org", "email_verified": True, "name": "Ada", "groups": ["film-crew", "others"]},
    "eve": {"email": "eve@evil.example", "email_verified": True, "name": "Eve"},
    "mallory": {"email": "ada@example.org", "email_verified": False, "name": "Mallory"},
    "unsaid": {"email": "una@example.org", "name": "Una"},
    "nameless": {"name": "Nobody"},
    "chief": {"email": "chief@example.org", "email_verified": True, "groups": ["render-admins"]},
}
NOBODY = {"Authorization": ""}


def settings(**values: str) -> Any:
    return pytest.mark.parametrize("oidc", [values], ids=[",".join(values)])


async def invited(farm: ApiFarm, email: str = "ada@example.org", role: str = "artist") -> None:
    answer = await farm.http.post("/v1/projects/default/invitations", json={"email": email, "role": role})
    assert answer.status_code == 201, answer.text


async def me(farm: ApiFarm, session: httpx.Response) -> Any:
    assert session.status_code == 200, session.text
    return (await farm.http.get("/v1/me", headers=bearer(session.json()["access_token"]))).json()
