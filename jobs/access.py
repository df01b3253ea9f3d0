"""Who may do what: roles, and what each grants. The one table that the API asks and that its tests walk.

A project role holds in one project, a farm role everywhere. A key or a person may have both; the grants add up.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum


class Permission(StrEnum):
    """A right, as a key's ``scopes`` name it."""

    SELF = "self"
    """One's own account, and what the farm says of itself: pipelines, workers, licences."""
    PROJECT_READ = "project:read"
    """Jobs, models, artifacts and events of the project."""
    PROJECT_RENDER = "project:render"
    """Upload, register, submit, and steer any job of the project."""
    PROJECT_MANAGE = "project:manage"
    """Members, invitations and keys of the project."""
    FARM_OPERATE = "farm:operate"
    """Workers, machines, licences, and what is kept warm."""
    FARM_ADMIN = "farm:admin"
    """Accounts, projects and their shares, keys of the whole farm."""


class ProjectRole(StrEnum):
    """What somebody is in one project."""

    VIEWER = "viewer"
    ARTIST = "artist"
    MANAGER = "manager"


class FarmRole(StrEnum):
    """What somebody is on the whole farm, in every project."""

    OPERATOR = "operator"
    ADMIN = "admin"


Role = ProjectRole | FarmRole

_VIEWER = frozenset({Permission.SELF, Permission.PROJECT_READ})
_ARTIST = _VIEWER | {Permission.PROJECT_RENDER}
GRANTS: Mapping[Role, frozenset[Permission]] = {
    ProjectRole.VIEWER: _VIEWER,
    ProjectRole.ARTIST: _ARTIST,
    ProjectRole.MANAGER: _ARTIST | {Permission.PROJECT_MANAGE},
    FarmRole.OPERATOR: _VIEWER | {Permission.FARM_OPERATE},
    FarmRole.ADMIN: frozenset(Permission),
}


def grants_of(roles: Iterable[Role], *, scopes: Iterable[str] = ()) -> frozenset[Permission]:
    """What these roles allow together; ``scopes``, where there are any, narrow it to those named."""
    granted = frozenset[Permission]().union(*(GRANTS[role] for role in roles))
    named = frozenset(scopes)
    return frozenset(each for each in granted if each in named or each is Permission.SELF) if named else granted


def is_lowered(before: Role | None, after: Role | None) -> bool:
    """Whether the second role in one place, or none, lacks what the first grants."""
    return before is not None and (after is None or not GRANTS[before] <= GRANTS[after])


def roles_below(role: Role) -> tuple[Role, ...]:
    """The others of its kind that grant less."""
    return tuple(each for each in type(role) if GRANTS[each] < GRANTS[role])


def role_named(name: str) -> Role:
    """The project or farm role of that name. Raises ``ValueError``."""
    return FarmRole(name) if name in set(FarmRole) else ProjectRole(name)
