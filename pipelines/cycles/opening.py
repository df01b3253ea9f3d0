# SPDX-License-Identifier: GPL-3.0-or-later
"""Opens a model in Blender: a .blend as it is, a scene of another program by importing it into an empty one."""

from __future__ import annotations

from dataclasses import dataclass, field

import bpy

from jobs.states import EndReason
from models.errors import ModelInvalid
from pipelines.base import ModelFiles
from pipelines.cycles.containment import LoadGuard, disarm
from pipelines.cycles.external_files import is_blend, remap_external_files, without_folder
from pipelines.cycles.import_defaults import complete_scene, prepare_empty
from pipelines.cycles.importing import import_file, read_before
from pipelines.cycles.probe_references import FoundReference
from pipelines.errors import EngineError


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """What opening a model told; the scene itself is Blender's current one."""

    blocked: list[str] = field(default_factory=list)
    """Scripts and drivers that may not run."""
    warnings: list[str] = field(default_factory=list)
    references: list[FoundReference] = field(default_factory=list)
    """Files that it needs and that Blender does not speak of by itself."""
    missing: list[str] = field(default_factory=list)
    """Manifest paths without which it cannot be imported at all, or not whole."""

    def require_complete(self) -> None:
        """Raises ``EngineError`` where a file is missing."""
        if self.missing:
            raise EngineError(
                EndReason.MODEL_INVALID,
                f"The scene needs files that the model lacks: {', '.join(self.missing[:5])}.",
                remedy="Upload them with the scene, and register it again.",
            )


def open_scene(guard: LoadGuard, model: ModelFiles) -> Opened:
    """Replace whatever is loaded by the model's scene. Raises ``EngineError`` for what cannot be opened."""
    try:
        return _open_blend(guard, model) if is_blend(model) else _import(guard, model)
    except ModelInvalid as error:
        raise EngineError(EndReason.MODEL_INVALID, error.message, remedy=error.remedy) from error
    except RuntimeError as error:
        doing, remedy = "open", f"Open it in Blender {bpy.app.version_string}, save it again, and upload that file."
        if not is_blend(model):
            doing, remedy = "import", "Import it in Blender to see why, or export it again from where it was made."
        raise EngineError(
            EndReason.MODEL_INVALID,
            f"Blender cannot {doing} {model.main}: {_last_line(without_folder(str(error), model.root))}",
            remedy=remedy,
        ) from error


def _open_blend(guard: LoadGuard, model: ModelFiles) -> Opened:
    blocked = guard.open(model.main_path)
    remap_external_files(model)
    blocked += [name for name in disarm() if name not in blocked]  # reloaded libraries bring data of their own
    return Opened(blocked=blocked)


def _import(guard: LoadGuard, model: ModelFiles) -> Opened:
    needed = read_before(model)
    guard.start_empty()
    scene = bpy.context.scene
    prepare_empty(scene)
    absent = [each.path for each in needed if each.kind == "data" and not (model.root / each.path).is_file()]
    references = [_of_main(model, f"//{each.raw}", each.kind, each.owner) for each in needed]
    if absent:  # importing would fail, or leave out its materials; what else is missing shows once they are there
        return Opened(references=references, missing=absent)
    told = import_file(model)
    remap_external_files(model)
    blocked = disarm()
    warnings = complete_scene(scene, has_range=told.has_range)
    references += [_of_main(model, raw, kind, "USD") for raw, kind in told.missing]
    return Opened(blocked=blocked, warnings=warnings, references=references, missing=[raw for raw, _ in told.missing])


def _of_main(model: ModelFiles, raw: str, kind: str, owner: str) -> FoundReference:
    return FoundReference(raw=raw, kind=kind, owner=owner, owner_file=model.main, base_file=model.main)


def _last_line(message: str) -> str:
    """Of a traceback, which an add-on's failure is told as."""
    lines = [line.strip() for line in message.splitlines() if line.strip() and not line.startswith("Location:")]
    return lines[-1].removeprefix("Error: ") if lines else "it does not say why"
