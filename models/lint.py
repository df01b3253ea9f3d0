"""The rules that turn what a probe saw into findings for the user."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from models.findings import Finding, Severity
from models.kinds import ModelKind
from models.manifest import Manifest
from models.probe import MISSING_FILE, ExternalFile, ProbeReport, SceneFacts, external_files

_SHOWN = 5
"""Names in one sentence; the report has them all."""
_GPU_DENOISERS = frozenset({"OPTIX"})
_CYCLES = "CYCLES"

Rule = Callable[[SceneFacts, Sequence[ExternalFile]], Iterator[Finding]]


def report_on(facts: SceneFacts, manifest: Manifest) -> ProbeReport:
    """The whole report: facts, files, findings."""
    external = external_files(facts, manifest)
    return ProbeReport.of(facts, external, lint(facts, external, manifest.kind))


def lint(facts: SceneFacts, external: Sequence[ExternalFile], kind: ModelKind) -> list[Finding]:
    """All findings, errors first."""
    rules = _BLENDER_RULES if kind is ModelKind.BLENDER else _RULES
    found = [finding for rule in rules for finding in rule(facts, external)]
    return sorted(found, key=lambda finding: finding.severity is not Severity.ERROR)


def _camera(facts: SceneFacts, _: Sequence[ExternalFile]) -> Iterator[Finding]:
    if facts.has_sequence or facts.active_camera is not None:
        return
    if facts.cameras:
        yield Finding(
            code="no_active_camera",
            severity=Severity.WARNING,
            message="The scene has no active camera.",
            remedy=f"Name one in the job's settings (camera): {_some(facts.cameras)}.",
        )
    else:
        yield Finding(
            code="no_camera",
            severity=Severity.ERROR,
            message="The scene has no camera.",
            remedy="Add a camera in Blender, make it active (Ctrl+Numpad 0), and save.",
        )


def _frames(facts: SceneFacts, _: Sequence[ExternalFile]) -> Iterator[Finding]:
    if facts.frame_end < facts.frame_start:
        yield Finding(
            code="empty_frame_range",
            severity=Severity.WARNING,
            message=f"The scene's frame range {facts.frame_start} to {facts.frame_end} is empty.",
            remedy="Name the frames in the job.",
        )


def _missing_files(_: SceneFacts, external: Sequence[ExternalFile]) -> Iterator[Finding]:
    required = [file for file in external if file.required and not file.found]
    if required:
        yield Finding(
            code=MISSING_FILE,
            severity=Severity.ERROR,
            message=f"{_count(required, 'file')} that the scene refers to {_is(required)} missing: "
            f"{_some(f'{file.raw} ({file.kind} {file.owner!r})' for file in required)}.",
            remedy="Upload them with the scene, or pack them into it (Blender: File > External Data > Pack Resources).",
        )
    optional = [file for file in external if not file.required and not file.found]
    if optional:
        yield Finding(
            code="missing_optional_file",
            severity=Severity.WARNING,
            message=f"{_count(optional, 'file')} that no frame needs {_is(optional)} missing: "
            f"{_some(file.raw for file in optional)}.",
            remedy="Nothing needs to be done.",
        )


def _unbaked(facts: SceneFacts, _: Sequence[ExternalFile]) -> Iterator[Finding]:
    for simulation in facts.simulations:
        if simulation.baked:
            continue
        unsure = simulation.baked is None
        yield Finding(
            code="unbaked_state",
            severity=Severity.WARNING,
            message=f"The {simulation.kind} simulation of {simulation.owner!r} {'may not be' if unsure else 'is not'} "
            "baked; its frames depend on all frames before them, so frames rendered apart will not match.",
            remedy="Bake it in Blender to disk beside the scene or into the file, save, and upload again; or set "
            "simulations to pre_roll in the job's settings.",
        )


def _scripts(facts: SceneFacts, _: Sequence[ExternalFile]) -> Iterator[Finding]:
    if facts.blocked_scripts:
        yield Finding(
            code="scripts_blocked",
            severity=Severity.WARNING,
            message=f"The scene carries {_count(facts.blocked_scripts, 'script')} that the farm never runs: "
            f"{_some(facts.blocked_scripts)}. Frame-change handlers come only from such scripts and do not run either.",
            remedy="If frames depend on them, bake their effect into keyframes (Object > Animation > Bake Action).",
        )


def _renderer(facts: SceneFacts, _: Sequence[ExternalFile]) -> Iterator[Finding]:
    if facts.engine != _CYCLES:
        yield Finding(
            code="engine_replaced",
            severity=Severity.WARNING,
            message=f"The scene is set to the renderer {facts.engine}; jobs render it with Cycles.",
            remedy="Choose Cycles in Render Properties and check the look; for EEVEE set engine in the job's settings.",
        )
    if facts.stereo:
        yield Finding(
            code="stereo",
            severity=Severity.ERROR,
            message="The scene renders stereo views, which this farm does not support.",
            remedy="Turn off Output Properties > Stereoscopy, or submit one job for each eye's camera.",
        )
    if facts.denoiser in _GPU_DENOISERS:
        yield Finding(
            code="gpu_only",
            severity=Severity.WARNING,
            message=f"The denoiser {facts.denoiser} runs only on NVIDIA GPUs; other replicas cannot use it.",
            remedy="Choose OpenImageDenoise, which runs everywhere.",
        )


def _engine_notes(facts: SceneFacts, _: Sequence[ExternalFile]) -> Iterator[Finding]:
    for note in facts.warnings:
        yield Finding(
            code="engine_note", severity=Severity.WARNING, message=note, remedy="Check a frame before a long job."
        )


_RULES: tuple[Rule, ...] = (_frames, _missing_files, _engine_notes)
_BLENDER_RULES: tuple[Rule, ...] = (_camera, _frames, _missing_files, _unbaked, _scripts, _renderer, _engine_notes)


def _some(names: Iterable[str]) -> str:
    every = list(names)
    rest = f" and {len(every) - _SHOWN} more" if len(every) > _SHOWN else ""
    return ", ".join(every[:_SHOWN]) + rest


def _count(things: Sequence[object], noun: str) -> str:
    return f"{len(things)} {noun}" if len(things) == 1 else f"{len(things)} {noun}s"


def _is(things: Sequence[object]) -> str:
    return "is" if len(things) == 1 else "are"
