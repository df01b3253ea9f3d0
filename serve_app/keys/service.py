"""What a key may be given, and how lists show it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import ClassVar
from uuid import UUID

from db.accounts import find_account
from db.keys import KeyRow, count_keys
from db.repositories.projects import get_project
from db.session import Transaction
from jobs.access import Permission, Role, grants_of
from jobs.errors import Conflict, InvalidInput
from serve_app.keys.schemas import KeyView
from serve_app.security import Caller
from serve_app.settings import ApiSettings


class TooManyKeys(Conflict):
    """There are as many keys as this farm allows."""

    code: ClassVar[str] = "too-many-keys"


def require_within(caller: Caller, role: Role, scopes: Sequence[Permission]) -> None:
    """Raises ``InvalidInput`` for scopes beyond the role, and ``Forbidden`` for more rights than the maker has."""
    granted = grants_of([role], scopes=scopes)
    if odd := sorted(set(scopes) - granted):
        raise InvalidInput(
            f"The role {role} has no right {', '.join(odd)}.", field="scopes", remedy="Leave it out, or choose a role."
        )
    caller.require_all(granted)


async def require_room(
    tx: Transaction, settings: ApiSettings, *, project_id: UUID | None, account_id: UUID | None = None
) -> None:
    """Raises ``TooManyKeys``. Locks the project or the account, so that no two requests take the same place."""
    window = settings.rate_window
    if project_id is not None:
        await get_project(tx, project_id=project_id, hold=True)
        count = await count_keys(tx, project_id=project_id, window=window)
        _require_below(count, settings.max_keys_per_project, "project", "RAYFARM_API_MAX_KEYS_PER_PROJECT")
    if account_id is not None:
        await find_account(tx, account_id=account_id, hold=True)
        count = await count_keys(tx, account_id=account_id, window=window)
        limit = settings.max_keys_per_service_account
        _require_below(count, limit, "service account", "RAYFARM_API_MAX_KEYS_PER_SERVICE_ACCOUNT")


def _require_below(count: int, limit: int, whose: str, setting: str) -> None:
    if count >= limit:
        raise TooManyKeys(
            f"The {whose} has {count} keys, those that ended in the last moments among them; {limit} are allowed.",
            remedy=f"Revoke one that nobody uses and wait a moment, or ask the operator to raise {setting}.",
            limit=limit,
            setting=setting,
        )


def facts_of_key(row: KeyRow) -> dict[str, object]:
    """What the audit log keeps; nothing of the secret is in the row."""
    return {name: getattr(row, name) for name in ("name", "prefix", "role", "scopes", "expires_at", "account_id")}


def view_of_key(row: KeyRow) -> KeyView:
    hidden = ("project_id", "account_id", "revoked_at")
    shown = {name: value for name, value in asdict(row).items() if name not in hidden}
    return KeyView.model_validate({**shown, "service_account": row.account_id})
