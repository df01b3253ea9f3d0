"""The tables, as SQLModel classes. Checks and partial indexes live in the migrations alone."""

from db.tables.access import (
    AccountTable,
    ApiKeyTable,
    InvitationTable,
    LoginThrottleTable,
    MailBoxTable,
    MailNoticeTable,
    MemberTable,
    OidcIdentityTable,
    OidcLoginTable,
    OidcSessionTable,
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
from db.tables.delivery import DeliveryTable, DestinationTable
from db.tables.farm import (
    EventTargetTable,
    LeaderTable,
    LicenceTable,
    LoopHealthTable,
    MaintenanceTable,
    NodeTable,
    PoolTable,
    ReplicaTable,
    WorkerScheduleTable,
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
from db.tables.intake import IntakeMessageTable, JobResultTargetTable, ResultTargetTable
from db.tables.invoicing import (
    BillingProfileTable,
    InvoiceCounterTable,
    InvoiceLineTable,
    InvoiceMonthTable,
    InvoiceTable,
    UsageCarryTable,
    UsageReportTable,
)
from db.tables.job import JobBlockTable, JobDependencyTable, JobTable
from db.tables.model import BlobTable, ModelTable, ProjectBlobTable, UploadTable
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
DELIVERY = METADATA.tables["delivery"]
DESTINATION = METADATA.tables["destination"]
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
MAIL_BOX = METADATA.tables["mail_box"]
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
UPLOAD = METADATA.tables["upload"]
USAGE = METADATA.tables["usage"]
USAGE_DAY = METADATA.tables["usage_day"]
BILLING_PROFILE = METADATA.tables["billing_profile"]
INVOICE = METADATA.tables["invoice"]
INVOICE_LINE = METADATA.tables["invoice_line"]
INVOICE_MONTH = METADATA.tables["invoice_month"]
USAGE_REPORT = METADATA.tables["usage_report"]
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
    "BILLING_PROFILE",
    "BLOB",
    "CREDIT",
    "DELIVERY",
    "DESTINATION",
    "EVENT",
    "FRAME_FLAG",
    "FRAME_LOOK",
    "FRAME_RESULT",
    "INVITATION",
    "INVOICE",
    "INVOICE_LINE",
    "INVOICE_MONTH",
    "JOB",
    "JOB_BLOCK",
    "JOB_DEPENDENCY",
    "LICENCE",
    "LOGIN_THROTTLE",
    "LOOP_HEALTH",
    "MAIL_BOX",
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
    "UPLOAD",
    "USAGE",
    "USAGE_DAY",
    "USAGE_REPORT",
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
    "BillingProfileTable",
    "BillingTable",
    "BlobTable",
    "CreditTable",
    "DeliveryTable",
    "DestinationTable",
    "EventTable",
    "EventTargetTable",
    "FrameFlagTable",
    "FrameLookTable",
    "FrameResultTable",
    "IntakeMessageTable",
    "InvitationTable",
    "InvoiceCounterTable",
    "InvoiceLineTable",
    "InvoiceMonthTable",
    "InvoiceTable",
    "JobBlockTable",
    "JobDependencyTable",
    "JobResultTargetTable",
    "JobTable",
    "LeaderTable",
    "LicenceTable",
    "LoginThrottleTable",
    "LoopHealthTable",
    "MailBoxTable",
    "MailNoticeTable",
    "MaintenanceTable",
    "MemberTable",
    "ModelTable",
    "MoneyAlertTable",
    "NodeTable",
    "OidcIdentityTable",
    "OidcLoginTable",
    "OidcSessionTable",
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
    "ResultTargetTable",
    "StorageMeterTable",
    "StorageUsageTable",
    "UploadTable",
    "UsageCarryTable",
    "UsageDayTable",
    "UsageReportTable",
    "UsageTable",
    "WebhookAttemptTable",
    "WebhookTable",
    "WorkTable",
    "WorkerScheduleTable",
]
