"""``/v1/me/notices``: what one is written of."""

from __future__ import annotations

from fastapi import APIRouter

from serve_app.dependencies import Audit, Services, Tx
from serve_app.notices import service
from serve_app.notices.schemas import NoticesChange, NoticesView
from serve_app.openapi import problems
from serve_app.security import Access

router = APIRouter(prefix="/me/notices", tags=["access"])


@router.get("", responses=problems(409))
async def read_notices(access: Access, tx: Tx, services: Services) -> NoticesView:
    """Of what you are written by e-mail."""
    return await service.read(tx, service.person_of(access), services.mail)


@router.patch("", responses=problems(409))
async def change_notices(wish: NoticesChange, access: Access, tx: Tx, services: Services, trail: Audit) -> NoticesView:
    """Choose it. All that waits for you within some seconds goes in one message, and so does what exceeds an hour's."""
    person = service.person_of(access)
    before = await service.read(tx, person, services.mail)
    after = await service.change(tx, person, wish, services.mail)
    trail.note_change("account", person.id, before={"email": before.email}, after={"email": after.email})
    return after
