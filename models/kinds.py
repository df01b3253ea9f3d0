"""The kinds of model and what a main file of each looks like."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path

from jobs.errors import InvalidInput
from models.formats.blend import BlendSummary, inspect_blend


class ModelKind(StrEnum):
    """What a replica can hold resident."""

    BLENDER = "blender"
    FAKE = "fake"
    """Of the `fake` pipeline: any file, never opened."""

    @property
    def extensions(self) -> tuple[str, ...]:
        """Endings of a main file; empty: any."""
        return (".blend",) if self is ModelKind.BLENDER else ()

    @property
    def needs_probe(self) -> bool:
        """Whether a new model is opened in a throwaway process before it is used."""
        return self is ModelKind.BLENDER


def kind_of(path: str) -> ModelKind:
    """The kind of a main file by its name."""
    for kind in ModelKind:
        if kind.extensions and path.lower().endswith(kind.extensions):
            return kind
    known = ", ".join(ending for kind in ModelKind for ending in kind.extensions)
    raise InvalidInput(
        f"{path} is not a kind of scene that this farm knows.", field="main", remedy=f"Use a file that ends in {known}."
    )


def check_main_file(kind: ModelKind, path: Path) -> BlendSummary | None:
    """Read the header of a main file before an engine sees it; raises ``ModelInvalid``."""
    return inspect_blend(path) if kind is ModelKind.BLENDER else None
