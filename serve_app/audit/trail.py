"""What one request did: noted while it works, written into its transaction right before that commits."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from uuid import UUID

from starlette.requests import Request

from db.audit import ActorKind, AuditActor, AuditChange, append_audit
from db.session import Transaction
from serve_app.audit.actions import EXEMPT, action_of
from serve_app.client_address import address_of
from serve_app.settings import ApiSettings

_CHANGING = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_MAX_USER_AGENT = 256


class Trail:
    """One per request. An endpoint that changes something notes what; a changing route that notes nothing is written
    all the same, with the resource that its path names, unless it says ``nothing_changed``."""

    def __init__(self, request: Request, settings: ApiSettings) -> None:
        self._request = request
        self._settings = settings
        self._who: tuple[ActorKind, UUID | None, str | None, str | None] = (ActorKind.NOBODY, None, None, None)
        self._project_id: UUID | None = None
        self._notes: list[tuple[AuditActor, AuditChange]] = []
        self._is_told = False

    def know(
        self,
        kind: ActorKind,
        *,
        id: UUID,
        name: str | None,
        role: str | None = None,
        project_id: UUID | None = None,
    ) -> None:
        """Who asks. ``project_id``: where what they do belongs, if it belongs to a project."""
        self._who = (kind, id, name, role)
        self._project_id = project_id

    def note(
        self,
        resource: str,
        resource_id: object,
        *,
        before: Mapping[str, object] | None = None,
        after: Mapping[str, object] | None = None,
        project_id: UUID | None = None,
        action: str | None = None,
    ) -> None:
        """Something was done to a resource. ``action``: where it is not the route's own."""
        change = AuditChange(
            action=action or action_of(self._route),
            resource_type=resource,
            resource_id=None if resource_id is None else str(resource_id),
            project_id=project_id or self._project_id,
            before=before,
            after=after,
        )
        self._notes.append((self._actor(), change))
        self._is_told = True

    def note_change(
        self,
        resource: str,
        resource_id: object,
        *,
        before: Mapping[str, object],
        after: Mapping[str, object],
        project_id: UUID | None = None,
    ) -> None:
        """What differs between two states of a resource; nothing where nothing does."""
        names = [name for name in {**before, **after} if before.get(name) != after.get(name)]
        if not names:
            self.nothing_changed()
            return
        self.note(
            resource,
            resource_id,
            before={name: before[name] for name in names if name in before},
            after={name: after[name] for name in names if name in after},
            project_id=project_id,
        )

    @asynccontextmanager
    async def changing(
        self, resource: str, resource_id: object, look: Callable[[], Awaitable[Mapping[str, object]]]
    ) -> AsyncIterator[None]:
        """``note_change`` of what the block changes; ``look`` tells the state, before it and behind it."""
        before = await look()
        yield
        self.note_change(resource, resource_id, before=before, after=await look())

    def nothing_changed(self) -> None:
        """The request was answered, and found everything as it wanted it."""
        self._is_told = True

    @property
    def is_told(self) -> bool:
        """Whether the route has said what it did."""
        return self._is_told

    def conclude(self) -> bool:
        """At the end of a request that went well: whether something is left to be written."""
        changes = self._request.method in _CHANGING and self._who[0] is not ActorKind.NOBODY
        if changes and not self._is_told and self._route not in EXEMPT:
            named = list(self._request.path_params.values())
            self.note(action_of(self._route).partition(".")[0], named[-1] if named else None)
        return bool(self._notes)

    async def write(self, tx: Transaction) -> None:
        """Write what was noted since the last time."""
        notes, self._notes = self._notes, []
        for actor, change in notes:
            await append_audit(tx, actor=actor, change=change)

    @property
    def _route(self) -> str:
        return str(self._request.scope["route"].name)

    def _actor(self) -> AuditActor:
        kind, actor_id, name, role = self._who
        scope = self._request.scope
        address = address_of(scope, trusted=self._settings.trusted_proxies)
        agent = self._request.headers.get("user-agent")
        return AuditActor(
            kind=kind,
            id=actor_id,
            name=name,
            role=role,
            address=None if address is None else str(address),
            user_agent=None if agent is None else agent[:_MAX_USER_AGENT],
            request_id=scope.get("rayfarm.request_id"),
        )
