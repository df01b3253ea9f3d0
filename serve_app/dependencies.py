"""What endpoints ask for by type: the services, the transaction, the page. All async: others would cost a thread."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import ExitStack
from typing import Annotated

from fastapi import Depends, Query, Request

from db.session import Transaction
from serve_app.audit.trail import Trail
from serve_app.paging import PageRequest
from serve_app.services import ApiServices
from serve_app.unit_of_work import UnitOfWork


async def services_of(request: Request) -> ApiServices:
    """The services that the lifespan built.

    They hang on the app and not on ``request.state``: Ray Serve runs the lifespan but hands its state to no request.
    """
    services = request.app.state.services
    assert isinstance(services, ApiServices)
    return services


Services = Annotated[ApiServices, Depends(services_of)]


async def _trail(request: Request, services: Services) -> Trail:
    return Trail(request, services.settings)


Audit = Annotated[Trail, Depends(_trail)]
"""What this request does, for the audit log."""


async def _unit_of_work(services: Services, trail: Audit) -> AsyncIterator[UnitOfWork]:
    async with UnitOfWork(database=services.database, trail=trail) as unit:
        yield unit
        await unit.conclude()


Unit = Annotated[UnitOfWork, Depends(_unit_of_work, scope="function")]
"""Ends when the endpoint returns, before the answer is sent: what a client reads as done is committed."""


async def _transaction(unit: Unit) -> Transaction:
    return await unit.begin()


Tx = Annotated[Transaction, Depends(_transaction)]


async def _until_sent() -> AsyncIterator[ExitStack]:
    with ExitStack() as held:
        yield held


UntilSent = Annotated[ExitStack, Depends(_until_sent, scope="request")]
"""Ends when the answer has been sent or will not be: the endpoint failed, or the client has gone."""


async def _page(
    services: Services,
    limit: Annotated[int | None, Query(ge=1, description="Items of this page; the farm's own ceiling applies.")] = None,
    cursor: Annotated[
        str | None, Query(max_length=512, description="`next_cursor` of the page before; absent: the first page.")
    ] = None,
) -> PageRequest:
    settings = services.settings
    return PageRequest(limit=min(limit or settings.page_size, settings.max_page_size), cursor=cursor)


PageQuery = Annotated[PageRequest, Depends(_page)]


async def public_url_of(request: Request, services: Services) -> str:
    """Where clients reach this API, without a slash at the end."""
    configured = services.settings.public_url
    return str(configured or request.base_url).rstrip("/")


PublicUrl = Annotated[str, Depends(public_url_of)]
