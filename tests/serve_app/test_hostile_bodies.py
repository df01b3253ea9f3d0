"""Bodies made to cost the farm more than their sender: each is refused for a price that does not grow with it."""

from __future__ import annotations

import asyncio
import difflib
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager
from typing import Any
from uuid import uuid4

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute
from pydantic import TypeAdapter

from jobs.access import GRANTS, ProjectRole
from jobs.spec import MAX_SETTINGS
from pipelines.registry import PIPELINES
from serve_app import large_bodies
from serve_app.permissions import REQUIRED
from serve_app.validation import MOST_ERRORS
from tests.serve_app.farm import ApiFarm, bearer, digest_of, problem_of, until
from tests.serve_app.routes import routes_of

JSON = {"Content-Type": "application/json"}
PIECES = (b'{"name":', b"0}")


class ReadPieces:
    """A body that knows how much of it was read."""

    def __init__(self) -> None:
        self.read = 0

    async def pieces(self) -> AsyncIterator[bytes]:
        for piece in PIECES:
            self.read += 1
            yield piece


@pytest.fixture
def guesses(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names for which the one that was meant was sought."""
    asked: list[str] = []
    seek = difflib.get_close_matches

    def note(word: str, *args: Any, **options: Any) -> list[str]:
        asked.append(word)
        return seek(word, *args, **options)

    monkeypatch.setattr(difflib, "get_close_matches", note)
    return asked


class TestWhoMaySendOne:
    async def test_nothing_is_read_of_a_body_for_which_its_sender_lacks_the_right(self, farm: ApiFarm) -> None:
        """A manifest has 48 MiB, and is parsed before the framework asks for the right."""
        viewer = bearer(await farm.new_key("film", role=ProjectRole.VIEWER), **JSON)
        tried = set()
        for route in routes_of(farm, project="film"):
            if route.method not in ("post", "put", "patch") or REQUIRED[route.name] in GRANTS[ProjectRole.VIEWER]:
                continue
            body = ReadPieces()
            answer = await farm.http.request(route.method, route.address, content=body.pieces(), headers=viewer)
            problem_of(answer, 403, "forbidden")
            assert body.read == 0, route
            tried.add(route.name)
        assert {"register_model", "submit_job", "invite", "set_budget"} <= tried

    @pytest.mark.parametrize("path", ["/v1/models", "/v1/projects/default/invitations"])
    async def test_nor_of_one_for_a_project_of_others(self, farm: ApiFarm, path: str) -> None:
        manager = bearer(await farm.new_key("film", role=ProjectRole.MANAGER), **JSON)
        body = ReadPieces()
        headers = {**manager, "X-Rayfarm-Project": "default"}
        problem_of(await farm.http.post(path, content=body.pieces(), headers=headers), 404, "not-found")
        assert body.read == 0

    async def test_nor_of_one_without_a_route_or_a_key(self, farm: ApiFarm) -> None:
        body = ReadPieces()
        problem_of(await farm.http.post("/v1/nothing", content=body.pieces()), 404, "route-not-found")
        stranger = {"Authorization": "Bearer rf_x_y"}
        problem_of(await farm.http.post("/v1/models", content=body.pieces(), headers=stranger), 401, "unauthorized")
        assert body.read == 0

    async def test_who_has_the_right_is_read(self, farm: ApiFarm) -> None:
        body = ReadPieces()
        answer = await farm.http.post("/v1/models", content=body.pieces(), headers=JSON)
        problem_of(answer, 422, "invalid-input")
        assert body.read == len(PIECES)


class TestUnknownNames:
    async def test_the_first_alone_are_guessed_at_and_fifty_described(self, farm: ApiFarm, guesses: list[str]) -> None:
        viewer = bearer(await farm.new_key("film", role=ProjectRole.VIEWER))
        settings = {"sampels": 64, **{f"k{number}": 0 for number in range(MAX_SETTINGS - 1)}}
        answer = await farm.http.post("/v1/pipelines/cycles/check", json={"settings": settings}, headers=viewer)
        problem = problem_of(answer, 422, "invalid-input")
        assert len(guesses) <= 3
        assert "samples instead of sampels" in problem["remedy"]
        assert len(problem["errors"]) == MOST_ERRORS
        assert f"(and {MAX_SETTINGS - 3} more)" in problem["detail"]

    async def test_a_long_name_is_not_guessed_at(self, farm: ApiFarm, guesses: list[str]) -> None:
        answer = await farm.http.post("/v1/pipelines/cycles/check", json={"settings": {"a" * 100_000: 0}})
        problem_of(answer, 422, "invalid-input")
        assert guesses == []

    async def test_so_are_those_of_the_fields_of_a_job(self, farm: ApiFarm, guesses: list[str]) -> None:
        body = {"model": str(uuid4()), "frames": "1", **{f"k{number}": 0 for number in range(1000)}}
        problem = problem_of(await farm.http.post("/v1/jobs", json=body), 422, "invalid-input")
        assert len(guesses) <= 3
        assert len(problem["errors"]) == MOST_ERRORS
        assert "(and 997 more)" in problem["detail"]

    @pytest.mark.parametrize(
        ("path", "others"),
        [("/v1/pipelines/cycles/check", {}), ("/v1/jobs", {"model": str(uuid4()), "frames": "1"})],
    )
    async def test_more_settings_than_any_pipeline_has_are_one_error(
        self, farm: ApiFarm, path: str, others: dict[str, str]
    ) -> None:
        body = {**others, "settings": {f"k{number}": 0 for number in range(15_000)}}
        problem = problem_of(await farm.http.post(path, json=body), 422, "invalid-input")
        assert [error["field"] for error in problem["errors"]] == ["settings"]


def _lists(schema: Any, place: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every list, tuple and set of a core schema of pydantic, with its place."""
    if isinstance(schema, dict):
        if schema.get("type") in ("list", "tuple", "set", "frozenset"):
            yield place, schema
        for name, inner in schema.items():
            if name not in ("serialization", "metadata"):
                yield from _lists(inner, f"{place}.{name}")
    elif isinstance(schema, list | tuple):
        for inner in schema:
            yield from _lists(inner, place)


def _routes(router: Any) -> Iterator[APIRoute]:
    for route in router.routes:
        if isinstance(route, APIRoute):
            yield route
        elif included := getattr(route, "original_router", None):
            yield from _routes(included)


def _bodies(app: FastAPI) -> dict[str, Any]:
    """Types of what requests hold, by a name; the settings of a pipeline are looked at by its own."""
    found: dict[str, Any] = {name: pipeline.settings_type for name, pipeline in PIPELINES.items()}
    for route in _routes(app):
        if route.body_field is not None:
            found[route.name] = route.body_field.field_info.annotation
    return found


class TestLists:
    async def test_of_wrong_items_one_is_an_error(self, farm: ApiFarm) -> None:
        body = {"model": str(uuid4()), "frames": "1", "tags": [1] * 80_000}
        problem = problem_of(await farm.http.post("/v1/jobs", json=body), 422, "invalid-input")
        assert [error["field"] for error in problem["errors"]] == ["tags.0"]

    def test_of_every_request_end_with_their_first_wrong_item(self, app: FastAPI) -> None:
        """Else each wrong item becomes an error of its own, however few items are allowed."""
        bodies = _bodies(app)
        assert {"submit_job", "register_model", "cycles"} <= bodies.keys()
        patient = [
            f"{name}{place}"
            for name, body in bodies.items()
            for place, schema in _lists(TypeAdapter(body).core_schema)
            if not schema.get("fail_fast") and not _has_fixed_length(schema)
        ]
        assert patient == []

    def test_of_every_request_say_how_many_items_they_take(self, app: FastAPI) -> None:
        document = app.openapi()
        found = list(_described(document))
        assert len(found) > 20
        assert [place for place, schema in found if "maxItems" not in schema and "maxProperties" not in schema] == []


def _has_fixed_length(schema: dict[str, Any]) -> bool:
    return schema["type"] == "tuple" and "variadic_item_index" not in schema


def _described(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every array and every map in a request body of the OpenAPI document, with its place."""
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            if isinstance(operation, dict):
                for content in operation.get("requestBody", {}).get("content", {}).values():
                    schema = content.get("schema", {})
                    yield from _collections(document, schema, f"{method} {path} body", frozenset())


def _collections(
    document: dict[str, Any], schema: dict[str, Any], place: str, seen: frozenset[str]
) -> Iterator[tuple[str, dict[str, Any]]]:
    if name := schema.get("$ref", "").rpartition("/")[2]:
        if name not in seen:
            yield from _collections(document, document["components"]["schemas"][name], place, seen | {name})
        return
    if schema.get("type") == "array" or (schema.get("type") == "object" and schema.get("additionalProperties")):
        yield place, schema
    inner = [(part, each) for part, each in schema.get("properties", {}).items()]
    inner += [("*", schema[part]) for part in ("items", "additionalProperties") if isinstance(schema.get(part), dict)]
    inner += [("|", each) for part in ("anyOf", "oneOf", "allOf", "prefixItems") for each in schema.get(part, ())]
    for part, each in inner:
        yield from _collections(document, each, f"{place}.{part}", seen)


def manifest_of(count: int, *, digest: str = "a" * 64) -> bytes:
    files = ",".join(f'{{"path":"{each}","digest":"{digest}","size_bytes":5}}' for each in range(count))
    return f'{{"name":"x","manifest":{{"kind":"fake","main":"0","files":[{files}]}}}}'.encode()


@asynccontextmanager
async def beating() -> AsyncIterator[list[int]]:
    """Counts turns of the loop: that it turns at all beside the work of a request, not how fast."""
    turns: list[int] = []

    async def run() -> None:
        while True:
            await asyncio.sleep(0)
            turns.append(threading.active_count())

    task = asyncio.create_task(run())
    try:
        yield turns
    finally:
        task.cancel()


class TestManifests:
    @pytest.fixture
    def validated_on(self, monkeypatch: pytest.MonkeyPatch) -> list[str]:
        """Threads in which bodies were validated."""
        names: list[str] = []
        read = large_bodies._read

        def note(adapter: TypeAdapter[Any], body: bytes) -> Any:
            names.append(threading.current_thread().name)
            return read(adapter, body)

        monkeypatch.setattr(large_bodies, "_read", note)
        return names

    async def test_a_large_one_is_read_in_a_thread_and_registered(self, farm: ApiFarm, validated_on: list[str]) -> None:
        digest = digest_of(b"hello")
        await farm.http.put(f"/v1/blobs/{digest}", content=b"hello")
        content = manifest_of(3000, digest=digest)
        first, again = [await farm.http.post("/v1/models", content=content, headers=JSON) for _ in range(2)]
        assert (first.status_code, again.status_code) == (202, 200), first.text[:500]
        assert len(first.json()["manifest"]["files"]) == 3000
        assert first.json()["id"] == again.json()["id"]
        assert len(validated_on) == 2
        assert threading.main_thread().name not in validated_on
        assert farm.app.state.services.manifests.taken(farm.project_id) == 0

    async def test_a_small_one_is_not(self, farm: ApiFarm, validated_on: list[str]) -> None:
        await farm.http.post("/v1/models", content=manifest_of(3), headers=JSON)
        assert validated_on == []

    @pytest.mark.parametrize(
        ("inner", "field"),
        [
            (b'"files":[' + b",".join([b'{"path":1}'] * 40_000) + b"]", "manifest.files.0.path"),
            (b'"files":[{' + b",".join(b'"k%d":0' % each for each in range(60_000)) + b"}]", "manifest.files.0"),
            (b",".join(b'"k%d":0' % each for each in range(60_000)), "manifest"),
            (b'"remap":{' + b",".join(b'"k%d":0' % each for each in range(60_000)) + b'},"files":[]', "body"),
        ],
        ids=["wrong files", "a file of unknown fields", "unknown fields", "wrong references"],
    )
    async def test_what_is_wrong_in_a_large_one_is_few_errors(self, farm: ApiFarm, inner: bytes, field: str) -> None:
        body = b'{"name":"x","manifest":{"kind":"fake","main":"0",' + inner + b"}}"
        problem = problem_of(await farm.http.post("/v1/models", content=body, headers=JSON), 422, "invalid-input")
        assert problem["field"] == field
        assert len(problem.get("errors", ())) <= 5

    async def test_one_that_is_no_json_is_told_so(self, farm: ApiFarm) -> None:
        body = manifest_of(5000)[:-1]
        problem = problem_of(await farm.http.post("/v1/models", content=body, headers=JSON), 422, "invalid-input")
        assert "valid JSON" in problem["remedy"]

    @pytest.mark.parametrize("item", [b"[]", b"{}"])
    async def test_more_brackets_than_any_has_are_not_parsed(self, farm: ApiFarm, item: bytes) -> None:
        body = b'{"name":"x","manifest":[' + b",".join([item] * 1_000_000) + b"]}"
        answer = await farm.http.post("/v1/models", content=body, headers=JSON)
        assert "lists and objects" in problem_of(answer, 413, "too-large")["detail"]

    async def test_other_requests_are_served_beside_a_large_one(self, farm: ApiFarm) -> None:
        async with beating() as turns:
            sent = asyncio.create_task(farm.http.post("/v1/models", content=manifest_of(30_000), headers=JSON))
            await until(lambda: farm.app.state.services.manifests.taken(farm.project_id) == 1)
            before = len(turns)
            assert (await farm.http.get("/v1/me")).status_code == 200
            assert len(turns) > before
            problem_of(await sent, 422, "invalid-input")  # its blobs are lacking

    async def test_large_ones_of_a_project_have_so_many_places(self, farm: ApiFarm) -> None:
        services = farm.app.state.services
        with ExitStack() as stack:
            for _ in range(services.settings.max_manifests_per_project):
                stack.enter_context(services.manifests.take(farm.project_id))
            answer = await farm.http.post("/v1/models", content=manifest_of(3000), headers=JSON)
            problem_of(answer, 429, "too-many-at-once")
            small = await farm.http.post("/v1/models", content=manifest_of(3), headers=JSON)
            problem_of(small, 422, "invalid-input")
