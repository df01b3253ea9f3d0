"""The version of a destination: one half for what people change of it, the other for how its copies went."""

from __future__ import annotations

from db.destinations import DestinationRow
from serve_app.conditional import Version, digest_of
from serve_app.destinations.service import facts_of, view_of


def version_of(row: DestinationRow) -> Version:
    """A new key is a change; how the bucket fares is not."""
    return Version(digest_of(repr(facts_of(row))), digest_of(view_of(row).model_dump_json()))
