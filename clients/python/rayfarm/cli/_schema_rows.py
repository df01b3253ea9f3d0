"""A pipeline's settings for people, from the JSON Schema that the farm gives: name, what it takes, default, about."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from rayfarm.types import Json

_KINDS = {"integer": "whole number", "number": "number", "string": "text", "boolean": "true, false", "object": "object"}
_DEEPEST = 8
"""Levels of references and lists that are followed; a schema that refers to itself ends here."""


class SettingRow(NamedTuple):
    """One setting, as ``--set`` names it."""

    name: str
    takes: str
    default: str
    about: str


def setting_rows(schema: Json) -> Iterator[SettingRow]:
    """Settings in the schema's order; those of an object within follow it, with a dot."""
    yield from _rows(schema, _Definitions(schema), prefix="")


class _Definitions:
    """Looks up what a schema refers to."""

    def __init__(self, schema: Json) -> None:
        self._named = schema.get("$defs") or {}

    def open(self, schema: Json) -> Json:
        """The schema itself, with what it refers to below its own words."""
        name = str(schema.get("$ref") or "").rpartition("/")[2]
        return {**(self._named.get(name) or {}), **schema} if name else schema

    def choices(self, schema: Json) -> list[Json]:
        """What a value may be, without null."""
        opened = self.open(schema)
        several = opened.get("anyOf") or opened.get("oneOf")
        if not several:
            return [opened]
        return [choice for each in several if each.get("type") != "null" for choice in self.choices(each)]


def _rows(schema: Json, known: _Definitions, *, prefix: str, depth: int = 0) -> Iterator[SettingRow]:
    required = frozenset(schema.get("required") or ())
    for name, own in (schema.get("properties") or {}).items():
        choices = known.choices(own)
        takes = ", or ".join(dict.fromkeys(_takes(choice, known) for choice in choices))
        yield SettingRow(f"{prefix}{name}", takes, _default(own, name in required), _about(own, choices))
        if len(choices) == 1 and choices[0].get("properties") and depth < _DEEPEST:
            yield from _rows(choices[0], known, prefix=f"{prefix}{name}.", depth=depth + 1)


def _takes(schema: Json, known: _Definitions, depth: int = 0) -> str:
    if "enum" in schema:
        return ", ".join(_plain(value) for value in schema["enum"])
    if "const" in schema:
        return _plain(schema["const"])
    kind = str(schema.get("type") or "anything")
    if kind == "array":
        return _list_of(schema, known, depth)
    if kind == "object":
        names = ", ".join(_property(name, own) for name, own in (schema.get("properties") or {}).items())
        return f"object ({names})" if names else "object"
    bounds = _bounds(schema)
    return f"{_KINDS.get(kind, kind)}{f' {bounds}' if bounds else ''}"


def _property(name: str, schema: Mapping[str, Any]) -> str:
    """``kind: orbit`` where there is no choice."""
    return f"{name}: {_plain(schema['const'])}" if "const" in schema else name


def _list_of(schema: Json, known: _Definitions, depth: int) -> str:
    items = schema.get("prefixItems") or [schema.get("items") or {}]
    if depth >= _DEEPEST:
        return "list"
    inner = dict.fromkeys(_takes(choice, known, depth + 1) for item in items for choice in known.choices(item))
    count = f"{len(items)} × " if "prefixItems" in schema else ""
    return f"list of {count}{', or '.join(inner)}"


def _bounds(schema: Json) -> str:
    lowest, above = schema.get("minimum"), schema.get("exclusiveMinimum")
    highest, below = schema.get("maximum"), schema.get("exclusiveMaximum")
    low = f"from {_figure(lowest)}" if lowest is not None else f"above {_figure(above)}" if above is not None else ""
    high = f"to {_figure(highest)}" if highest is not None else f"below {_figure(below)}" if below is not None else ""
    return " ".join(part for part in (low, high) if part)


def _figure(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:g}"


def _default(schema: Json, required: bool) -> str:
    if required:
        return "required"
    value = schema.get("default")
    return "-" if value is None else _plain(value)


def _about(schema: Json, choices: list[Json]) -> str:
    """The setting's own words, else those of the one thing that it may be."""
    words = schema.get("description") or (choices[0].get("description") if len(choices) == 1 else None)
    return " ".join(str(words or "").replace("``", "`").split())


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
