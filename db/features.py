"""Feature flags as they are set. Each request that asks for such a feature reads its flag: one row by its key, and so
every process of the farm goes by a change at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from db._query import run
from db.session import Transaction
from jobs.features import Feature, FeatureOff, FlagRule, is_on


@dataclass(frozen=True, slots=True, kw_only=True)
class FlagRow:
    """A flag that somebody has set."""

    name: str
    enabled: bool
    projects: Sequence[UUID]
    slugs: Sequence[str]
    """Of those projects."""
    percent: int
    note: str
    changed_by: str
    changed_at: datetime

    @property
    def rule(self) -> FlagRule:
        return FlagRule(enabled=self.enabled, projects=self.projects, percent=self.percent)


async def list_flags(tx: Transaction) -> dict[str, FlagRow]:
    """Those that were set, by name."""
    rows = (await run(tx, "read_feature_flags", name=None)).mappings()
    return {row["name"]: FlagRow(**row) for row in rows}


async def find_flag(tx: Transaction, feature: Feature) -> FlagRow | None:
    """None: nobody has set it."""
    row = (await run(tx, "read_feature_flags", name=str(feature))).mappings().one_or_none()
    return None if row is None else FlagRow(**row)


async def set_flag(tx: Transaction, feature: Feature, *, rule: FlagRule, note: str, changed_by: str) -> None:
    """In place of what was set before."""
    await run(
        tx,
        "set_feature_flag",
        name=str(feature),
        enabled=rule.enabled,
        projects=sorted(set(rule.projects)),
        percent=rule.percent,
        note=note,
        changed_by=changed_by,
    )


async def drop_flag(tx: Transaction, feature: Feature) -> bool:
    """Back to what the code declares. False: it was not set."""
    return (await run(tx, "drop_feature_flag", name=str(feature))).one_or_none() is not None


async def has_feature(tx: Transaction, feature: Feature, *, project_id: UUID) -> bool:
    """Whether the project has it now."""
    row = await find_flag(tx, feature)
    return is_on(feature, row.rule if row else None, project_id=project_id)


async def require_feature(tx: Transaction, feature: Feature, *, project_id: UUID, remedy: str) -> None:
    """Raises ``FeatureOff``, with what whoever set the flag has noted. ``remedy``: how to do without."""
    row = await find_flag(tx, feature)
    if is_on(feature, row.rule if row else None, project_id=project_id):
        return
    why = f": {row.note}" if row and row.note else "."
    raise FeatureOff(
        f"{feature} is turned off by the farm's operator{why}",
        remedy=remedy,
        feature=str(feature),
    )
