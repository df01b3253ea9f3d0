"""Projects, and who may do what in them: people and keys."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import func
from sqlmodel import Field, SQLModel

from db.tables._columns import big_integer, instant, word_list, words


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
    account_id: UUID | None = Field(default=None, foreign_key="account.id")
    """The service account that it is of, whose role it has; None: a key with a role of its own."""
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
    """A person who can log in, or a program that cannot and owns keys."""

    __tablename__ = "account"

    id: UUID = Field(primary_key=True)
    kind: str = words(default="person")
    """``person`` or ``service``."""
    project_id: UUID | None = Field(default=None, foreign_key="project.id")
    """Of a service account: the project whose managers it belongs to; None: the farm's, or a person."""
    email: str = words(unique=True)
    """In lower case; of a service account one that no mail reaches."""
    name: str = words()
    password_hash: str | None = words(default=None)
    """Argon2id, in PHC's format; None: they log in at the identity provider, or not at all."""
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
    session_ends_at: datetime | None = instant(default=None)
    """No token of the chain lives longer; None: it lives for as long as it is renewed."""
    follows: bytes | None = None
    """The token whose use gave this one; None: the first of its session."""


class OidcIdentityTable(SQLModel, table=True):
    """A person as an identity provider knows them: ``subject`` is unique and never given to another there."""

    __tablename__ = "oidc_identity"

    issuer: str = words(primary_key=True)
    subject: str = words(primary_key=True)
    account_id: UUID = Field(foreign_key="account.id")
    granted: list[str] = word_list()
    """Roles that the claims of the last login gave, as the mapping names them; the next login may take them back."""
    created_at: datetime = instant()
    last_login_at: datetime = instant()


class OidcLoginTable(SQLModel, table=True):
    """A login that a provider has vouched for, kept until its state has expired: none is used twice."""

    __tablename__ = "oidc_login"

    state_hash: bytes = Field(primary_key=True)
    account_id: UUID = Field(foreign_key="account.id")
    session_epoch: int
    session_ends_at: datetime = instant()
    code_hash: bytes | None = Field(default=None, unique=True)
    """Of the farm's own code, which the program that began the login changes for a session; None: it has one."""
    code_challenge: str | None = words(default=None)
    code_expires_at: datetime | None = instant(default=None)
    code_used_at: datetime | None = instant(default=None)
    expires_at: datetime = instant()
    family_id: UUID = Field(sa_column_kwargs={"server_default": func.gen_random_uuid()})
    """That the session of this login has, or would have."""


class OidcSessionTable(SQLModel, table=True):
    """What names a session at its provider when somebody signs out of it here."""

    __tablename__ = "oidc_session"

    family_id: UUID = Field(primary_key=True)
    issuer: str = words()
    id_token: str | None = words(default=None)
    """It opens nothing here or there. None: it was too long for an address."""
    ends_at: datetime = instant()


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


class WebhookTable(SQLModel, table=True):
    """A receiver of a project's events."""

    __tablename__ = "webhook"

    id: UUID = Field(primary_key=True)
    project_id: UUID = Field(foreign_key="project.id")
    url: str = words()
    format: str = words(default="standard")
    description: str = words(default="")
    kinds: list[str] = word_list()
    """Of events that it is told; empty: all."""
    enabled: bool = True
    disabled_reason: str | None = words(default=None)
    disabled_at: datetime | None = instant(default=None)
    salt: bytes | None = None
    """Its secret is derived from this and the farm's key of that name; None: it is chat, and has none."""
    key_id: str | None = words(default=None)
    previous_salt: bytes | None = None
    previous_key_id: str | None = words(default=None)
    previous_until: datetime | None = instant(default=None)
    """Until then the secret of before signs too."""
    failing_since: datetime | None = instant(default=None)
    """First failure since the last post that was taken."""
    failures: int = 0
    rests_until: datetime | None = instant(default=None)
    created_by: str = words()
    created_at: datetime = instant()


class MailBoxTable(SQLModel, table=True):
    """What a person asked to be written of, and how writing to them goes."""

    __tablename__ = "mail_box"

    account_id: UUID = Field(primary_key=True, foreign_key="account.id")
    kinds: list[str] = word_list()
    attempts: int = big_integer(default=0)
    """The fence of whoever writes to them now."""
    failures: int = 0
    """In a row."""
    error: str | None = words(default=None)
    not_before: datetime = instant()
    hour_from: datetime = instant()
    """Since then ``sent`` is counted, for an hour."""
    sent: int = 0


class MailNoticeTable(SQLModel, table=True):
    """An event that waits to be written to somebody; gone once it was."""

    __tablename__ = "mail_notice"

    id: int | None = big_integer(default=None, primary_key=True)
    account_id: UUID = Field(foreign_key="mail_box.account_id", ondelete="CASCADE")
    event_id: int = big_integer()
    created_at: datetime = instant()


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
