"""Seals the audit log into its chain, and cuts it where retention says."""

from __future__ import annotations

import structlog

from cluster.loops.settings import LoopSettings
from db.audit import prune_audit, seal_entries
from db.session import Database

_log = structlog.get_logger(__name__)

_BATCH = 500
"""Entries sealed in one transaction: some tens of milliseconds, for which the chain is locked."""
_BATCHES = 20
"""Batches in one tick: 10,000 entries."""
_PRUNED = 1000


class Auditor:
    """See ``db.audit.chain``. The head of the chain goes into the log of this process: where logs are shipped to
    another machine, they hold what finds a chain that was rewritten."""

    name = "auditor"

    def __init__(self, *, database: Database, settings: LoopSettings) -> None:
        self._database = database
        self.every = settings.audit_every
        self._kept = settings.audit_kept

    async def tick(self, epoch: int) -> int:
        handled = 0
        for _ in range(_BATCHES):
            sealed = await seal_entries(self._database, limit=_BATCH, epoch=epoch)
            handled += sealed.count
            if sealed.count:
                _log.info("audit_sealed", action="audit.seal", seq=sealed.seq, sha256=sealed.hash.hex())
            if sealed.count < _BATCH:
                break
        if self._kept is not None:
            handled += await prune_audit(self._database, kept=self._kept, limit=_PRUNED, epoch=epoch)
        return handled
