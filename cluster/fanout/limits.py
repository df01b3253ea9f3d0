"""How long a task may run: by its kind, and by how many frames it works on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from cluster.settings import ClusterSettings
from db.dispatch import ClaimedTask
from jobs.states import WorkKind


@dataclass(frozen=True, slots=True)
class TaskLimit:
    longest: timedelta
    setting: str
    """The environment variable that an operator raises."""


def limit_of(task: ClaimedTask, settings: ClusterSettings) -> TaskLimit:
    """Counted from when the task itself begins: what waits for a free CPU does not spend it."""
    if task.kind is WorkKind.PROBE:
        return _named("probe_limit", settings.probe_limit)
    if task.kind is WorkKind.MERGE:
        return _named("merge_limit", settings.merge_limit)
    if task.task == "preview":
        return _named("preview_limit", settings.preview_limit)
    of_frames = settings.step_frame_limit * len(task.ordinals or ()) if task.task == "step" else timedelta()
    if of_frames > settings.output_limit:
        return _named("step_frame_limit", of_frames)
    return _named("output_limit", settings.output_limit)


def _named(name: str, longest: timedelta) -> TaskLimit:
    return TaskLimit(longest, f"{ClusterSettings.model_config['env_prefix']}{name}".upper())
