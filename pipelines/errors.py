"""Errors of engines and of the processes that hold them; each knows its end reason.

RayfarmError
└── EngineError       the engine refused or failed; its process lives on
    └── EngineLost    the engine's process is gone
        ├── EngineCrashed   … by itself: signal, abort, exit, broken protocol; or it passed a limit
        └── EngineKilled    … because ``EngineHost.kill`` was called
"""

from __future__ import annotations

from jobs.errors import RayfarmError
from jobs.states import EndReason


class EngineError(RayfarmError):
    """The renderer reported an error."""

    code = "engine-error"

    def __init__(
        self, reason: EndReason, message: str | None = None, *, remedy: str | None = None, **details: object
    ) -> None:
        super().__init__(message, remedy=remedy, reason=reason, **details)

    @property
    def log_tail(self) -> str:
        """The end of what the engine printed: of the call that failed, or of a process that is gone."""
        return str(self.details.get("log_tail", ""))

    @property
    def reason(self) -> EndReason:
        """Why the attempt ended (kept in ``details`` so that it survives pickling)."""
        return EndReason(str(self.details["reason"]))


class EngineLost(EngineError):
    """The renderer's process is gone."""

    code = "engine-lost"


class EngineCrashed(EngineLost):
    """The renderer's process died by itself, or was killed for passing one of its limits."""

    code = "engine-crash"

    def __init__(
        self,
        message: str | None = None,
        *,
        exit_code: int | None = None,
        signal: int | None = None,
        log_tail: str = "",
        reason: EndReason = EndReason.ENGINE_CRASH,
        remedy: str | None = None,
    ) -> None:
        super().__init__(
            reason,
            message,
            remedy=remedy,
            exit_code=exit_code,
            signal=signal,
            log_tail=log_tail,
        )

    @property
    def exit_code(self) -> int | None:
        value = self.details.get("exit_code")
        return value if isinstance(value, int) else None

    @property
    def signal(self) -> int | None:
        value = self.details.get("signal")
        return value if isinstance(value, int) else None


class EngineKilled(EngineLost):
    """The renderer's process was ended on request."""

    code = "engine-killed"

    def __init__(self, message: str | None = None) -> None:
        super().__init__(EndReason.INTERRUPTED, message)
