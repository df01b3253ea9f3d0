"""Registers a scene as a loop: upload, let the farm's probe say what is missing, find it here, upload, again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from jobs.errors import InvalidInput
from models.kinds import ModelKind, check_main_file, kind_of
from rayfarm._transport import Transport
from rayfarm.errors import MissingFile, MissingFiles, ModelInvalid, NotAModel, UsageError
from rayfarm.locating import Located, Locator
from rayfarm.types import Json, Model
from rayfarm.uploads import OnSent, UploadReport, upload

_BESIDE = (frozenset({ModelKind.GLTF, ModelKind.USD, ModelKind.FBX}), frozenset({ModelKind.OBJ, ModelKind.SPLATS}))
"""Kinds of files that lie about as exports or parts of a scene, least of all the last: such a file is a folder's model
only where none of the kinds before is there."""

_FOLDERS = frozenset({ModelKind.DIFFUSION})
"""Kinds whose main file is nothing without what lies beside it."""

MAX_ROUNDS = 32
"""Each round goes one level deeper into libraries that link libraries."""

WAIT_SECONDS = 20
"""How long one request waits for the probe; below the farm's ceiling and the patience of proxies."""

OnStep = Callable[[str], None]


def register_model(
    transport: Transport,
    scene: Path,
    *,
    name: str | None = None,
    mappings: Sequence[tuple[str, str]] = (),
    allow: Sequence[Path] = (),
    on_step: OnStep | None = None,
    on_sent: OnSent | None = None,
) -> Model:
    """A model of ``scene`` that is ready to render; of a folder, with every file below it."""
    tell = on_step or (lambda _: None)
    folder, scene = (scene, main_of(scene)) if scene.is_dir() else (None, scene)
    if folder is None and scene.is_file() and _kind_or_none(scene) in _FOLDERS:
        raise UsageError(
            f"{scene.name} is one file of a model, and a file is sent alone.",
            remedy=f"Give the folder {scene.parent}/ instead of the file.",
        )
    check_locally(scene)
    locator = Locator(scene=scene, mappings=mappings, allow=allow)
    files = {scene.name: scene} if folder is None else files_below(folder)
    remap: dict[str, str] = {}
    known: dict[Path, dict[str, Any]] = {}
    for _ in range(MAX_ROUNDS):
        new = [path for path in dict.fromkeys(files.values()) if path not in known]
        if new:
            chunks = sum(len(content.get("chunks", ())) for content in known.values())
            report = upload(transport, new, on_sent=on_sent, chunks_beside=chunks)
            known |= {blob.path: blob.content for blob in report.blobs}
            tell(_upload_words(report))
        manifest = {
            "kind": str(kind_of(scene.name)),
            "main": scene.name,
            "files": [{"path": path, **known[file]} for path, file in sorted(files.items())],
            "remap": remap,
        }
        model = _register(transport, name or scene.stem, manifest, tell)
        if model.state == "ready":
            return model
        if model.state != "incomplete":
            raise invalid(model)
        if not _add_missing(locator, model.missing, files=files, remap=remap):
            raise MissingFiles([_still_missing(item) for item in model.missing])
        tell(f"the scene refers to {len(model.missing)} more file{'s' if len(model.missing) != 1 else ''}; found here")
    raise UsageError(f"{scene.name} links libraries more than {MAX_ROUNDS} levels deep.")


def pipeline_for(scene: Path) -> str:
    """The pipeline that renders a scene where nobody names one. Raises ``UsageError``."""
    main = main_of(scene) if scene.is_dir() else scene
    try:
        return kind_of(main.name).pipeline
    except InvalidInput as error:
        raise UsageError(error.message, remedy=error.remedy) from error


def pipeline_of(model: Model | str) -> str | None:
    """The same of a registered model; None: this client cannot tell, and leaves it to the farm."""
    kind = "" if isinstance(model, str) else str(model.raw.get("kind") or "")
    return ModelKind(kind).pipeline if kind in set(ModelKind) else None


def main_of(folder: Path) -> Path:
    """The one file of a folder that can be the main file of a model. Raises ``UsageError`` for none, or several.

    A mesh or a cloud counts only where there is nothing else: scenes keep ``.obj`` and ``.ply`` beside them.
    """
    ranked: list[list[Path]] = [[] for _ in range(len(_BESIDE) + 1)]
    for path in sorted(folder.iterdir()):
        kind = _kind_or_none(path) if path.is_file() else None
        if kind is not None:
            ranked[next((rank for rank, kinds in enumerate(_BESIDE, start=1) if kind in kinds), 0)].append(path)
    found = next((paths for paths in ranked if paths), [])
    if len(found) != 1:
        names = ", ".join(path.name for path in found[:5])
        raise UsageError(
            f"{folder} holds {f'several scenes: {names}' if found else 'no scene of a kind that the farm knows'}.",
            remedy="Name the scene's file.",
        )
    return found[0]


def files_below(folder: Path) -> dict[str, Path]:
    """Manifest path → file. Hidden files and links stay at home."""
    found: dict[str, Path] = {}
    for path in sorted(folder.rglob("*")):
        inside = path.relative_to(folder)
        if path.is_file() and not path.is_symlink() and not any(part.startswith(".") for part in inside.parts):
            found[inside.as_posix()] = path
    return found


def _kind_or_none(path: Path) -> ModelKind | None:
    try:
        return kind_of(path.name)
    except InvalidInput:
        return None


def check_locally(scene: Path) -> None:
    """Refuse what is no usable scene before a byte is sent."""
    if not scene.is_file():
        raise UsageError(f"{scene} does not exist.", remedy="Name a scene's file, or the folder that holds it.")
    try:
        check_main_file(kind_of(scene.name), scene)
    except InvalidInput as error:
        raise NotAModel(error.message, remedy=error.remedy) from error
    except OSError as error:
        raise UsageError(f"{scene} cannot be read: {error.strerror or error}.") from error


def invalid(model: Model) -> ModelInvalid:
    """The error that an unusable model stands for, in the farm's words."""
    problem = model.problem or {}
    detail = problem.get("detail") or problem.get("message") or problem.get("title")
    remedy = model.remedy or problem.get("remedy")
    return ModelInvalid(
        str(detail) if detail else f"The farm could not open the scene (state {model.state}).",
        remedy=str(remedy) if remedy else None,
    )


def _register(transport: Transport, name: str, manifest: Json, tell: OnStep) -> Model:
    body = {"name": name, "kind": manifest["kind"], "manifest": manifest}
    model = Model.read(transport.json("POST", "/v1/models", json=body, repeatable=True))
    if model.state == "probing":
        tell("the farm opens the scene and looks what it needs")
    while model.state == "probing":
        model = Model.read(transport.json("GET", f"/v1/models/{model.id}", params={"wait": WAIT_SECONDS}))
    if model.state == "ready" and model.probe is None:  # known before: the answer to POST tells less
        model = Model.read(transport.json("GET", f"/v1/models/{model.id}"))
    return model


def _add_missing(locator: Locator, missing: Sequence[Json], *, files: dict[str, Path], remap: dict[str, str]) -> bool:
    """Find all that is missing; False if nothing new came of it. Raises ``MissingFiles`` with all that is not here."""
    found: list[Located] = []
    absent: list[MissingFile] = []
    for item in missing:
        match locator.locate(item, owner=files.get(str(item.get("owner_file") or ""))):
            case Located() as located:
                found.append(located)
            case MissingFile() as gone:
                absent.append(gone)
    if absent:
        raise MissingFiles(absent)
    before = (len(files), dict(remap))
    for located in found:
        # A reference that the engine follows by itself stays as it is: the same words may mean another file elsewhere.
        if not located.is_plain or located.files.keys() <= files.keys():
            remap[located.raw] = located.target
        there = {path.casefold(): path for path in files}
        for path, file in located.files.items():
            known = there.get(path.casefold(), path)
            if known != path:  # one file under two spellings, which no manifest may hold
                remap[located.raw] = known
            else:
                files[path] = file
    return (len(files), remap) != before


def _still_missing(item: Json) -> MissingFile:
    return MissingFile(
        raw=str(item.get("raw") or ""),
        kind=str(item.get("kind") or "file"),
        owner=str(item.get("owner") or ""),
        problem="it was uploaded, but the scene does not find it.",
        remedy="Make its path relative in Blender (File > External Data > Make Paths Relative), or pack it.",
    )


def _upload_words(report: UploadReport) -> str:
    total = len(report.blobs)
    noun = "file" if total == 1 else "files"
    if not report.sent_files:
        return f"the farm already has {'the' if total == 1 else f'all {total}'} {noun}"
    words = f"uploaded {report.sent_files} of {total} {noun}, {report.sent_bytes / 2**20:.1f} MiB"
    return f"{words}; {report.known_bytes / 2**20:.1f} MiB of them were there already" if report.known_bytes else words
