"""Refuses what changes something while the farm is under maintenance."""

from __future__ import annotations

from typing import ClassVar

from fastapi import Request

from db.maintenance import read_maintenance
from db.session import Transaction
from jobs.errors import Unavailable
from serve_app.dependencies import Services, Tx
from serve_app.settings import ApiSettings

_CHANGING = frozenset({"POST", "PUT", "PATCH", "DELETE"})

GOES_ON = frozenset(
    {
        # questions that have a body
        "estimate_job",
        "check_settings",
        "ask_lacking",
        # what maintenance is done with
        "set_maintenance",
        "set_flag",
        "drop_flag",
        "drain_replica",
        "disable_replica",
        "enable_replica",
        "restart_replica",
        "drain_node",
        "restart_node",
        "disable_node",
        "enable_node",
    }
)
"""Routes with a changing method that are answered all the same."""


class UnderMaintenance(Unavailable):
    """The farm is under maintenance: it can be read, and nothing can be changed."""

    code: ClassVar[str] = "maintenance"


async def refuse_changes(request: Request, tx: Tx, services: Services) -> None:
    """Raises ``UnderMaintenance``. Reads cost no look at the row."""
    if request.method not in _CHANGING or request.scope["route"].name in GOES_ON:
        return
    again = "Send it again later; an Idempotency-Key, where the route takes one, makes that safe."
    refusal = await maintenance_refusal(
        tx, services.settings, remedy=again if request.method == "POST" else "Send it again later."
    )
    if refusal is not None:
        raise refusal


async def maintenance_refusal(tx: Transaction, settings: ApiSettings, *, remedy: str) -> UnderMaintenance | None:
    """What a change is refused with; None: the farm is not under maintenance."""
    state = await read_maintenance(tx)
    if not state.active:
        return None
    return UnderMaintenance(
        f"The farm is under maintenance: {state.message}" if state.message else None,
        remedy=remedy,
        since=state.since.isoformat() if state.since else None,
        retry_after_s=round(settings.maintenance_retry.total_seconds()),
    )
