"""The vocabulary of events: one immutable line of what happened; feeds SSE, webhooks and audit.

An event belongs to a job, a model or a project, and is written in the transaction that made it true. A job's have a
sequence number of their own without gaps. One event covers all frames of one commit.
"""

from __future__ import annotations

from enum import StrEnum


class EventKind(StrEnum):
    JOB_CREATED = "job.created"
    JOB_STATE = "job.state"
    """data: state, from, end_reason?, message?"""
    JOB_CHANGED = "job.changed"
    """data: changes {field: {from, to}}"""
    FRAMES_SKIPPED = "frames.skipped"
    """data: frames [{ordinal, frame}] (first 1000), count, counts"""
    FRAMES_REQUEUED = "frames.requeued"
    """data: frames [{ordinal, frame}] (first 1000), count, counts, generation; they are rendered (again)"""
    FRAMES_COMMITTED = "frames.committed"
    """data: frames [{ordinal, frame, artifact, render_ms, warm, replica}], counts"""
    FRAMES_REUSED = "frames.reused"
    """data: frames [...] (first 1000), count"""
    FRAMES_FAILED = "frames.failed"
    """data: frames [{ordinal, frame, reason, message}], counts"""
    FRAME_RETRIED = "frame.retried"
    """data: ordinal, frame, reason, message, tries"""
    CHUNK_STARTED = "chunk.started"
    """data: ordinals, replica, warm"""
    CHUNK_REQUEUED = "chunk.requeued"
    """data: ordinals, reason, replica"""
    FRAMES_SUSPECT = "frames.suspect"
    """data: frames [{ordinal, frame, flag, detail}], suspects (of the job)"""
    NODE_BLOCKED = "node.blocked"
    """data: node, pipeline, failures, reason: the job gets no more work there"""
    NODE_UNBLOCKED = "node.unblocked"
    """data: node"""
    OUTPUT_READY = "output.ready"
    """data: kind (preview, video, …), artifact ids"""
    OUTPUT_FAILED = "output.failed"
    JOB_EXPIRING = "job.expiring"
    """data: expires_at: the outputs of the job end then, unless it is put off"""
    JOB_EXPIRED = "job.expired"
    """data: expires_at, files, size_bytes: the outputs have ended"""
    JOB_DELIVERED = "job.delivered"
    """The job has ended and all its files are in the customer's bucket. data: destination, delivered, failed (0),
    size_bytes"""
    DELIVERY_FAILED = "delivery.failed"
    """The job has ended and files of it could not be delivered. data: destination, delivered, failed, size_bytes,
    message"""
    MODEL_STATE = "model.state"
    BUDGET_CHANGED = "budget.changed"
    """Of a project. data: from, to {budget, period}, by"""
    BUDGET_THRESHOLD = "budget.threshold"
    """Of a project, once for each period, amount and threshold. data: percent, spent, budget, period, period_start,
    currency; at 100 nothing more of the project starts"""
    PREPAID_CHANGED = "prepaid.changed"
    """Of a project. data: prepaid, balance, by"""
    CREDITS_ADDED = "credits.added"
    """Of a project. data: amount, reference, by"""
    CREDITS_SPENT = "credits.spent"
    """Of a project that pays in advance, once after each payment. data: balance; nothing more of it starts"""
    INVOICE_ISSUED = "invoice.issued"
    """Of a project. data: number, month, total, currency"""
    CREDIT_NOTE_ISSUED = "credit_note.issued"
    """Of a project. data: number, month, total (negative), currency"""
    QUOTAS_CHANGED = "quotas.changed"
    """Of a project. data: changes {quota: {from, to}}, by"""
    WEBHOOK_DISABLED = "webhook.disabled"
    """Of the project, no job's. data: webhook, description, reason, message"""
    WEBHOOK_PING = "webhook.ping"
    """Told to one webhook that asked for it, and written nowhere. data: webhook"""


MANAGERS_ONLY = frozenset({EventKind.INVOICE_ISSUED, EventKind.CREDIT_NOTE_ISSUED, EventKind.WEBHOOK_DISABLED})
"""Told to who manages the project alone, as what they are about can be read by those alone."""

FRAME_PROGRESS = "frame.progress"
"""Told on a job's stream while a frame renders, and kept nowhere: it has no sequence number, and no webhook gets it.

data: ordinal, frame, part?, parts?, fraction (0 to 1), done?, total?, unit?, eta_seconds?, detail,
preview? (rises with each picture of it), replica"""

TERMINAL_JOB_EVENT_STATES = frozenset({"succeeded", "failed", "canceled"})
"""A ``job.state`` event with one of these ends the job; outputs that it did not wait for may be told behind it."""
