# SPDX-License-Identifier: GPL-3.0-or-later
"""The buttons. Each returns at once; all that takes time goes on in the session's threads."""

from __future__ import annotations

import uuid
from typing import Any

import bpy

from .asking import job_fields, job_name, output_folder
from .declared import properties
from .farm.errors import FarmError, SceneProblem
from .farm.results import job_folder
from .farm.submission import Submission
from .packing import discard, pack
from .preferences import place, preferences
from .runtime import session


class _Told:
    """Tells an error in the panel and the status bar instead of failing in the console."""

    def execute(self, context: Any) -> set[str]:
        try:
            self.act(context)
        except FarmError as error:
            session().problem = error
            self.report({"ERROR"}, "\n".join(error.lines))  # type: ignore[attr-defined]  # of Blender's own class
            return {"CANCELLED"}
        return {"FINISHED"}

    def act(self, context: Any) -> None:
        raise NotImplementedError


class _WhenFree(_Told):
    """Only while nothing else goes on."""

    @classmethod
    def poll(cls, _context: Any) -> bool:
        return not session().is_busy


@properties(only_frame=bpy.props.BoolProperty(name="This frame alone", options={"SKIP_SAVE"}))
class RAYFARM_OT_submit(_WhenFree, bpy.types.Operator):
    """Send the scene as it stands to the farm; Blender stays usable, and your file stays as it is"""

    bl_idname = "rayfarm.submit"
    bl_label = "Submit"

    def act(self, context: Any) -> None:
        scene = context.scene
        farm = place()
        frame = scene.frame_current if self.only_frame else None
        fields = job_fields(scene, only_frame=frame)
        name = job_name(scene, only_frame=frame)
        folder = output_folder(scene) if scene.rayfarm.bring else None
        bundle = pack(allowed=preferences().folders())
        wish = Submission(bundle=bundle, name=name, spec=fields, key=uuid.uuid4().hex)
        session().submit(farm, wish, bring_to=folder, cleanup=lambda: discard(bundle))


class RAYFARM_OT_stop(_Told, bpy.types.Operator):
    """Stop what goes on; a job that is on the farm already stays there"""

    bl_idname = "rayfarm.stop"
    bl_label = "Cancel"

    def act(self, _context: Any) -> None:
        session().stop_task()


class RAYFARM_OT_refresh(_Told, bpy.types.Operator):
    """List the project's jobs, and follow those that go on"""

    bl_idname = "rayfarm.refresh"
    bl_label = "Refresh"

    def act(self, _context: Any) -> None:
        session().problem = None
        session().watch(place())


@properties(job_id=bpy.props.StringProperty(options={"SKIP_SAVE"}))
class RAYFARM_OT_cancel_job(_WhenFree, bpy.types.Operator):
    """Cancel this job on the farm; frames that are done stay"""

    bl_idname = "rayfarm.cancel_job"
    bl_label = "Cancel job"

    def invoke(self, context: Any, event: Any) -> set[str]:
        answer: set[str] = context.window_manager.invoke_confirm(self, event)
        return answer

    def act(self, _context: Any) -> None:
        session().cancel_job(place(), self.job_id)


@properties(
    job_id=bpy.props.StringProperty(options={"SKIP_SAVE"}),
    show=bpy.props.EnumProperty(
        items=[("folder", "Folder", ""), ("video", "Film", "")], default="folder", options={"SKIP_SAVE"}
    ),
)
class RAYFARM_OT_open(_WhenFree, bpy.types.Operator):
    """Bring the job's files home where they are not yet, and open them"""

    bl_idname = "rayfarm.open"
    bl_label = "Open results"

    def act(self, context: Any) -> None:
        row = next((job for job in session().jobs if job.id == self.job_id), None)
        if row is None:
            raise SceneProblem("This job is not in the list any more.", remedy="Press Refresh.")
        folder = job_folder(output_folder(context.scene), job_id=row.id, name=row.name)
        session().fetch(place(), row.id, folder, show=self.show)


class RAYFARM_OT_allow(_Told, bpy.types.Operator):
    """Let files of these folders be sent, of this and of other scenes; see the add-on's preferences"""

    bl_idname = "rayfarm.allow"
    bl_label = "Allow these folders"

    def act(self, _context: Any) -> None:
        problem = session().problem
        if isinstance(problem, SceneProblem) and problem.outside:
            preferences().allow(problem.outside)
            session().problem = None


CLASSES = (
    RAYFARM_OT_submit,
    RAYFARM_OT_stop,
    RAYFARM_OT_refresh,
    RAYFARM_OT_cancel_job,
    RAYFARM_OT_open,
    RAYFARM_OT_allow,
)
