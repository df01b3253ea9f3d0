"""The audit log: written with each change, sealed into a hash chain behind it, read, verified, and cut by retention."""

from db.audit.chain import ChainState, prune_audit, read_chain, seal_entries
from db.audit.entries import ActorKind, AuditActor, AuditChange, append_audit
from db.audit.read import AuditFilter, AuditRow, list_entries, read_sealed
from db.audit.verify import Breach, Verification, verify_chain

__all__ = [
    "ActorKind",
    "AuditActor",
    "AuditChange",
    "AuditFilter",
    "AuditRow",
    "Breach",
    "ChainState",
    "Verification",
    "append_audit",
    "list_entries",
    "prune_audit",
    "read_chain",
    "read_sealed",
    "seal_entries",
    "verify_chain",
]
