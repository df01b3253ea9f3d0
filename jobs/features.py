"""Features that an operator may turn off, for all projects or for some, without a new version of the farm.

A flag is for what may hurt a farm in production and can be done without for a while. It turns what is asked for anew:
jobs that were submitted before go on as they were asked for.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar
from uuid import UUID

from jobs.errors import Conflict


class Feature(StrEnum):
    """What has a flag; the value is the flag's name."""

    INTERACTIVE_STILLS = "interactive-stills"
    FRAME_SPLITTING = "frame-splitting"
    JOB_NOTIFY = "job-notify"
    OPENJD_IMPORT = "openjd-import"
    MESSAGE_INTAKE = "message-intake"


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureFlag:
    """A flag as the code declares it."""

    turns: str
    """What it turns on and off, for people."""
    default: bool = True
    """What holds while nobody has set it."""


FLAGS: Mapping[Feature, FeatureFlag] = {
    Feature.INTERACTIVE_STILLS: FeatureFlag(
        turns="Answers of POST /v1/jobs with the picture itself, which hold a connection until it is rendered."
    ),
    Feature.FRAME_SPLITTING: FeatureFlag(turns="Jobs that share one frame out over several replicas (`split`)."),
    Feature.JOB_NOTIFY: FeatureFlag(turns="Jobs that name who is told of their end (`notify`)."),
    Feature.OPENJD_IMPORT: FeatureFlag(turns="Jobs from templates of Open Job Description."),
    Feature.MESSAGE_INTAKE: FeatureFlag(
        turns="Jobs from messages of a queue and from objects of a bucket; messages wait in their queue meanwhile."
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class FlagRule:
    """What somebody has set a flag to."""

    enabled: bool
    """False: off for everybody, whatever else the rule says."""
    projects: Collection[UUID] = ()
    """It is on for these,"""
    percent: int = 100
    """and for so many of all projects, 0 to 100: the same ones each time, and those of a lower percentage stay."""


def is_on(feature: Feature, rule: FlagRule | None, *, project_id: UUID) -> bool:
    """Whether a project has the feature; ``rule``: None where nobody has set the flag."""
    if rule is None:
        return FLAGS[feature].default
    return rule.enabled and (project_id in rule.projects or _bucket(feature, project_id) < rule.percent)


def _bucket(feature: Feature, project_id: UUID) -> int:
    """0 to 99. Another for each feature, so that not the same projects try all that is new."""
    digest = hashlib.blake2b(project_id.bytes, digest_size=8, key=feature.encode()).digest()
    return int.from_bytes(digest, "big") % 100


class FeatureOff(Conflict):
    """This feature is turned off by the farm's operator."""

    code: ClassVar[str] = "feature-off"
