"""The version of a webhook: one half for what people change of it, the other for how its posts went."""

from __future__ import annotations

from db.webhooks import WebhookRow
from serve_app.conditional import Version, digest_of


def version_of(row: WebhookRow) -> Version:
    edited = (row.url, row.description, sorted(row.kinds), row.enabled)
    return Version(digest_of(repr(edited)), digest_of(repr(row)))
