"""Rayfarm's Python client: ``rayfarm.Client`` and the `rayfarm` command."""

from rayfarm._transport import TransportSettings
from rayfarm.client import Client, scene_frames
from rayfarm.downloads import Fetched
from rayfarm.errors import (
    ClientError,
    DownloadCorrupt,
    FarmRefused,
    FarmUnreachable,
    MissingFile,
    MissingFiles,
    ModelInvalid,
    NotAModel,
    SignedOut,
    StepFailed,
    UsageError,
)
from rayfarm.types import Artifact, Counts, Estimate, Event, Job, Model, Replica, Step
from rayfarm.uploads import LocalBlob, UploadReport
from rayfarm.version import __version__

__all__ = [
    "Artifact",
    "Client",
    "ClientError",
    "Counts",
    "DownloadCorrupt",
    "Estimate",
    "Event",
    "FarmRefused",
    "FarmUnreachable",
    "Fetched",
    "Job",
    "LocalBlob",
    "MissingFile",
    "MissingFiles",
    "Model",
    "ModelInvalid",
    "NotAModel",
    "Replica",
    "SignedOut",
    "Step",
    "StepFailed",
    "TransportSettings",
    "UploadReport",
    "UsageError",
    "__version__",
    "scene_frames",
]
