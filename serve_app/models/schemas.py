"""Bodies of the model routes."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StrictBool

from jobs.spec import Name
from models.kinds import ModelKind
from models.manifest import Manifest

_DIGEST = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"


class ModelState(StrEnum):
    """Where a model stands."""

    PROBING = "probing"
    """It is being opened for the first time, in a throwaway process."""
    READY = "ready"
    INCOMPLETE = "incomplete"
    """Files that it refers to are not in its manifest."""
    INVALID = "invalid"


class NewModel(BaseModel):
    """A model version to register: the manifest of blobs that were uploaded before."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "name": "armillary",
                    "kind": "blender",
                    "manifest": {
                        "kind": "blender",
                        "main": "scene.blend",
                        "files": [
                            {"path": "scene.blend", "digest": _DIGEST, "size_bytes": 812345},
                            {"path": "textures/brass.png", "digest": _DIGEST, "size_bytes": 94711},
                        ],
                        "remap": {"//..\\textures\\brass.png": "textures/brass.png"},
                    },
                }
            ]
        },
    )

    name: Name
    kind: ModelKind | None = Field(None, description="As in the manifest; may be left out.")
    manifest: Manifest


class ModelChange(BaseModel):
    """What may change of a model: how the farm's replicas treat it, never what it is."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"keep_warm": True}]})

    keep_warm: StrictBool = Field(
        description="Replicas with nothing to do load it, before a job asks for it, and let it go after all others."
    )


class ModelView(BaseModel):
    """A registered model version; immutable but for its state and how replicas treat it."""

    id: UUID
    name: str
    kind: str
    digest: str = Field(description="SHA-256 of the manifest: two equal manifests are one model.")
    state: ModelState
    problem: dict[str, Any] | None = Field(None, description="Why it is not ready.")
    remedy: str | None = Field(None, description="What to do about that.")
    missing: list[Any] = Field(default_factory=list, description="Files that it refers to and that it lacks.")
    keep_warm: bool = Field(False, description="Replicas with nothing to do load it.")
    created_at: datetime
    updated_at: datetime


class ModelDetail(ModelView):
    """A model with what its first opening found."""

    manifest: Manifest
    probe: dict[str, Any] | None = Field(
        None, description="Frame range, fps, resolution, cameras, engine, external files, blocked scripts, warnings."
    )


class ModelPieceView(BaseModel):
    """A stretch of a file of a model."""

    url: str = Field(description="Gives its bytes; needs no key; takes ranges; ends after some hours.")
    size_bytes: int


class ModelFileView(BaseModel):
    """A file of a model, and where its bytes are."""

    path: str = Field(examples=["textures/brass.png"])
    digest: str = Field(description="SHA-256 of the whole file.", examples=[_DIGEST])
    size_bytes: int
    pieces: list[ModelPieceView] = Field(description="One behind the other they are the file; most files are one.")
