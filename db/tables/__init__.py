"""The tables, as SQLModel classes. Checks and partial indexes live in the migrations alone."""

from db.tables.access import ApiKeyTable, ProjectTable
from db.tables.farm import (
    EventTargetTable,
    LeaderTable,
    LicenceTable,
    LoopHealthTable,
    NodeTable,
    PoolTable,
    ReplicaTable,
)
from db.tables.history import (
    ArtifactTable,
    AttemptTable,
    EventTable,
    FrameFlagTable,
    FrameLookTable,
    FrameResultTable,
    OutboxTable,
    PartResultTable,
)
from db.tables.job import JobBlockTable, JobDependencyTable, JobTable
from db.tables.model import BlobTable, ModelTable, ProjectBlobTable
from db.tables.work import WorkTable

METADATA = JobTable.metadata

# For statements that give rows and not objects: ``select(JOB.c.id)``.
API_KEY = METADATA.tables["api_key"]
ARTIFACT = METADATA.tables["artifact"]
ATTEMPT = METADATA.tables["attempt"]
BLOB = METADATA.tables["blob"]
EVENT = METADATA.tables["event"]
FRAME_FLAG = METADATA.tables["frame_flag"]
FRAME_LOOK = METADATA.tables["frame_look"]
FRAME_RESULT = METADATA.tables["frame_result"]
JOB = METADATA.tables["job"]
JOB_BLOCK = METADATA.tables["job_block"]
JOB_DEPENDENCY = METADATA.tables["job_dependency"]
LICENCE = METADATA.tables["licence"]
LOOP_HEALTH = METADATA.tables["loop_health"]
MODEL = METADATA.tables["model"]
NODE = METADATA.tables["node"]
OUTBOX = METADATA.tables["outbox"]
PART_RESULT = METADATA.tables["part_result"]
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
    "FRAME_FLAG",
    "FRAME_LOOK",
    "FRAME_RESULT",
    "JOB",
    "JOB_BLOCK",
    "JOB_DEPENDENCY",
    "LICENCE",
    "LOOP_HEALTH",
    "METADATA",
    "MODEL",
    "NODE",
    "OUTBOX",
    "PART_RESULT",
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
    "EventTargetTable",
    "FrameFlagTable",
    "FrameLookTable",
    "FrameResultTable",
    "JobBlockTable",
    "JobDependencyTable",
    "JobTable",
    "LeaderTable",
    "LicenceTable",
    "LoopHealthTable",
    "ModelTable",
    "NodeTable",
    "OutboxTable",
    "PartResultTable",
    "PoolTable",
    "ProjectBlobTable",
    "ProjectTable",
    "ReplicaTable",
    "WorkTable",
]
