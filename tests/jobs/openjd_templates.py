"""Job templates in the shapes that people write, and builders of ones that differ in one place."""

from __future__ import annotations

import copy
from typing import Any

import yaml

RENDER = """\
specificationVersion: 'jobtemplate-2023-09'
name: "{{Param.Title}}"
description: One task for each frame.
parameterDefinitions:
  - name: Title
    type: STRING
    default: shot 010
  - name: Scene
    type: PATH
    objectType: FILE
    dataFlow: IN
    userInterface: {control: CHOOSE_INPUT_FILE, label: Blender scene}
    default: scenes/shot010.blend
  - {name: Frames, type: STRING, default: "1-10"}
  - {name: Out, type: PATH, objectType: DIRECTORY, dataFlow: OUT, default: /renders/010}
  - {name: Quality, type: INT, minValue: 1, maxValue: 3, default: 2}
steps:
  - name: Render
    parameterSpace:
      taskParameterDefinitions:
        - {name: Frame, type: INT, range: "{{Param.Frames}}"}
    script:
      actions:
        onRun:
          command: blender
          args:
            - --background
            - "{{Param.Scene}}"
            - --render-output
            - "{{Param.Out}}/shot_####"
            - --render-format
            - OPEN_EXR
            - --render-frame
            - "{{Task.Param.Frame}}"
          timeout: 600
"""

FILM: dict[str, Any] = {
    "name": "Film",
    "dependencies": [{"dependsOn": "Render"}],
    "script": {
        "actions": {
            "onRun": {
                "command": "ffmpeg",
                "args": ["-y", "-framerate", "24", "-i", "{{Param.Out}}/shot_%04d.exr", "{{Param.Out}}/film.mp4"],
            }
        }
    },
}


def render() -> Any:
    """The template as data, for a test to change."""
    return yaml.safe_load(RENDER)


def action_of(template: Any, step: int = 0) -> Any:
    return template["steps"][step]["script"]["actions"]["onRun"]


def with_args(*args: str) -> str:
    """The template with another command line behind ``blender``."""
    template = render()
    action_of(template)["args"] = list(args)
    return text_of(template)


def with_film(*args: str, **changes: Any) -> str:
    """With a second step; ``args`` stand behind ``ffmpeg``, where there are any."""
    template = render()
    film = copy.deepcopy({**FILM, **changes})
    if args:
        film["script"]["actions"]["onRun"]["args"] = list(args)
    template["steps"].append(film)
    return text_of(template)


def text_of(template: Any) -> str:
    return str(yaml.safe_dump(template, sort_keys=False))
