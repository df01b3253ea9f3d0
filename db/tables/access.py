"""Projects, and who may do what in them: people and keys."""

from datetime import datetime
from uuid import UUID

from sqlmodel import Field, SQLModel

from db.tables._columns import instant, word_list, words


class ProjectTable(SQLModel, table=True):
    """Owns models, jobs, blobs and keys; nothing of one project shows in another."""

    __tablename__ = "project"

    id: UUID = Field(primary_key=True)
    slug: str = words(unique=True)
    name: str = words()
    created_at: datetime = instant()
    weight: int = 100
    """Its share of the farm beside other projects."""
    charged_s: float = 0.0
    """Slot-seconds that it has used, halved with every half-life since ``charged_at``."""
    charged_at: datetime = instant()


class ApiKeyTable(SQLModel, table=True):
    """A credential. Only the hash of its secret is kept."""

    __tablename__ = "api_key"

    id: UUID = Field(primary_key=True)
    project_id: UUID | None = Field(default=None, foreign_key="project.id")
    """None: a key of the whole farm."""
    name: str = words()
    prefix: str = words(unique=True)
    """Names the key in lists and logs; not secret."""
    secret_hash: bytes
    role: str = words()
    """What it may do at most: a role of its project, or, of the whole farm, ``operator`` or ``admin``."""
    scopes: list[str] = word_list()
    """Permissions to which it is narrowed; empty: all of its role."""
    created_by: str = words()
    created_at: datetime = instant()
    expires_at: datetime | None = instant(default=None)
    last_used_at: datetime | None = instant(default=None)
    revoked_at: datetime | None = instant(default=None)


class AccountTable(SQLModel, table=True):
    """A person who can log in."""

    __tablename__ = "account"

    id: UUID = Field(primary_key=True)
    email: str = words(unique=True)
    """In lower case."""
    name: str = words()
    password_hash: str = words()
    """Argon2id, in PHC's format."""
    farm_role: str | None = words(default=None)
    session_epoch: int = 1
    """Access tokens of an earlier one are void."""
    created_at: datetime = instant()
    disabled_at: datetime | None = instant(default=None)


class MemberTable(SQLModel, table=True):
    """What a person is in a project."""

    __tablename__ = "member"

    project_id: UUID = Field(primary_key=True, foreign_key="project.id")
    account_id: UUID = Field(primary_key=True, foreign_key="account.id")
    role: str = words()
    created_at: datetime = instant()


class RefreshTokenTable(SQLModel, table=True):
    """One link of a session's chain: used once, it is followed by the next of its family."""

    __tablename__ = "refresh_token"

    token_hash: bytes = Field(primary_key=True)
    family_id: UUID
    account_id: UUID = Field(foreign_key="account.id")
    session_epoch: int
    """The account's when its password was checked; of an earlier one than its present, the token is void."""
    created_at: datetime = instant()
    expires_at: datetime = instant()
    used_at: datetime | None = instant(default=None)


class InvitationTable(SQLModel, table=True):
    """An offer of a role, taken up once by who holds its token."""

    __tablename__ = "invitation"

    id: UUID = Field(primary_key=True)
    token_hash: bytes = Field(unique=True)
    email: str = words()
    project_id: UUID | None = Field(default=None, foreign_key="project.id")
    role: str = words()
    invited_by: str = words()
    created_at: datetime = instant()
    expires_at: datetime = instant()
    accepted_at: datetime | None = instant(default=None)
    revoked_at: datetime | None = instant(default=None)


class LoginThrottleTable(SQLModel, table=True):
    """Failed logins under one e-mail address, whether anybody has it or not."""

    __tablename__ = "login_throttle"

    email_hash: bytes = Field(primary_key=True)
    failures: int
    last_at: datetime = instant()


class RateBucketTable(SQLModel, table=True):
    """What a caller has spent of one class of requests. Unlogged: a crash of the database empties it."""

    __tablename__ = "rate_bucket"

    subject: str = words(primary_key=True)
    """A key, an account, or the address of a stranger."""
    rate_class: str = words(primary_key=True)
    full_at: datetime = instant()
    """When the bucket is full again."""
    granted: int
    """Tokens of the last question; the statement that takes them answers with it."""
