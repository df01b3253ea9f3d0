"""The rows behind the leader's loops. Every write carries the epoch of the reign and raises ``LostLeadership``."""

from db.loops.collect import (
    KeyOfJob,
    dead_keys,
    drop_blob,
    drop_ownerless_blob,
    ownerless_blobs,
    unnamed_keys,
    unused_blobs,
)
from db.loops.health import record_tick
from db.loops.outbox import (
    Delivery,
    claim_deliveries,
    fail_delivery,
    finish_delivery,
    keep_targets,
)
from db.loops.prune import Retention, prune
from db.loops.webhooks import Tried, WebhookWithWork, end_webhook_delivery, webhooks_with_work

__all__ = [
    "Delivery",
    "KeyOfJob",
    "Retention",
    "Tried",
    "WebhookWithWork",
    "claim_deliveries",
    "dead_keys",
    "drop_blob",
    "drop_ownerless_blob",
    "end_webhook_delivery",
    "fail_delivery",
    "finish_delivery",
    "keep_targets",
    "ownerless_blobs",
    "prune",
    "record_tick",
    "unnamed_keys",
    "unused_blobs",
    "webhooks_with_work",
]
