"""How a field becomes a column: ``text`` and not ``varchar``, times with their zone, JSON as ``jsonb``."""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, DateTime, Integer, Numeric, SmallInteger, Text, Uuid
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.dialects.postgresql.base import ischema_names
from sqlalchemy.types import UserDefinedType
from sqlmodel import Field


def words(**options: Any) -> Any:
    return Field(sa_type=Text, **options)


def word_list(**options: Any) -> Any:
    return _typed(ARRAY(Text), options)


def instant(**options: Any) -> Any:
    return _typed(DateTime(timezone=True), options)


def json(**options: Any) -> Any:
    return Field(sa_type=JSONB, **options)


def big_integer(**options: Any) -> Any:
    return Field(sa_type=BigInteger, **options)


def small_integer(**options: Any) -> Any:
    return Field(sa_type=SmallInteger, **options)


def money(**options: Any) -> Any:
    """An exact amount of the currency's main unit."""
    return _typed(Numeric(38, 12), options)


def numeric(precision: int, scale: int, **options: Any) -> Any:
    return _typed(Numeric(precision, scale), options)


def integer_list(**options: Any) -> Any:
    return _typed(ARRAY(Integer), options)


def uuid_list(**options: Any) -> Any:
    return _typed(ARRAY(Uuid), options)


class Xid8(UserDefinedType[str]):
    """Number of a transaction; it never wraps. Read and written as text."""

    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        return "xid8"


ischema_names["xid8"] = Xid8  # so that a database is compared with the tables


def transaction_number(**options: Any) -> Any:
    return _typed(Xid8(), options)


def _typed(kind: Any, options: dict[str, Any]) -> Any:
    """SQLModel's annotations want a class, but a type with parameters is an instance."""
    return Field(sa_type=kind, **options)
