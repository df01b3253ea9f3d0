"""Links of the OpenAPI document: what makes a thing says which operations take its id (OpenAPI 3.1, Link Object).

Derived from the paths alone: what POST on a collection answers has an ``id``, and an address below the collection
begins with it. Clients that are generated and tools that test an API by walking it need no more.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

_PARAMETER = re.compile(r"\{(\w+)\}")


def add_links(document: dict[str, Any]) -> None:
    """Give each answer that has made something its links."""
    paths: Mapping[str, Mapping[str, Any]] = document.get("paths", {})
    for path, operations in paths.items():
        for answer in _made_by(operations.get("post")):
            schema = _schema_of(answer, document)
            if schema is None:
                continue
            links = dict(_links(path, paths, set(schema.get("properties", {}))))
            if links:
                answer["links"] = links


def _made_by(operation: Mapping[str, Any] | None) -> Iterator[dict[str, Any]]:
    responses: Mapping[str, Any] = (operation or {}).get("responses", {})
    yield from (answer for status, answer in responses.items() if status in ("200", "201", "202"))


def _schema_of(answer: Mapping[str, Any], document: Mapping[str, Any]) -> Mapping[str, Any] | None:
    schema = answer.get("content", {}).get("application/json", {}).get("schema", {})
    name = str(schema.get("$ref", "")).removeprefix("#/components/schemas/")
    found: Mapping[str, Any] | None = document.get("components", {}).get("schemas", {}).get(name)
    return found


def _links(
    collection: str, paths: Mapping[str, Mapping[str, Any]], fields: set[str]
) -> Iterator[tuple[str, dict[str, Any]]]:
    own = _PARAMETER.findall(collection)
    for path, operations in paths.items():
        behind = path.removeprefix(f"{collection}/")
        parameters = _PARAMETER.findall(behind)
        if behind == path or len(parameters) != 1 or not behind.startswith("{"):
            continue
        [parameter] = parameters
        field = parameter if parameter in fields else "id"
        if field not in fields:
            continue
        for operation in operations.values():
            yield (
                operation["operationId"],
                {
                    "operationId": operation["operationId"],
                    "parameters": {
                        **{name: f"$request.path.{name}" for name in own},
                        parameter: f"$response.body#/{field}",
                    },
                },
            )
