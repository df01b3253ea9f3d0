"""A custom kind's schema, held as strictly as the API server does with ``fieldValidation=Strict``.

A CRD says what may be there in an OpenAPI dialect of its own. What the server does with it, and plain JSON Schema does
not: fields that no property names are errors, defaults are filled in and nulls dropped before anything is judged,
integers have the width of their format, list items are unique by their map keys, and rules in CEL hold.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from typing import Any

from jsonschema import Draft202012Validator, ValidationError
from jsonschema import validators as jsonschema_validators

from tests.kuberay.cel_rules import CEL_RULES, TRANSITION_RULES

Schema = dict[str, Any]

_INTEGERS = {"int32": 2**31, "int64": 2**63}
_OBJECT_META: Schema = {
    "type": "object",
    "additionalProperties": False,
    "required": ["name"],
    "properties": {
        "name": {"type": "string", "pattern": r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$", "maxLength": 253},
        "namespace": {"type": "string", "pattern": r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$", "maxLength": 63},
        "labels": {"type": "object", "additionalProperties": {"type": "string", "maxLength": 63}},
        "annotations": {"type": "object", "additionalProperties": {"type": "string"}},
    },
}
"""What a manifest may say of itself; the rest is the server's."""
_ANY_META: Schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}


class StructuralSchema:
    """One version of one custom kind: as a manifest may be, or as the server stores it."""

    def __init__(self, openapi: Schema, *, stored: bool = False) -> None:
        self._openapi = copy.deepcopy(openapi)
        properties = self._openapi["properties"]
        properties["metadata"] = _ANY_META if stored else _OBJECT_META
        properties.setdefault("apiVersion", {"type": "string"})
        properties.setdefault("kind", {"type": "string"})
        if not stored:
            properties.pop("status", None)  # a manifest that has one is wrong
        self._validator = _Validator(closed(self._openapi))

    def faults(self, document: Mapping[str, Any]) -> list[str]:
        """Every fault, with its place."""
        judged = copy.deepcopy(dict(document))
        self.complete(judged)
        return [f"{field or 'document'}: {words}" for field, words in self.causes(judged)]

    def prune(self, document: dict[str, Any]) -> list[str]:
        """Removes the fields that no property names; returns where they were."""
        return list(_pruned(self._openapi, document, ""))

    def complete(self, document: dict[str, Any]) -> None:
        """Drops nulls that may not be, and fills in defaults."""
        admitted(self._openapi, document)

    def causes(self, document: Mapping[str, Any]) -> list[tuple[str, str]]:
        """(field, what is wrong) of a document that is complete."""
        return sorted(
            (".".join(map(str, error.absolute_path)), error.message[:300])
            for error in self._validator.iter_errors(document)
        )


def _pruned(schema: Schema, value: Any, path: str) -> Iterator[str]:
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield from _pruned(schema.get("items") or {}, item, f"{path}[{index}]")
    elif isinstance(value, dict):
        properties, more = schema.get("properties") or {}, schema.get("additionalProperties")
        for name in list(value):
            here = f"{path}.{name}" if path else name
            below = properties.get(name, more)
            if isinstance(below, dict):
                yield from _pruned(below, value[name], here)
            elif not schema.get("x-kubernetes-preserve-unknown-fields") and not more:
                del value[name]
                yield here


def admitted(schema: Schema, value: Any) -> Any:
    """The value as the server judges it: without nulls that may not be, and with its defaults."""
    if isinstance(value, dict):
        properties, more = schema.get("properties", {}), schema.get("additionalProperties")
        known = {name: below for name in value if isinstance(below := properties.get(name, more), dict)}
        for name, below in known.items():
            if value[name] is None and not below.get("nullable"):
                del value[name]
        for name, below in properties.items():
            if name not in value and "default" in below:
                value[name] = copy.deepcopy(below["default"])
        for name in value:
            below = properties.get(name, more)
            if isinstance(below, dict):
                value[name] = admitted(below, value[name])
    elif isinstance(value, list) and isinstance(schema.get("items"), dict):
        return [admitted(schema["items"], item) for item in value]
    return value


def closed(schema: Schema) -> Schema:
    """The same in JSON Schema, without room for fields that nothing names."""
    made = {
        key: value
        for key, value in schema.items()
        if key not in ("properties", "items", "additionalProperties", "default", "nullable", "description")
    }
    if "properties" in schema:
        made["properties"] = {name: closed(below) for name, below in schema["properties"].items()}
        if not schema.get("x-kubernetes-preserve-unknown-fields"):
            made["additionalProperties"] = False
    if isinstance(schema.get("additionalProperties"), dict):
        made["additionalProperties"] = closed(schema["additionalProperties"])
    if "items" in schema:
        made["items"] = closed(schema["items"])
    if schema.get("x-kubernetes-int-or-string"):
        made.pop("type", None)
        made.pop("anyOf", None)
        made["type"] = ["integer", "string"]
    elif schema.get("type") == "integer":
        width = _INTEGERS.get(schema.get("format", "int64"), 2**63)
        made["minimum"] = max(made.get("minimum", -width), -width)
        made["maximum"] = min(made.get("maximum", width - 1), width - 1)
    if schema.get("nullable") and "type" in made:
        made["type"] = [made["type"], "null"]
    return made


def _unique_by_keys(validator: Any, keys: list[str], items: Any, schema: Schema) -> Iterator[ValidationError]:
    """Two entries of one name: the server refuses them where it applies, or merges them into one."""
    if schema.get("x-kubernetes-list-type") != "map" or not isinstance(items, list):
        return
    seen = set()
    for item in items:
        identity = tuple(str(item.get(key)) for key in keys) if isinstance(item, dict) else None
        if identity in seen:
            yield ValidationError(f"there are two entries with {dict(zip(keys, identity or (), strict=False))}")
        seen.add(identity)


def _cel(validator: Any, rules: list[dict[str, str]], value: Any, schema: Schema) -> Iterator[ValidationError]:
    for rule in rules:
        text = rule["rule"]
        if text in TRANSITION_RULES:
            continue
        if text not in CEL_RULES:
            yield ValidationError(f"no test knows this rule of the CRD; write it in cel_rules.py: {text}")
        elif not CEL_RULES[text](value):
            yield ValidationError(rule.get("message", text))


_Validator = jsonschema_validators.extend(
    Draft202012Validator,
    {"x-kubernetes-list-map-keys": _unique_by_keys, "x-kubernetes-validations": _cel},
)
