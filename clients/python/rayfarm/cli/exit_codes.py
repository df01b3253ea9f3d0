"""What the `rayfarm` command ends with: 0 done, and these."""

from __future__ import annotations

JOB_FAILED = UNFINISHED = 1
"""The job failed or was canceled; the work was done in part, or not in time."""
USAGE = 2
"""The call is wrong, or was refused."""
UNREACHABLE = 3
"""Nothing answers, or takes anything for now."""
INTERRUPTED = 130
"""Ctrl-C."""
