"""What a body calls a number or a switch is one: `true` is not 1, and "3" is not 3. Found in the OpenAPI document."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from fastapi import FastAPI

from tests.serve_app.farm import ApiFarm
from tests.serve_app.routes import routes_of

WRONG = {"integer": (True, "3"), "number": (True, "3"), "boolean": (1, "true"), "string": (7, False)}
"""JSON type -> values of others that a lax reader would take for one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Of one value in the body of one operation: names of fields, and None for an item of a list."""

    operation: str
    path: tuple[str | None, ...]
    kind: str
    tags: tuple[tuple[int, str, str], ...]
    """(depth, field, value): what tells the member of a union that the path goes through."""

    def body_with(self, value: object) -> Any:
        """As little as holds the value."""
        for depth in reversed(range(len(self.path) + 1)):
            if depth < len(self.path):
                name = self.path[depth]
                value = [value] if name is None else {name: value}
            if isinstance(value, dict):
                value |= {field: tag for at, field, tag in self.tags if at == depth}
        return value

    @property
    def field(self) -> str:
        """As a problem names it."""
        return ".".join("0" if part is None else part for part in self.path)


def places(document: dict[str, Any]) -> Iterator[Place]:
    schemas = document["components"]["schemas"]

    def within(
        schema: dict[str, Any], path: tuple[str | None, ...], tags: tuple[tuple[int, str, str], ...]
    ) -> Iterator[tuple[tuple[str | None, ...], str, tuple[tuple[int, str, str], ...]]]:
        if "$ref" in schema:
            schema = schemas[schema["$ref"].rpartition("/")[2]]
        forms = schema.get("anyOf", schema.get("oneOf", []))
        if len({form.get("type") for form in forms} & set(WRONG)) < 2:  # else a value of either is right
            for form in forms:
                yield from within(form, path, tags)
        kind = schema.get("type")
        if kind in WRONG and "const" not in schema:
            yield path, kind, tags
        consts = {name: each["const"] for name, each in schema.get("properties", {}).items() if "const" in each}
        tags = (*tags, *((len(path), name, value) for name, value in consts.items()))
        for name, each in schema.get("properties", {}).items():
            yield from within(each, (*path, name), tags)
        if isinstance(schema.get("items"), dict):
            yield from within(schema["items"], (*path, None), tags)
        if isinstance(schema.get("additionalProperties"), dict):
            yield from within(schema["additionalProperties"], (*path, "any"), tags)

    for operations in document["paths"].values():
        for operation in operations.values():
            content = operation.get("requestBody", {}).get("content", {}).get("application/json")
            if content is not None:
                for path, kind, tags in within(content["schema"], (), ()):
                    yield Place(operation=operation["operationId"], path=path, kind=kind, tags=tags)


def test_the_document_has_numbers_and_switches_in_its_bodies(app: FastAPI) -> None:
    found = {(place.operation, place.field, place.kind) for place in places(app.openapi())}
    assert {
        ("submit_job", "weight", "integer"),
        ("submit_job", "licences.any", "integer"),
        ("submit_job", "limits.frame_timeout_s", "number"),
        ("submit_job", "outputs.contact_sheet.labels", "boolean"),
        ("add_job_step", "exposure", "number"),
        ("register_model", "manifest.files.0.size_bytes", "integer"),
        ("set_quotas", "slots", "integer"),
        ("set_maintenance", "active", "boolean"),
    } <= found
    assert len(found) > 50


async def test_no_body_takes_a_text_or_a_switch_for_a_number_or_the_other_way_round(farm: ApiFarm) -> None:
    routes = {route.name: route for route in routes_of(farm)}
    taken = []
    for place in places(farm.app.openapi()):
        if place.operation not in routes:
            assert place.kind == "string", place  # strangers send no number
            continue
        route = routes[place.operation]
        for wrong in WRONG[place.kind]:
            answer = await farm.http.request(route.method, route.address, json=place.body_with(wrong))
            errors = answer.json().get("errors", []) if answer.status_code == 422 else []
            named = {error["field"] for error in errors}
            if not any(name == place.field or name.endswith(f".{place.field}") for name in named):
                taken.append((place.operation, place.field, wrong, answer.status_code))
    assert not taken


async def test_what_json_has_no_type_for_is_still_read_from_text(farm: ApiFarm) -> None:
    """Ids, enums and moments."""
    spec = await farm.spec(
        priority="batch",
        finish_before="2999-01-31T12:00:00Z",
        limits={"frame_timeout_s": 60},
        outputs={"video": "auto"},
    )
    answer = await farm.http.post("/v1/jobs", json=spec)
    assert answer.status_code == 202, answer.text
    assert answer.json()["spec"]["limits"]["frame_timeout_s"] == 60
