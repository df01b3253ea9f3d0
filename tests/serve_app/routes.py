"""Every route behind a credential, with an address that leads to nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tests.serve_app.farm import ApiFarm

OPEN = ("/v1/health", "/v1/files", "/v1/archives", "/v1/parts", "/v1/auth", "/v1/status")
"""What strangers reach."""

_ENDLESS = ("follow_project", "follow_farm")
"""Streams that end with the connection alone; an id that is refused ends them behind the check of rights."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    name: str
    method: str
    address: str


def routes_of(farm: ApiFarm, *, project: str = "default") -> list[Route]:
    nobody = str(farm.project_id)  # a UUID of something else
    fills: dict[str, Any] = {
        **dict.fromkeys(("model_id", "job_id", "artifact_id", "replica_id", "upload_id"), nobody),
        **dict.fromkeys(
            ("account_id", "key_id", "invitation_id", "webhook_id", "delivery_id", "destination_id"), nobody
        ),
        "digest": "0" * 64,
        "frame": 1,
        "step_id": 1,
        "name": "fake",
        "node": "n1",
        "number": "INV-000001",
        "report_id": nobody,
        "slug": project,
    }
    return [
        Route(
            name=operation["operationId"],
            method=method,
            address=path.format(**fills) + ("?after=nowhere" if operation["operationId"] in _ENDLESS else ""),
        )
        for path, operations in farm.app.openapi()["paths"].items()
        if not path.startswith(OPEN)
        for method, operation in operations.items()
    ]
