"""``/v1/projects/{slug}/webhooks``: Standard Webhooks (https://www.standardwebhooks.com), and words to chat."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Path, Query, Response

from db import webhooks
from serve_app.conditional import CHANGES, ENDS, READS, IfMatch, IfNoneMatch, answer
from serve_app.dependencies import Audit, PageQuery, Services, Tx
from serve_app.openapi import problems
from serve_app.paging import Page, PageRequest, cursor_of
from serve_app.security import Access
from serve_app.webhooks import service
from serve_app.webhooks.schemas import DeliveryView, NewWebhook, WebhookChange, WebhookView, WebhookWithSecret
from serve_app.webhooks.versions import version_of

router = APIRouter(prefix="/projects/{slug}/webhooks", tags=["webhooks"])

Slug = Annotated[str, Path(max_length=63)]


@router.get("")
async def list_webhooks(slug: Slug, access: Access, tx: Tx, page: PageQuery) -> Page[WebhookView]:
    """The project's webhooks, oldest first, without their secrets."""
    rows = await webhooks.list_webhooks(tx, project_id=access.project_id, limit=page.limit + 1, after=_after(page))
    shown = rows[: page.limit]
    more = len(rows) > len(shown)
    return Page(
        items=[service.view_of(row) for row in shown],
        next_cursor=cursor_of(shown[-1].created_at.isoformat(), shown[-1].id) if more else None,
    )


@router.post("", status_code=201, responses=problems(409))
async def create_webhook(
    slug: Slug, new: NewWebhook, access: Access, tx: Tx, services: Services, trail: Audit
) -> WebhookWithSecret:
    """Have events posted to an address, from now on. The answer is the only time that the secret is shown."""
    made = await services.webhooks.create(tx, new, project_id=access.project_id, created_by=access.name)
    row = await service.require(tx, project_id=access.project_id, webhook_id=made.id)
    trail.note("webhook", made.id, after=service.facts_of(row))
    return made


@router.get("/{webhook_id}", response_model=WebhookView, responses=READS)
async def read_webhook(
    slug: Slug, webhook_id: UUID, response: Response, access: Access, tx: Tx, if_none_match: IfNoneMatch = None
) -> WebhookView | Response:
    """One webhook, without its secret."""
    row = await service.require(tx, project_id=access.project_id, webhook_id=webhook_id)
    return answer(service.view_of(row), version_of(row), response=response, if_none_match=if_none_match)


@router.patch("/{webhook_id}", response_model=WebhookView, responses=CHANGES)
async def change_webhook(
    slug: Slug,
    webhook_id: UUID,
    change: WebhookChange,
    response: Response,
    access: Access,
    tx: Tx,
    services: Services,
    trail: Audit,
    if_match: IfMatch = None,
) -> WebhookView | Response:
    """Change where events go, and which. While it is disabled nothing is kept for it, and what waited is given up."""
    before = await service.require(tx, project_id=access.project_id, webhook_id=webhook_id, hold=True)
    version_of(before).require(if_match)
    after = await services.webhooks.change(tx, change, project_id=access.project_id, webhook_id=webhook_id)
    trail.note_change("webhook", webhook_id, before=service.facts_of(before), after=service.facts_of(after))
    return answer(service.view_of(after), version_of(after), response=response)


@router.delete("/{webhook_id}", status_code=204, responses=ENDS)
async def delete_webhook(
    slug: Slug, webhook_id: UUID, access: Access, tx: Tx, trail: Audit, if_match: IfMatch = None
) -> None:
    """End it, with the log of its deliveries. A post that is under way may still arrive."""
    row = await service.require(tx, project_id=access.project_id, webhook_id=webhook_id, hold=True)
    version_of(row).require(if_match)
    await webhooks.delete_webhook(tx, project_id=access.project_id, webhook_id=webhook_id)
    trail.note("webhook", webhook_id, before=service.facts_of(row))


@router.post("/{webhook_id}:rotate", responses=problems(409))
async def rotate_webhook(
    slug: Slug, webhook_id: UUID, access: Access, tx: Tx, services: Services, trail: Audit
) -> WebhookWithSecret:
    """A new secret. The one of now signs beside it until `previous_secret_until`; one before that is void at once."""
    trail.note("webhook", webhook_id)
    return await services.webhooks.rotate(tx, project_id=access.project_id, webhook_id=webhook_id)


@router.post("/{webhook_id}:test", status_code=202, responses=problems(409))
async def test_webhook(slug: Slug, webhook_id: UUID, access: Access, tx: Tx, trail: Audit) -> DeliveryView:
    """Post a `webhook.ping`; the delivery tells how it went."""
    trail.note("webhook", webhook_id)
    return await service.ping(tx, project_id=access.project_id, webhook_id=webhook_id)


@router.get("/{webhook_id}/deliveries")
async def list_deliveries(
    slug: Slug,
    webhook_id: UUID,
    access: Access,
    tx: Tx,
    page: PageQuery,
    state: Annotated[Literal["queued", "done", "failed"] | None, Query(description="Only these.")] = None,
) -> Page[DeliveryView]:
    """What was posted, and what came back; newest first."""
    await service.require(tx, project_id=access.project_id, webhook_id=webhook_id)
    rows = await webhooks.list_deliveries(
        tx, webhook_id=webhook_id, state=state, limit=page.limit + 1, after=_after(page)
    )
    shown = rows[: page.limit]
    more = len(rows) > len(shown)
    return Page(
        items=await service.with_attempts(tx, shown),
        next_cursor=cursor_of(shown[-1].created_at.isoformat(), shown[-1].id) if more else None,
    )


@router.get("/{webhook_id}/deliveries/{delivery_id}")
async def read_delivery(slug: Slug, webhook_id: UUID, delivery_id: UUID, access: Access, tx: Tx) -> DeliveryView:
    """One delivery."""
    await service.require(tx, project_id=access.project_id, webhook_id=webhook_id)
    return await service.delivery(tx, webhook_id=webhook_id, delivery_id=delivery_id)


@router.post("/{webhook_id}/deliveries/{delivery_id}:redeliver", status_code=202, responses=problems(409))
async def redeliver(
    slug: Slug, webhook_id: UUID, delivery_id: UUID, access: Access, tx: Tx, trail: Audit
) -> DeliveryView:
    """Post it again, under the same `webhook-id`, apart from the order of what waits."""
    trail.note("webhook", webhook_id, after={"delivery": delivery_id})
    return await service.redeliver(tx, project_id=access.project_id, webhook_id=webhook_id, delivery_id=delivery_id)


def _after(page: PageRequest) -> tuple[datetime, UUID] | None:
    parts = page.after(datetime.fromisoformat, UUID)
    return None if parts is None else (datetime.fromisoformat(parts[0]), UUID(parts[1]))
