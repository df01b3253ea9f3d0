"""What the webhook routes do."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from urllib.parse import urlsplit
from uuid import UUID, uuid4

from db import webhooks
from db.session import Transaction
from db.webhooks import AttemptRow, DeliveryRow, WebhookRow
from jobs.chat import WebhookFormat, hidden_address
from jobs.egress import Egress
from jobs.errors import Conflict, InvalidInput, NotFound
from jobs.events import EventKind
from jobs.notices import NOTICE_KINDS
from jobs.webhooks import WebhookSecrets, WebhookSettings
from serve_app.webhooks.schemas import (
    AttemptView,
    DeliveryView,
    NewWebhook,
    WebhookChange,
    WebhookView,
    WebhookWithSecret,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhooks:
    """One per process."""

    settings: WebhookSettings
    secrets: WebhookSecrets
    egress: Egress

    async def create(self, tx: Transaction, new: NewWebhook, *, project_id: UUID, created_by: str) -> WebhookWithSecret:
        """Raises ``EgressRefused``, ``InvalidInput``, ``Conflict`` where there are as many as there may be,
        ``NoWebhookKey``."""
        url = self._address(new.url, new.format)
        webhook_id, seed = uuid4(), None if new.format.is_chat else self.secrets.new()
        row = await webhooks.create_webhook(
            tx,
            webhook_id=webhook_id,
            project_id=project_id,
            url=url,
            format_=new.format,
            description=new.description,
            kinds=_kinds(new.kinds, new.format),
            enabled=new.enabled,
            seed=seed,
            created_by=created_by,
            limit=self.settings.max_per_project,
        )
        if row is None:
            raise Conflict(
                f"This project has {self.settings.max_per_project} webhooks, as many as one may have.",
                remedy="Delete one, or let one receiver tell the others; the limit is RAYFARM_WEBHOOK_MAX_PER_PROJECT.",
                limit=self.settings.max_per_project,
            )
        secret = None if seed is None else self.secrets.secret_of(seed, webhook_id=webhook_id)
        return WebhookWithSecret(**view_of(row).model_dump(), secret=secret)

    async def change(self, tx: Transaction, change: WebhookChange, *, project_id: UUID, webhook_id: UUID) -> WebhookRow:
        """Raises ``NotFound``, ``EgressRefused``, ``InvalidInput``."""
        before = await require(tx, project_id=project_id, webhook_id=webhook_id)
        changes, format_ = change.model_dump(exclude_none=True), WebhookFormat(before.format)
        if change.url is not None:
            changes["url"] = self._address(change.url, format_)
        if change.kinds is not None:
            changes["kinds"] = _kinds(change.kinds, format_)
        row = await webhooks.change_webhook(tx, project_id=project_id, webhook_id=webhook_id, changes=changes)
        return row or _none()

    async def rotate(self, tx: Transaction, *, project_id: UUID, webhook_id: UUID) -> WebhookWithSecret:
        """Raises ``NotFound``, ``Conflict`` for chat, ``NoWebhookKey``."""
        before = await require(tx, project_id=project_id, webhook_id=webhook_id)
        if WebhookFormat(before.format).is_chat:
            raise Conflict(
                "What is posted to a chat service is not signed, so there is no secret to rotate.",
                remedy="Have the service make another address, and PATCH the webhook's url.",
            )
        seed = self.secrets.new()
        row = await webhooks.rotate_webhook(
            tx, project_id=project_id, webhook_id=webhook_id, seed=seed, overlap=self.settings.rotation_overlap
        )
        secret = self.secrets.secret_of(seed, webhook_id=webhook_id)
        return WebhookWithSecret(**view_of(row or _none()).model_dump(), secret=secret)

    def _address(self, url: str, format_: WebhookFormat) -> str:
        if format_.is_chat and url.endswith("/…"):
            raise InvalidInput(
                "This is the address as it is shown, without its secret.",
                remedy="Leave the url out, or give all of it.",
                field="url",
            )
        return self.egress.parse(url).url


async def require(tx: Transaction, *, project_id: UUID, webhook_id: UUID, hold: bool = False) -> WebhookRow:
    """Raises ``NotFound``. ``hold``: keep other writers off until the transaction ends."""
    return await webhooks.find_webhook(tx, project_id=project_id, webhook_id=webhook_id, hold=hold) or _none()


async def ping(tx: Transaction, *, project_id: UUID, webhook_id: UUID) -> DeliveryView:
    """Raises ``NotFound``, ``Conflict`` for one that is disabled."""
    await _require_enabled(tx, project_id, webhook_id)
    return await delivery(tx, webhook_id=webhook_id, delivery_id=await webhooks.ping_webhook(tx, webhook_id=webhook_id))


async def redeliver(tx: Transaction, *, project_id: UUID, webhook_id: UUID, delivery_id: UUID) -> DeliveryView:
    """Raises ``NotFound``, ``Conflict`` where the webhook is disabled, it waits already, or its event is not kept."""
    await _require_enabled(tx, project_id, webhook_id)
    before = await delivery(tx, webhook_id=webhook_id, delivery_id=delivery_id)
    if not await webhooks.redeliver(tx, webhook_id=webhook_id, delivery_id=delivery_id):
        why = "It waits to be told already" if before.state == "queued" else "Its event is not kept any more"
        raise Conflict(f"{why}.", remedy="GET the delivery shows its state; :test tells a ping at once.")
    return await delivery(tx, webhook_id=webhook_id, delivery_id=delivery_id)


async def delivery(tx: Transaction, *, webhook_id: UUID, delivery_id: UUID) -> DeliveryView:
    """Raises ``NotFound``."""
    row = await webhooks.find_delivery(tx, webhook_id=webhook_id, delivery_id=delivery_id)
    if row is None:
        raise NotFound(
            "There is no such delivery of this webhook.",
            remedy="Its deliveries are listed for some days after their end.",
        )
    [view] = await with_attempts(tx, [row])
    return view


async def with_attempts(tx: Transaction, rows: Sequence[DeliveryRow]) -> list[DeliveryView]:
    """The deliveries, each with its posts."""
    attempts = await webhooks.list_attempts(tx, delivery_ids=[row.id for row in rows]) if rows else {}
    return [_delivery_view(row, attempts.get(row.id, [])) for row in rows]


def view_of(row: WebhookRow) -> WebhookView:
    values = asdict(row)
    if WebhookFormat(row.format).is_chat:
        values["url"] = hidden_address(row.url)
    return WebhookView(previous_secret_until=values.pop("previous_until"), **values)


def facts_of(row: WebhookRow) -> dict[str, object]:
    """What the audit log keeps: of the address the host, as the rest may hold a secret of the receiver."""
    return {
        "host": urlsplit(row.url).netloc,
        "address_sha256": hashlib.sha256(row.url.encode()).hexdigest(),
        **{name: getattr(row, name) for name in ("format", "description", "kinds", "enabled")},
    }


def _delivery_view(row: DeliveryRow, attempts: Sequence[AttemptRow]) -> DeliveryView:
    return DeliveryView.model_validate(
        {
            "id": row.id,
            "message_id": f"msg_{row.id.hex}",
            "type": row.kind,
            "state": row.state,
            "job": row.job_id,
            "model": row.model_id,
            "seq": row.seq if row.job_id else None,
            "error": row.error,
            "next_attempt_at": row.next_at,
            "created_at": row.created_at,
            "updated_at": row.updated_at,
            "attempts": [AttemptView(**asdict(each)) for each in attempts],
        }
    )


async def _require_enabled(tx: Transaction, project_id: UUID, webhook_id: UUID) -> None:
    row = await require(tx, project_id=project_id, webhook_id=webhook_id)
    if not row.enabled:
        raise Conflict("This webhook is disabled.", remedy='PATCH it with {"enabled": true} first.')


def _kinds(kinds: Sequence[EventKind], format_: WebhookFormat) -> Sequence[EventKind]:
    """Raises ``InvalidInput`` where chat has no words for one; all that it has words for where none is named."""
    if not format_.is_chat:
        return kinds
    wordless = sorted(set(kinds) - NOTICE_KINDS)
    if wordless:
        raise InvalidInput(
            f"Chat is not told of {', '.join(wordless)}.",
            remedy=f"Choose among {', '.join(sorted(NOTICE_KINDS))}, or none for all of these.",
            field="kinds",
        )
    return list(kinds) or sorted(NOTICE_KINDS)


def _none() -> WebhookRow:
    raise NotFound(
        "There is no such webhook in this project.", remedy="The list of webhooks names those that there are."
    )
