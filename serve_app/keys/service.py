"""What a key may be given, and how lists show it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from db.keys import KeyRow
from jobs.access import Permission, Role, grants_of
from jobs.errors import InvalidInput
from serve_app.keys.schemas import KeyView
from serve_app.security import Caller


def require_within(caller: Caller, role: Role, scopes: Sequence[Permission]) -> None:
    """Raises ``InvalidInput`` for scopes beyond the role, and ``Forbidden`` for more rights than the maker has."""
    granted = grants_of([role], scopes=scopes)
    if odd := sorted(set(scopes) - granted):
        raise InvalidInput(
            f"The role {role} has no right {', '.join(odd)}.", field="scopes", remedy="Leave it out, or choose a role."
        )
    caller.require_all(granted)


def facts_of_key(row: KeyRow) -> dict[str, object]:
    """What the audit log keeps; nothing of the secret is in the row."""
    return {name: getattr(row, name) for name in ("name", "prefix", "role", "scopes", "expires_at", "account_id")}


def view_of_key(row: KeyRow) -> KeyView:
    hidden = ("project_id", "account_id", "revoked_at")
    shown = {name: value for name, value in asdict(row).items() if name not in hidden}
    return KeyView.model_validate({**shown, "service_account": row.account_id})
