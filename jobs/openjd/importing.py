"""A template and its parameters become the pieces of a job specification, or one refusal that names all it cannot do.

Open Job Description, template schemas of revision 2023-09; decoded and validated by its authors' own library. Whatever
the library accepts and this module does not name is refused: a construct that is passed over in silence would render
something else than was asked for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

from openjd.model import IntRangeExpr, JobTemplate, decode_job_template

from jobs.frames import MAX_FRAMES, FrameRange
from jobs.openjd.blender_command import BlenderCommand, read_blender
from jobs.openjd.film_command import read_film
from jobs.openjd.reading import read_template
from jobs.openjd.refusals import InvalidTemplate, Unsupported, UnsupportedTemplate, pointer_to
from jobs.openjd.scope import ParameterInput, Scope
from jobs.spec import VideoOutput

_JOB_KEYS = frozenset({"specificationVersion", "$schema", "name", "description", "parameterDefinitions", "steps"})
_STEP_KEYS = frozenset({"name", "description", "script"})
_NAMES = {
    "jobEnvironments": "environments are not run here",
    "stepEnvironments": "environments are not run here",
    "hostRequirements": "labels of the job say what its replicas must have",
    "embeddedFiles": "no script runs here; the command is blender itself",
    "cancelation": "the farm ends a frame by itself",
    "combination": "there is one parameter, the frame",
    "let": "expressions are not evaluated here",
}

_MOST_REASON_CHARS = 300
"""A reason repeats what stands in the template, which may be long."""

Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedJob:
    """What a template says of a job; the model that stands for its scene is the submitter's to choose."""

    name: str
    scene: str
    """Path of the ``.blend`` file, as the submitter's machine knows it; the farm opens no such file."""
    frames: str
    """In the farm's syntax (``jobs.frames``)."""
    settings: dict[str, Any]
    """Of the pipeline ``cycles``."""
    naming: str | None
    output: str | None
    """The whole of ``-o``, with a folder that only the submitter's machine knows."""
    video: VideoOutput | None
    frame_timeout_s: int | None
    """Longest time of one frame, seconds; None: the farm's own."""


def import_template(text: str, parameters: Mapping[str, ParameterInput]) -> ImportedJob:
    """Read a job template with values of its parameters.

    Raises ``TooLarge`` or ``InvalidTemplate`` for what is no template or breaks OpenJD's rules, ``UnsupportedTemplate``
    for what the farm does not import, and ``InvalidInput`` for a range over the farm's limits.
    """
    document = read_template(text)
    if "extensions" in document:
        raise UnsupportedTemplate([Unsupported("/extensions", "extensions of the specification are not imported")])
    template = _decode(document)
    return _Import(document, template, Scope(template, parameters)).run()


def _decode(document: dict[str, Any]) -> JobTemplate:
    try:
        return decode_job_template(template=document)
    except (ValueError, NotImplementedError, TypeError, LookupError, AttributeError, ArithmeticError) as error:
        # Beyond its own errors: what a validator of the library does with a value of a kind that it did not foresee.
        raise InvalidTemplate(
            str(error)[:2000] or "The template is not valid.",
            field="template",
            remedy="`openjd check` of the package openjd-cli checks a template where it is written.",
        ) from error


@dataclass(slots=True)
class _Import:
    document: dict[str, Any]
    template: JobTemplate
    scope: Scope
    found: list[Unsupported] = field(default_factory=list)

    def run(self) -> ImportedJob:
        self._only(self.document, _JOB_KEYS, ())
        steps: Sequence[Any] = self.template.steps
        spaced = [at for at, step in enumerate(steps) if step.parameterSpace is not None]
        if not spaced:
            self._refuse(("steps", 0), "the step has no parameter space, and so no frames")
            raise UnsupportedTemplate(self.found)
        rendering, *further = spaced
        for at in further:
            self._refuse(("steps", at, "parameterSpace"), "a second step with tasks of its own is not imported")
        frames, frame_name = self._frames_of(rendering, steps[rendering])
        command = self._render_of(rendering, steps[rendering])
        if command.frame_parameter not in (None, frame_name):
            self._refuse(("steps", rendering, "script"), f"-f takes the step's own parameter {frame_name}")
        video = None
        for at, step in enumerate(steps):
            if at == rendering or at in further:
                continue
            if video is not None:
                self._refuse(("steps", at), "a second step behind the frames is not imported")
                continue
            video = self._film_of(at, step, after=steps[rendering].name, command=command, frames=frames)
        timeout = steps[rendering].script.actions.onRun.timeout
        if self.found:
            raise UnsupportedTemplate(self.found)
        assert command.scene is not None
        return ImportedJob(
            name=self.scope.resolve(self.template.name),
            scene=command.scene,
            frames=str(frames),
            settings=command.settings,
            naming=command.naming,
            output=command.output,
            video=video,
            frame_timeout_s=int(timeout) if timeout is not None else None,
        )

    def _frames_of(self, at: int, step: Any) -> tuple[FrameRange, str]:
        where: Path = ("steps", at, "parameterSpace")
        self._only(self._raw(where), {"taskParameterDefinitions"}, where)
        first, *others = step.parameterSpace.taskParameterDefinitions
        for index, other in enumerate(others, start=1):
            self._refuse((*where, "taskParameterDefinitions", index), f"parameter {other.name}: a task is one frame")
        where = (*where, "taskParameterDefinitions", 0)
        if first.type.value != "INT":
            self._refuse((*where, "type"), f"the frame is an INT, not {first.type.value}")
            raise UnsupportedTemplate(self.found)
        return self._range_of(first.range, (*where, "range")), str(first.name)

    def _range_of(self, asked: Any, where: Path) -> FrameRange:
        try:
            if isinstance(asked, list):
                numbers = IntRangeExpr.from_list([int(self.scope.resolve(each)) for each in asked])
            else:
                numbers = IntRangeExpr.from_str(self.scope.resolve(asked))
            count = len(numbers)
        except OverflowError:
            count = MAX_FRAMES + 1
        except LookupError as error:
            self._refuse(where, f"{error.args[0]} is no parameter of the job")
            raise UnsupportedTemplate(self.found) from error
        except ValueError as error:
            raise InvalidTemplate(
                f"{pointer_to(*where)}: {error}", field="template", remedy="Write it like 1-250 or 1-100:2."
            ) from error
        if count > MAX_FRAMES:
            raise InvalidTemplate(f"{pointer_to(*where)}: more than {MAX_FRAMES:,} frames.", field="template")
        return FrameRange.parse(str(numbers))

    def _render_of(self, at: int, step: Any) -> BlenderCommand:
        where: Path = ("steps", at)
        self._only(self._raw(where), _STEP_KEYS | {"parameterSpace"}, where)
        args = self._action_of(where, step, program="blender")
        if args is None:
            raise UnsupportedTemplate(self.found)
        return read_blender(args, scope=self.scope, refuse=self._refuser(where))

    def _film_of(
        self, at: int, step: Any, *, after: str, command: BlenderCommand, frames: FrameRange
    ) -> VideoOutput | None:
        where: Path = ("steps", at)
        self._only(self._raw(where), _STEP_KEYS | {"dependencies"}, where)
        behind = [str(each.dependsOn) for each in step.dependencies or ()]
        if behind != [str(after)]:
            self._refuse(where, f"a further step depends on {after}, and on nothing else")
        if step.script.actions.onRun.timeout is not None:
            self._refuse((*where, "script", "actions", "onRun", "timeout"), "a film has the farm's own time limit")
        args = self._action_of(where, step, program="ffmpeg")
        if args is None:
            return None
        return read_film(args, scope=self.scope, refuse=self._refuser(where), render=command, frames=frames)

    def _action_of(self, where: Path, step: Any, *, program: str) -> list[object] | None:
        """The arguments of the step's command; None: it is not the program."""
        script: Path = (*where, "script")
        self._only(self._raw(script), {"actions"}, script)
        action: Path = (*script, "actions", "onRun")
        self._only(self._raw(action), {"command", "args", "timeout"}, action)
        run = step.script.actions.onRun
        try:
            asked = self.scope.resolve(run.command)
        except LookupError as error:
            asked = str(error.args[0])
        if PurePosixPath(asked.replace("\\", "/")).name.removesuffix(".exe") != program:
            self._refuse((*action, "command"), f"the command is {program}, not {asked[:100]!r}")
            return None
        return list(run.args or ())

    def _refuser(self, where: Path) -> Any:
        action: Path = (*where, "script", "actions", "onRun")

        def refuse(at: int, reason: str) -> None:
            self._refuse(action if at < 0 else (*action, "args", at), reason)

        return refuse

    def _refuse(self, where: Path, reason: str) -> None:
        self.found.append(Unsupported(pointer_to(*where), reason[:_MOST_REASON_CHARS]))

    def _only(self, raw: Mapping[str, Any], keys: frozenset[str] | set[str], where: Path) -> None:
        for key in raw:
            if key not in keys:
                self._refuse((*where, key), _NAMES.get(key, f"{key} is not imported"))

    def _raw(self, where: Path) -> Any:
        found: Any = self.document
        for part in where:
            found = found[part]
        return found
