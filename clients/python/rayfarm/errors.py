"""Errors of the client: each says what went wrong and what to do about it.

ClientError
├── UsageError          the call itself is wrong: an option, a local file, a configuration
│   ├── NotAModel       the file is no scene that the farm could open
│   ├── MissingFiles    the scene needs files that were not found, listed one by one
│   ├── SignedOut       the login of `rayfarm login` has ended
│   └── SignInRefused   nobody was logged in (``rayfarm.signing_in``)
├── FarmUnreachable     no answer, or "unavailable" for longer than the client's patience
├── FarmRefused         the farm answered with a problem (``status``, ``code``, ``problem``)
├── ModelInvalid        the farm's probe could not open the scene
├── NotFromTheFarm      a post to a webhook is not signed by the farm (``rayfarm.webhooks``)
├── StepFailed          a step behind the frames made nothing
└── DownloadCorrupt     the bytes that came do not have the digest that the farm promised
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar


class ClientError(Exception):
    """Rayfarm could not do what was asked."""

    code: ClassVar[str] = "error"

    def __init__(self, message: str | None = None, *, remedy: str | None = None) -> None:
        self.message = message or (type(self).__doc__ or "").strip().splitlines()[0]
        self.remedy = remedy
        super().__init__(self.message)

    def __str__(self) -> str:
        return f"{self.message} {self.remedy}" if self.remedy else self.message


class UsageError(ClientError):
    """The call is not valid."""

    code = "usage"


class NotAModel(UsageError):
    """The file is no scene of a kind that the farm knows, or is damaged."""

    code = "not-a-model"


class SignedOut(UsageError):
    """Your login at this farm is over."""

    code = "signed-out"


@dataclass(frozen=True, slots=True, kw_only=True)
class MissingFile:
    """One file that the scene refers to and that was not found, with what to do."""

    raw: str
    """The reference as the .blend stores it."""
    kind: str
    owner: str
    """The datablock that refers to it."""
    problem: str
    remedy: str

    def __str__(self) -> str:
        owner = f", used by {self.owner}" if self.owner else ""
        return f"{self.raw} ({self.kind}{owner}): {self.problem} {self.remedy}"


class MissingFiles(UsageError):
    """The scene refers to files that were not found."""

    code = "missing-files"

    def __init__(self, files: Sequence[MissingFile]) -> None:
        self.files = tuple(files)
        count = len(self.files)
        lines = "\n".join(f"  {file}" for file in self.files)
        noun = "a file that was" if count == 1 else f"{count} files that were"
        super().__init__(f"The scene refers to {noun} not found:\n{lines}")


class FarmUnreachable(ClientError):
    """The farm does not answer."""

    code = "unreachable"

    def __init__(
        self, message: str | None = None, *, remedy: str | None = None, problem: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(message, remedy=remedy)
        self.problem = problem
        """What a farm said that is there but not able; None: nothing came."""


class FarmRefused(ClientError):
    """The farm refused the request."""

    def __init__(self, *, status: int, problem: Mapping[str, Any]) -> None:
        self.status = status
        self.problem = dict(problem)
        slug = str(problem.get("type", "")).rstrip("/").rpartition("/")[2]
        self.problem_code = str(problem.get("code") or slug or f"http-{status}")
        detail = str(problem.get("detail") or problem.get("title") or f"The farm answered {status}.")
        remedy = problem.get("remedy")
        super().__init__(detail, remedy=str(remedy) if remedy else _remedy_for(status))


class ModelInvalid(ClientError):
    """The farm could not open the scene."""

    code = "model-invalid"


class StepFailed(ClientError):
    """A step behind the frames made nothing; the job stays as it is."""

    code = "step-failed"

    def __init__(self, *, step_id: int, state: str, error: str | None) -> None:
        self.step_id = step_id
        super().__init__(f"Step {step_id} {state}{f': {error}' if error else '.'}")


class DownloadCorrupt(ClientError):
    """The downloaded bytes do not match the digest that the farm promised."""

    code = "download-corrupt"


def _remedy_for(status: int) -> str | None:
    if status == 401:
        return (
            "Log in with `rayfarm login`, or give a valid key with --api-key or RAYFARM_API_KEY; `rayfarm up` keeps "
            "one in the farm's admin_key file."
        )
    return None
