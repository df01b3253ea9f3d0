"""The tables, as SQLModel classes. Checks and partial indexes live in the migrations alone."""

from db.tables.access import ApiKeyTable, ProjectTable
from db.tables.farm import LeaderTable, PoolTable, ReplicaTable
from db.tables.history import ArtifactTable, AttemptTable, EventTable, FrameResultTable
from db.tables.job import JobTable
from db.tables.model import BlobTable, ModelTable, ProjectBlobTable
from db.tables.work import WorkTable

METADATA = JobTable.metadata

# For statements that give rows and not objects: ``select(JOB.c.id)``.
API_KEY = METADATA.tables["api_key"]
ARTIFACT = METADATA.tables["artifact"]
ATTEMPT = METADATA.tables["attempt"]
BLOB = METADATA.tables["blob"]
EVENT = METADATA.tables["event"]
FRAME_RESULT = METADATA.tables["frame_result"]
JOB = METADATA.tables["job"]
MODEL = METADATA.tables["model"]
POOL = METADATA.tables["pool"]
PROJECT = METADATA.tables["project"]
PROJECT_BLOB = METADATA.tables["project_blob"]
REPLICA = METADATA.tables["replica"]
WORK = METADATA.tables["work"]

__all__ = [
    "API_KEY",
    "ARTIFACT",
    "ATTEMPT",
    "BLOB",
    "EVENT",
    "FRAME_RESULT",
    "JOB",
    "METADATA",
    "MODEL",
    "POOL",
    "PROJECT",
    "PROJECT_BLOB",
    "REPLICA",
    "WORK",
    "ApiKeyTable",
    "ArtifactTable",
    "AttemptTable",
    "BlobTable",
    "EventTable",
    "FrameResultTable",
    "JobTable",
    "LeaderTable",
    "ModelTable",
    "PoolTable",
    "ProjectBlobTable",
    "ProjectTable",
    "ReplicaTable",
    "WorkTable",
]
