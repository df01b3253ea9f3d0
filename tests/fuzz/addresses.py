"""What there is behind the addresses of the document, found by asking the lists of the API for it.

A list is a GET whose answer has ``items``; what an address names behind it is an item of that list, or of one of the
same name elsewhere (``/v1/artifacts/{id}``: ``/v1/jobs/{id}/artifacts``). So a route that is new is reached without a
word here, as long as a list shows what it takes.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import httpx

_NAMES = ("id", "name", "slug", "account", "node", "digest", "frame", "key", "code")
"""Fields of an item by which an address may name it; the one that the parameter is called after comes first."""

_MOST = 6
"""Of each: few, so that what lies below one of them is met often."""

_PARAMETER = re.compile(r"\{(\w+)\}")
_SEGMENT = re.compile(r"\{(\w+)\}(:\w+)?")
"""A parameter, and the verb that may stand behind it."""


Value = str | int


@dataclass(frozen=True, slots=True)
class Address:
    """A template with its parameters filled in."""

    path: str
    values: tuple[tuple[str, Value], ...]


class Addresses:
    """Known values of path parameters, by operation."""

    def __init__(
        self,
        document: Mapping[str, Any],
        http: httpx.Client,
        *,
        unlisted: Mapping[str, list[Value]] | None = None,
        avoid: Iterable[str] = (),
    ) -> None:
        """``unlisted``: values of parameters that no list shows. ``avoid``: what no request shall name, as the
        credential of the fuzzer itself."""
        self._paths: Mapping[str, Any] = document["paths"]
        self._unlisted = unlisted or {}
        self._http = http
        self._avoid = frozenset(avoid)
        self._answers: dict[str, list[Any]] = {}

    def of_operations(self) -> dict[str, dict[str, list[Value]]]:
        """``operationId`` → parameter → values, where there are any."""
        found: dict[str, dict[str, list[Value]]] = {}
        for template, operations in self._paths.items():
            if not _PARAMETER.search(template):
                continue
            values: dict[str, list[Value]] = defaultdict(list)
            for address in self.at(template):
                for name, value in address.values:
                    if value not in values[name]:
                        values[name].append(value)
            for operation in operations.values():
                found[operation["operationId"]] = dict(values)
        return found

    def at(self, template: str) -> list[Address]:
        """Addresses of this template that lead to something."""
        known = [Address("", ())]
        for segment in template.strip("/").split("/"):
            parameter = _SEGMENT.fullmatch(segment)
            if parameter is None:
                known = [Address(f"{one.path}/{segment}", one.values) for one in known]
                continue
            name, verb = parameter.group(1), parameter.group(2) or ""
            known = [
                Address(f"{one.path}/{value}{verb}", (*one.values, (name, value)))
                for one in known
                for value in self._named(one.path, name)
            ][: _MOST * 4]
        return known

    def _named(self, listing: str, parameter: str) -> list[Value]:
        stem = parameter.removesuffix("_id")
        order = dict.fromkeys((parameter, *(("id",) if stem != parameter else ()), stem, *_NAMES))
        values: list[Value] = []
        for item in self._items(listing) or self._items_elsewhere(listing):
            if isinstance(item, Mapping):
                named = next((item[name] for name in order if isinstance(item.get(name), str | int)), None)
                if named is not None and named not in self._avoid:
                    values.append(named)
        return list(dict.fromkeys(values or self._unlisted.get(parameter, [])))[:_MOST]

    def _items_elsewhere(self, listing: str) -> list[Any]:
        if any("get" in operations for operations in self._matching(listing)):
            return []  # it is a list itself, an empty one
        name = listing.rpartition("/")[2]
        others = (template for template in self._paths if template.endswith(f"}}/{name}"))
        return [item for template in others for address in self.at(template) for item in self._items(address.path)]

    def _items(self, listing: str) -> list[Any]:
        if listing not in self._answers:
            self._answers[listing] = []
            if any("get" in operations for operations in self._matching(listing)):
                answer = self._http.get(listing)
                body = answer.json() if answer.headers.get("content-type") == "application/json" else None
                items = body.get("items", []) if isinstance(body, dict) else body if isinstance(body, list) else []
                self._answers[listing] = items
        return self._answers[listing]

    def _matching(self, path: str) -> list[Mapping[str, Any]]:
        return [
            operations
            for template, operations in self._paths.items()
            if re.fullmatch(_PARAMETER.sub("[^/]+", template), path)
        ]
