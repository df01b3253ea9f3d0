"""The tables, as SQLModel classes. Checks and partial indexes live in the migrations alone."""

from db.tables.access import (
    AccountTable,
    ApiKeyTable,
    InvitationTable,
    LoginThrottleTable,
    MemberTable,
    OidcIdentityTable,
    OidcLoginTable,
    ProjectTable,
    RateBucketTable,
    RefreshTokenTable,
    WebhookTable,
)
from db.tables.audit import AuditChainTable, AuditEntryTable, AuditPendingTable, AuditSealTable
from db.tables.billing import (
    BillingTable,
    CreditTable,
    MoneyAlertTable,
    PriceListTable,
    PriceTable,
    ProjectQuotaTable,
    ProjectSpendTable,
    StorageMeterTable,
    StorageUsageTable,
    UsageDayTable,
    UsageTable,
)
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
    WebhookAttemptTable,
)
from db.tables.job import JobBlockTable, JobDependencyTable, JobTable
from db.tables.model import BlobTable, ModelTable, ProjectBlobTable
from db.tables.work import WorkTable

METADATA = JobTable.metadata

# For statements that give rows and not objects: ``select(JOB.c.id)``.
ACCOUNT = METADATA.tables["account"]
API_KEY = METADATA.tables["api_key"]
ARTIFACT = METADATA.tables["artifact"]
ATTEMPT = METADATA.tables["attempt"]
AUDIT_CHAIN = METADATA.tables["audit_chain"]
AUDIT_ENTRY = METADATA.tables["audit_entry"]
AUDIT_PENDING = METADATA.tables["audit_pending"]
AUDIT_SEAL = METADATA.tables["audit_seal"]
BLOB = METADATA.tables["blob"]
EVENT = METADATA.tables["event"]
FRAME_FLAG = METADATA.tables["frame_flag"]
FRAME_LOOK = METADATA.tables["frame_look"]
FRAME_RESULT = METADATA.tables["frame_result"]
INVITATION = METADATA.tables["invitation"]
JOB = METADATA.tables["job"]
JOB_BLOCK = METADATA.tables["job_block"]
JOB_DEPENDENCY = METADATA.tables["job_dependency"]
LICENCE = METADATA.tables["licence"]
LOOP_HEALTH = METADATA.tables["loop_health"]
LOGIN_THROTTLE = METADATA.tables["login_throttle"]
MEMBER = METADATA.tables["member"]
MODEL = METADATA.tables["model"]
NODE = METADATA.tables["node"]
OIDC_IDENTITY = METADATA.tables["oidc_identity"]
OIDC_LOGIN = METADATA.tables["oidc_login"]
OUTBOX = METADATA.tables["outbox"]
PART_RESULT = METADATA.tables["part_result"]
POOL = METADATA.tables["pool"]
PROJECT = METADATA.tables["project"]
PROJECT_BLOB = METADATA.tables["project_blob"]
REFRESH_TOKEN = METADATA.tables["refresh_token"]
REPLICA = METADATA.tables["replica"]
BILLING = METADATA.tables["billing"]
CREDIT = METADATA.tables["credit"]
PRICE = METADATA.tables["price"]
PRICE_LIST = METADATA.tables["price_list"]
PROJECT_QUOTA = METADATA.tables["project_quota"]
STORAGE_USAGE = METADATA.tables["storage_usage"]
USAGE = METADATA.tables["usage"]
USAGE_DAY = METADATA.tables["usage_day"]
WEBHOOK = METADATA.tables["webhook"]
WEBHOOK_ATTEMPT = METADATA.tables["webhook_attempt"]
WORK = METADATA.tables["work"]

__all__ = [
    "ACCOUNT",
    "API_KEY",
    "ARTIFACT",
    "ATTEMPT",
    "AUDIT_CHAIN",
    "AUDIT_ENTRY",
    "AUDIT_PENDING",
    "AUDIT_SEAL",
    "BILLING",
    "BLOB",
    "CREDIT",
    "EVENT",
    "FRAME_FLAG",
    "FRAME_LOOK",
    "FRAME_RESULT",
    "INVITATION",
    "JOB",
    "JOB_BLOCK",
    "JOB_DEPENDENCY",
    "LICENCE",
    "LOGIN_THROTTLE",
    "LOOP_HEALTH",
    "MEMBER",
    "METADATA",
    "MODEL",
    "NODE",
    "OIDC_IDENTITY",
    "OIDC_LOGIN",
    "OUTBOX",
    "PART_RESULT",
    "POOL",
    "PRICE",
    "PRICE_LIST",
    "PROJECT",
    "PROJECT_BLOB",
    "PROJECT_QUOTA",
    "REFRESH_TOKEN",
    "REPLICA",
    "STORAGE_USAGE",
    "USAGE",
    "USAGE_DAY",
    "WEBHOOK",
    "WEBHOOK_ATTEMPT",
    "WORK",
    "AccountTable",
    "ApiKeyTable",
    "ArtifactTable",
    "AttemptTable",
    "AuditChainTable",
    "AuditEntryTable",
    "AuditPendingTable",
    "AuditSealTable",
    "BillingTable",
    "BlobTable",
    "CreditTable",
    "EventTable",
    "EventTargetTable",
    "FrameFlagTable",
    "FrameLookTable",
    "FrameResultTable",
    "InvitationTable",
    "JobBlockTable",
    "JobDependencyTable",
    "JobTable",
    "LeaderTable",
    "LicenceTable",
    "LoginThrottleTable",
    "LoopHealthTable",
    "MemberTable",
    "ModelTable",
    "MoneyAlertTable",
    "NodeTable",
    "OidcIdentityTable",
    "OidcLoginTable",
    "OutboxTable",
    "PartResultTable",
    "PoolTable",
    "PriceListTable",
    "PriceTable",
    "ProjectBlobTable",
    "ProjectQuotaTable",
    "ProjectSpendTable",
    "ProjectTable",
    "RateBucketTable",
    "RefreshTokenTable",
    "ReplicaTable",
    "StorageMeterTable",
    "StorageUsageTable",
    "UsageDayTable",
    "UsageTable",
    "WebhookAttemptTable",
    "WebhookTable",
    "WorkTable",
]
