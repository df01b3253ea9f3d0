"""JSON patch (RFC 6902) and merge patch (RFC 7396), as the API server applies them."""

from __future__ import annotations

import copy
from typing import Any


class TestFailed(Exception):
    """A ``test`` operation did not hold."""


class BadPatch(Exception):
    """The patch is no patch, or names nothing."""


def merged(before: Any, patch: Any) -> Any:
    if not isinstance(patch, dict):
        return copy.deepcopy(patch)
    after = copy.deepcopy(before) if isinstance(before, dict) else {}
    for name, value in patch.items():
        if value is None:
            after.pop(name, None)
        else:
            after[name] = merged(after.get(name), value)
    return after


def patched(before: dict[str, Any], operations: list[dict[str, Any]]) -> dict[str, Any]:
    after: Any = copy.deepcopy(before)
    for operation in operations:
        try:
            verb, parts = operation["op"], _parts(operation["path"])
        except (KeyError, TypeError) as error:
            raise BadPatch(f"no operation: {operation}") from error
        match verb:
            case "test":
                try:
                    found = _at(after, parts)
                except BadPatch:
                    found = None
                if found != operation.get("value"):
                    raise TestFailed(operation["path"])
            case "add" | "replace" | "remove":
                if verb != "add":
                    _at(after, parts)
                _write(after, parts, verb, operation.get("value"))
            case _:
                raise BadPatch(f"unknown operation {verb}")
    return dict(after)


def _parts(path: str) -> list[str]:
    return [part.replace("~1", "/").replace("~0", "~") for part in path.split("/")[1:]]


def _at(value: Any, parts: list[str]) -> Any:
    for part in parts:
        try:
            value = value[int(part)] if isinstance(value, list) else value[part]
        except (KeyError, IndexError, ValueError, TypeError) as error:
            raise BadPatch(f"nothing at /{'/'.join(parts)}") from error
    return value


def _write(root: Any, parts: list[str], verb: str, value: Any) -> None:
    holder, last = _at(root, parts[:-1]), parts[-1]
    if isinstance(holder, list):
        index = len(holder) if last == "-" else int(last)
        if verb == "add":
            holder.insert(index, copy.deepcopy(value))
        elif verb == "replace":
            holder[index] = copy.deepcopy(value)
        else:
            del holder[index]
    elif verb == "remove":
        del holder[last]
    else:
        holder[last] = copy.deepcopy(value)
