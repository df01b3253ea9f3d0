"""Projects, and the keys that open them."""

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
    """None: the key of an administrator of the whole farm."""
    name: str = words()
    prefix: str = words(unique=True)
    """Names the key in lists and logs; not secret."""
    secret_hash: bytes
    scopes: list[str] = word_list()
    created_at: datetime = instant()
    expires_at: datetime | None = instant(default=None)
    last_used_at: datetime | None = instant(default=None)
    revoked_at: datetime | None = instant(default=None)
