"""`blender -b SCENE … -f FRAME`, read as the settings that it stands for (Blender's command-line arguments).

Blender works its arguments off in their order: what stands before the scene is undone by loading it, and what follows
``-f`` changes no picture any more. Such a line is refused, for it does not do what it seems to.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from jobs.errors import InvalidInput
from jobs.naming import NamingTemplate
from jobs.openjd.scope import Scope, task_parameter

_ALIASES = {
    "--background": "-b",
    "--render-output": "-o",
    "--render-format": "-F",
    "--engine": "-E",
    "--use-extension": "-x",
    "--render-frame": "-f",
    "--disable-autoexec": "-Y",
    "--scene": "-S",
    "--frame-start": "-s",
    "--frame-end": "-e",
    "--frame-jump": "-j",
    "--render-anim": "-a",
    "--threads": "-t",
    "--enable-autoexec": "-y",
    "--python": "-P",
}

_FORMATS: dict[str, dict[str, Any]] = {
    "PNG": {"format": "png"},
    "JPEG": {"format": "jpeg"},
    "OPEN_EXR": {"format": "exr"},
    "OPEN_EXR_MULTILAYER": {"format": "exr", "multilayer": True},
}
_ENGINES = {"CYCLES": "cycles", "BLENDER_EEVEE": "eevee", "BLENDER_EEVEE_NEXT": "eevee"}
EXTENSIONS = {"png": (".png",), "jpeg": (".jpg", ".jpeg"), "exr": (".exr",)}
"""Of a format's files; Blender adds the first where the name has none of them."""

_WITHOUT_EFFECT = frozenset({"-Y", "-noaudio"})
"""How the farm renders anyway: scripts in a scene never run, and no sound is played."""

_WHY_NOT = {
    "-S": "the scene that is active in the file is rendered; save the file with the other one active",
    "-s": "frames come from the step's parameter space",
    "-e": "frames come from the step's parameter space",
    "-j": "frames come from the step's parameter space",
    "-a": "frames come from the step's parameter space; use -f",
    "-t": "the farm gives each replica its threads",
    "-y": "scripts in a scene never run on the farm",
    "-P": "scripts never run on the farm",
    "--python-expr": "scripts never run on the farm",
    "--python-text": "scripts never run on the farm",
}

_HASHES = re.compile(r"#+")
_MOST_DIGITS = 12

Refuse = Callable[[int, str], None]
"""Notes that the argument at a place is not taken, and why."""


@dataclass(slots=True)
class BlenderCommand:
    """What the line says of the job."""

    scene: str | None = None
    """The file as the submitter's machine names it."""
    settings: dict[str, Any] = field(default_factory=dict)
    naming: str | None = None
    output: str | None = None
    """The whole of ``-o``, with its folder."""
    frame_parameter: str | None = None


def read_blender(args: list[object], *, scope: Scope, refuse: Refuse) -> BlenderCommand:
    """Read the arguments behind ``blender``. What is not supported goes to ``refuse`` with its place in ``args``."""
    found = BlenderCommand()
    seen: dict[str, int] = {}
    output_at = 0
    at = 0
    while at < len(args):
        here = at
        at += 1
        name = task_parameter(args[here])
        word = None if name else _resolved(args[here], here, scope, refuse)
        if name:
            refuse(here, "a task's parameter stands behind -f and nowhere else")
        if word is None:
            continue
        option = _ALIASES.get(word, word)
        if not option.startswith("-"):
            if found.scene is None:
                found.scene = word
                if set(seen) - {"-b"} - _WITHOUT_EFFECT:
                    refuse(here, "options before the scene are undone by loading it; put the scene before them")
                if not word.lower().endswith(".blend"):
                    refuse(here, f"{word[:100]!r} is no .blend file")
            else:
                refuse(here, f"{word[:100]!r} is neither an option nor the one scene")
            continue
        if "-f" in seen:
            refuse(here, f"{word[:100]} stands behind -f, where it changes no picture any more")
            break
        if option in seen:
            refuse(here, f"{word} stands twice")
        seen[option] = here
        if option == "-b" or option in _WITHOUT_EFFECT:
            continue
        if option not in ("-o", "-F", "-E", "-x", "-f"):
            why = _WHY_NOT.get(option, "this option is not imported")
            refuse(here, f"{word[:100]}: {why}")
            if option == "--":
                break
            if at < len(args) and not str(args[at]).startswith("-"):
                at += 1  # most likely its value: one refusal is enough
            continue
        if at == len(args):
            refuse(here, f"{word} lacks its value")
            break
        value_at = at
        at += 1
        if option == "-f":
            found.frame_parameter = task_parameter(args[value_at])
            if found.frame_parameter is None:
                refuse(value_at, f"{word} takes the frame of the task, {{{{Task.Param.NAME}}}}")
            continue
        if task_parameter(args[value_at]):
            refuse(value_at, "a task's parameter stands behind -f and nowhere else")
            continue
        value = _resolved(args[value_at], value_at, scope, refuse)
        if value is None:
            continue
        if option == "-o":
            found.output, output_at = value, value_at
        else:
            _take(found, option, value, value_at, refuse)
    for option, what in (("-b", "-b (no window)"), ("-f", "-f {{Task.Param.NAME}}")):
        if option not in seen:
            refuse(-1, f"the command lacks {what}")
    if found.scene is None:
        refuse(-1, "the command names no scene")
    if found.output is not None:
        try:
            found.naming = _naming_of(found.output, str(found.settings.get("format", "png")))
        except ValueError as error:
            refuse(output_at, str(error))
        except InvalidInput as error:
            refuse(output_at, error.message.rstrip("."))
    return found


def _resolved(text: object, at: int, scope: Scope, refuse: Refuse) -> str | None:
    try:
        return scope.resolve(text)
    except LookupError as error:
        refuse(at, f"{error.args[0]} is no parameter of the job")
        return None


def _take(found: BlenderCommand, option: str, value: str, at: int, refuse: Refuse) -> None:
    match option:
        case "-F" if value in _FORMATS:
            found.settings |= _FORMATS[value]
        case "-F":
            refuse(at, f"the format {value[:50]!r} is not rendered here; there are {', '.join(_FORMATS)}")
        case "-E" if value in _ENGINES:
            found.settings["engine"] = _ENGINES[value]
        case "-E":
            refuse(at, f"the engine {value[:50]!r} is not here; there are {', '.join(_ENGINES)}")
        case _ if value != "1":
            refuse(at, "files have their extension on this farm; write -x 1")


def file_pattern(output: str) -> str:
    """The last part of an output path, of POSIX or Windows, always with the ``#`` that Blender would add."""
    name = re.split(r"[/\\]", output)[-1]
    return name if "#" in name else f"{name}####"


def _naming_of(output: str, file_format: str) -> str | None:
    """``//render/shot_####`` -> ``shot_{frame:04d}``; None: the farm's own names, which are Blender's.

    Raises ``ValueError`` or ``InvalidInput`` for what cannot be a name here."""
    pattern = file_pattern(output)
    if pattern == "####":
        return None
    if len(_HASHES.findall(pattern)) > 1:
        raise ValueError("the name has one run of # for the frame")
    if "{" in pattern or "}" in pattern:
        raise ValueError("a name has no braces here")
    for extension in EXTENSIONS[file_format]:
        if pattern.lower().endswith(extension):
            pattern = pattern[: -len(extension)]
            break
    digits = len(_HASHES.findall(pattern)[0])
    if digits > _MOST_DIGITS:
        raise ValueError(f"a frame has at most {_MOST_DIGITS} digits")
    naming = _HASHES.sub(f"{{frame:0{digits}d}}", pattern)
    NamingTemplate(naming)
    return naming
