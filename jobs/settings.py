"""What every settings class is built on: read from the environment, and refused in words that name the variable."""

from __future__ import annotations

import re
import types
from datetime import timedelta
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import ByteSize, SecretStr, ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError

from jobs.errors import InvalidSettings

_EXAMPLES = {"duration": "PT30S", "size": "16MiB", "JSON object": '{"gpu": "a"}', "JSON list": '["a", "b"]'}
_OF_THE_FORM = ("_parsing", "_type", "enum", "literal_error")  # ends of Pydantic's names: the form says it all


class FarmSettings(BaseSettings):
    """Settings from the environment. An empty variable is an unset one.

    Raises ``InvalidSettings`` with a line for each variable that is wrong, never with its value: it may be a secret.
    """

    model_config = SettingsConfigDict(env_ignore_empty=True)

    def __init__(self, **values: Any) -> None:
        try:
            super().__init__(**values)
        except ValidationError as error:
            raise InvalidSettings("\n".join(dict.fromkeys(_told(type(self), error)))) from None
        except SettingsError as error:  # JSON that is none, found before Pydantic looks
            named = re.search(r'field "(\w+)"', str(error))
            raise InvalidSettings(_form(type(self), named[1]) if named else str(error)) from None


def variable_of(owner: type[BaseSettings], name: str) -> str:
    """The environment variable of one field."""
    return f"{owner.model_config.get('env_prefix', '')}{name}".upper()


def type_words(name: str, field: FieldInfo) -> str:
    """What a setting takes, in words: ``duration``, ``whole number, at least 1``, ``one of full, none``."""
    base, bounds = _unwrapped(field.annotation)
    bounds = [*bounds, *field.metadata]
    if get_origin(base) is Literal:
        return f"one of {', '.join(get_args(base))}"
    if isinstance(base, type) and issubclass(base, Enum):
        return f"one of {', '.join(str(member.value) for member in base)}"
    words = {
        timedelta: "duration",
        ByteSize: "size",
        SecretStr: "secret",
        Path: "path",
        bool: "true/false",
        str: "text",
        float: "number",
        Decimal: "number",
        int: "bytes" if name.endswith("_bytes") else "whole number",
        dict: "JSON object",
        tuple: "JSON list",
    }.get(get_origin(base) or base, "URL")
    return words + _bounds_words(bounds)


def _told(owner: type[BaseSettings], error: ValidationError) -> list[str]:
    lines = []
    for fault in error.errors(include_url=False, include_input=False):
        name = str(fault["loc"][0]) if fault["loc"] else "*"
        if fault["type"] == "value_error":
            lines.append(f"{variable_of(owner, name)}: {fault['ctx']['error']}")
        elif name not in owner.model_fields:
            lines.append(f"{variable_of(owner, name)}: {fault['msg']}")
        elif fault["type"] == "missing":
            lines.append(f"{_form(owner, name)}; it is not set")
        elif fault["type"].endswith(_OF_THE_FORM) and len(fault["loc"]) == 1:
            lines.append(_form(owner, name))
        else:
            place = "".join(f"[{part}]" for part in fault["loc"][1:])
            lines.append(f"{_form(owner, name)}; it{place} {_said(fault['msg'])}")
    return lines


def _said(words: str) -> str:
    return words.removeprefix("Input ").removeprefix("Value ").replace("timedelta", "duration")


def _form(owner: type[BaseSettings], name: str) -> str:
    words = type_words(name, owner.model_fields[name])
    example = _EXAMPLES.get(words.partition(",")[0])
    article = "" if words.startswith(("one of", "true", "text", "bytes")) else "a "
    return f"{variable_of(owner, name)}: write {article}{words}" + (f", such as {example}" if example else "")


def _unwrapped(annotation: Any) -> tuple[Any, list[Any]]:
    """The type without `Annotated` and `| None`, and the constraints that they carried."""
    if get_origin(annotation) is Annotated:
        inner, *marks = get_args(annotation)
        base, bounds = _unwrapped(inner)
        for mark in marks:
            bounds += mark.metadata if isinstance(mark, FieldInfo) else [mark]
        return base, bounds
    if get_origin(annotation) in (Union, types.UnionType):
        some = [member for member in get_args(annotation) if member is not type(None)]
        if len(some) == 1:
            return _unwrapped(some[0])
    return annotation, []


def _bounds_words(bounds: list[Any]) -> str:
    low = next((mark.ge for mark in bounds if hasattr(mark, "ge")), None)
    high = next((mark.le for mark in bounds if hasattr(mark, "le")), None)
    if low is not None and high is not None:
        return f", {low} to {high}"
    return f", at least {low}" if low is not None else f", at most {high}" if high is not None else ""
