"""Where a file that another file names must lie: below the model's folder, at a path that no reader takes two ways."""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass

from models.errors import ModelInvalid

_SCHEME = re.compile(r"^[A-Za-z][A-Za-z0-9+.-]*:")
"""``https:``, ``file:``, and the ``C:`` of a drive."""
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_SHOWN = 200
"""Characters of a reference in a message."""
OUTSIDE = "Put the file beside the scene, name it by a path relative to the scene's folder, and upload both."


@dataclass(frozen=True, slots=True, kw_only=True)
class FileReference:
    """One file that a scene needs."""

    raw: str
    """As it is written, from the folder of the file that names it."""
    path: str
    """Manifest path where it is looked for."""
    owner: str
    """What names it: ``images[3]``, ``mtllib``."""
    kind: str
    """A word of ``models.probe.FileKind``."""


def check_relative(raw: str, owner: str) -> None:
    """Refuse what is no relative path with forward slashes; raises ``ModelInvalid``. It may still lead upwards."""
    if not raw or raw.startswith("/") or "\\" in raw or _SCHEME.match(raw) or _CONTROL.search(raw):
        raise _outside(raw, owner)


def place_of(raw: str, owner: str, main: str) -> str:
    """The manifest path of ``raw`` as the file ``main`` names it; raises ``ModelInvalid`` if it leaves the model."""
    check_relative(raw, owner)
    joined = posixpath.normpath(posixpath.join(posixpath.dirname(main), raw))
    if joined in (".", "..") or joined.startswith("../"):
        raise _outside(raw, owner)
    return joined


def _outside(raw: str, owner: str) -> ModelInvalid:
    return ModelInvalid(
        f"The scene refers to {raw[:_SHOWN]!r} ({owner}), which is not a path inside of the model's folder.",
        remedy=OUTSIDE,
        reference=raw[:_SHOWN],
    )
