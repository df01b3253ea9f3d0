"""Body of the import of a template."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StrictFloat, StrictInt, StrictStr

from jobs.naming import MAX_TEMPLATE_CHARS as MAX_NAMING_CHARS
from jobs.notify import Notify
from jobs.openjd import MAX_TEMPLATE_CHARS
from jobs.spec import MAX_SETTINGS, Group, PriorityClass, Tags

_EXAMPLE = """\
specificationVersion: jobtemplate-2023-09
name: shot 010
parameterDefinitions:
  - {name: Scene, type: PATH}
  - {name: Frames, type: STRING, default: 1-48}
steps:
  - name: Render
    parameterSpace:
      taskParameterDefinitions:
        - {name: Frame, type: INT, range: "{{Param.Frames}}"}
    script:
      actions:
        onRun:
          command: blender
          args: [-b, "{{Param.Scene}}", -o, //shot_####, -F, PNG, -f, "{{Task.Param.Frame}}"]
"""

ParameterValue = Annotated[StrictStr, Field(max_length=1024)] | StrictInt | StrictFloat

IMPORT_EXAMPLES: dict[str, Any] = {
    "an animation": {
        "summary": "A step that renders each frame with Blender",
        "value": {
            "template": _EXAMPLE,
            "parameters": {"Scene": "shot010.blend", "Frames": "1-24"},
            "model": "0b2f3a52-6c1e-4a0a-9b4e-3c1f7d0f2a11",
            "settings": {"samples": 64},
        },
    },
}


class OpenjdImport(BaseModel):
    """A job template, values of its parameters, and the model that its scene is."""

    model_config = ConfigDict(extra="forbid")

    template: str = Field(
        min_length=1,
        max_length=MAX_TEMPLATE_CHARS,
        description="A job template of Open Job Description 2023-09, as YAML or JSON. Nothing in it is run.",
    )
    parameters: dict[str, ParameterValue] = Field(
        default_factory=dict, max_length=200, description="Values of its job parameters; the others have their default."
    )
    model: UUID = Field(description="The registered version of the scene; a path in the template opens no file here.")
    settings: dict[str, Any] = Field(
        default_factory=dict,
        max_length=MAX_SETTINGS,
        description="Settings of `cycles` beside those that the template's command line names.",
    )
    priority: PriorityClass = PriorityClass.NORMAL
    tags: Tags = ()
    show: Group | None = Field(None, description="The production that it belongs to.")
    shot: Group | None = Field(None, description="The shot of that production.")
    naming: str | None = Field(
        None,
        max_length=MAX_NAMING_CHARS,
        description="As `outputs.naming` of a job, in the place of the template's own; null: that one.",
    )
    notify: Notify | None = Field(None, description="Whom to tell of its end; null: those who asked for every job.")
