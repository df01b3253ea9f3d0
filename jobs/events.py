"""The vocabulary of events: one immutable line of what happened; feeds SSE, webhooks and audit.

An event belongs to a job and has a per-job sequence number without gaps; it is written in the transaction that made
it true. One event covers all frames of one commit.
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
    MODEL_STATE = "model.state"
    WEBHOOK_DISABLED = "webhook.disabled"
    """Of the project, no job's. data: webhook, description, reason, message"""
    WEBHOOK_PING = "webhook.ping"
    """Told to one webhook that asked for it, and written nowhere. data: webhook"""


FRAME_PROGRESS = "frame.progress"
"""Told on a job's stream while a frame renders, and kept nowhere: it has no sequence number, and no webhook gets it.

data: ordinal, frame, part?, parts?, fraction (0 to 1), done?, total?, unit?, eta_seconds?, detail,
preview? (rises with each picture of it), replica"""

TERMINAL_JOB_EVENT_STATES = frozenset({"succeeded", "failed", "canceled"})
"""A ``job.state`` event with one of these ends the job; outputs that it did not wait for may be told behind it."""
