"""``/v1/me/notices``: what one is written of."""

from __future__ import annotations

from fastapi import APIRouter, Response

from db.edits import hold_edit
from serve_app.conditional import CHANGES, READS, IfMatch, IfNoneMatch, answer
from serve_app.dependencies import Audit, Services, Tx
from serve_app.notices import service
from serve_app.notices.schemas import NoticesChange, NoticesView
from serve_app.openapi import problems
from serve_app.security import Access

router = APIRouter(prefix="/me/notices", tags=["access"])


@router.get("", response_model=NoticesView, responses={**READS, **problems(409)})
async def read_notices(
    response: Response, access: Access, tx: Tx, services: Services, if_none_match: IfNoneMatch = None
) -> NoticesView | Response:
    """Of what you are written by e-mail."""
    view = await service.read(tx, service.person_of(access), services.mail)
    return answer(view, service.version_of(view), response=response, if_none_match=if_none_match)


@router.patch("", response_model=NoticesView, responses={**CHANGES, **problems(409)})
async def change_notices(
    wish: NoticesChange,
    response: Response,
    access: Access,
    tx: Tx,
    services: Services,
    trail: Audit,
    if_match: IfMatch = None,
) -> NoticesView | Response:
    """Choose it. All that waits for you within some seconds goes in one message, and so does what exceeds an hour's."""
    person = service.person_of(access)
    await hold_edit(tx, "notices", person.id)
    before = await service.read(tx, person, services.mail)
    service.version_of(before).require(if_match)
    after = await service.change(tx, person, wish, services.mail)
    trail.note_change("account", person.id, before={"email": before.email}, after={"email": after.email})
    return answer(after, service.version_of(after), response=response)
