"""What the claims of a person are worth: roles on the farm and in projects, as the operator maps them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jobs.access import FarmRole, ProjectRole


@dataclass(frozen=True, slots=True)
class FarmGrant:
    role: FarmRole


@dataclass(frozen=True, slots=True)
class ProjectGrant:
    slug: str
    role: ProjectRole


def grant_of(written: str) -> FarmGrant | ProjectGrant:
    """``admin``, or ``film:artist``. Raises ``ValueError``."""
    slug, colon, role = written.partition(":")
    if not colon:
        return FarmGrant(FarmRole(written))
    if not slug:
        raise ValueError("no project")
    return ProjectGrant(slug, ProjectRole(role))


def values_of(claims: Mapping[str, Any], name: str) -> frozenset[str]:
    """The texts in a claim. Its whole name goes first: names that are addresses (RFC 7519 section 4.2) have dots."""
    found = claims.get(name)
    if found is None:
        found = claims
        for step in name.split("."):
            found = found.get(step) if isinstance(found, Mapping) else None
    if isinstance(found, str):
        return frozenset({found})
    return frozenset(each for each in found if isinstance(each, str)) if isinstance(found, list) else frozenset()


def grants_in(values: Iterable[str], role_map: Mapping[str, Sequence[str]]) -> frozenset[str]:
    """All that the map gives for these values, as it is written there, the strongest of each place."""
    strongest: dict[str, str] = {}
    for grant in (each for value in values for each in role_map.get(value, ())):
        place = place_of(grant)
        if place not in strongest or rank_of(grant) > rank_of(strongest[place]):
            strongest[place] = grant
    return frozenset(strongest.values())


def no_more_than(grants: Iterable[str], before: Iterable[str]) -> frozenset[str]:
    """Of what was given before that which these grants give still, or the less that they give there."""
    old = {place_of(grant): grant for grant in before}
    both = ((grant, old[place_of(grant)]) for grant in grants if place_of(grant) in old)
    return frozenset(min(pair, key=rank_of) for pair in both)


def place_of(grant: str) -> str:
    """A project's slug, or nothing: the farm."""
    return grant.partition(":")[0] if ":" in grant else ""


def rank_of(grant: str) -> int:
    """Of two roles in one place the one with the higher rank includes more."""
    match grant_of(grant):
        case FarmGrant(role=farm_role):
            return rank_of_role(farm_role)
        case ProjectGrant(role=project_role):
            return rank_of_role(project_role)


def rank_of_role(role: FarmRole | ProjectRole | None) -> int:
    """-1: none."""
    if role is None:
        return -1
    ranks: list[FarmRole | ProjectRole] = list(FarmRole) if isinstance(role, FarmRole) else list(ProjectRole)
    return ranks.index(role)
