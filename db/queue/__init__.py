"""The replica's half of the queue: claim, start, commit, fail, release, beat. Each is one short transaction."""

from db.queue.blame import BlockRow, list_blocks, reset_block
from db.queue.claim import ClaimedChunk, claim_chunk, has_claimable, start_chunk
from db.queue.commit import FrameCommit, NewArtifact, commit_frames
from db.queue.fail import FailOutcome, fail_frame
from db.queue.give_back import CutShort, mark_gone, release_canceled, release_chunk
from db.queue.parts import PartCommit, commit_part
from db.queue.progress import tell_progress
from db.queue.replicas import BeatReply, beat, register_replica

__all__ = [
    "BeatReply",
    "BlockRow",
    "ClaimedChunk",
    "CutShort",
    "FailOutcome",
    "FrameCommit",
    "NewArtifact",
    "PartCommit",
    "beat",
    "claim_chunk",
    "commit_frames",
    "commit_part",
    "fail_frame",
    "has_claimable",
    "list_blocks",
    "mark_gone",
    "register_replica",
    "release_canceled",
    "release_chunk",
    "reset_block",
    "start_chunk",
    "tell_progress",
]
