"""One run of Schemathesis over the whole document: its configuration, its process, and what it found."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from pipelines.fake.settings import FakeSettings
from tests.fuzz.addresses import Addresses, Value
from tests.fuzz.world import ROOT, World, fuzzed_api

KNOWN_SHARE = 0.8
"""How often an address names something that there is; the rest is drawn, as everything else in a request."""

_PATIENCE_S = 120
"""For what Schemathesis does behind its time: shrinking, and the report."""

UNTOUCHED: Mapping[str, str] = {
    "set_maintenance": "every change answers 503 from then on",
    "test_destination": "it connects to servers elsewhere",
}
"""Operations that the fuzzer leaves out, and why. They have tests of their own."""

DOMAIN_REFUSES = ("2xx", "3xx", "401", "403", "404", "406", "409", "412", "413", "415", "422", "429")
"""Answers to a request that is valid by its schema. 422 is among them: that a frame list ends before a million, that a
model has been uploaded, that a deadline lies ahead, no JSON Schema says."""


@dataclass(frozen=True, slots=True)
class Report:
    """What a run came to."""

    seed: int
    seconds: int
    passed: bool
    operations: int
    tested: int
    cases: int
    never_accepted: tuple[str, ...]
    """Operations of which no valid request was answered with success."""
    output: str

    def __str__(self) -> str:
        return (
            f"{self.output}\nfuzz: seed {self.seed}, {self.seconds} s: {self.tested} of {self.operations} operations, "
            f"{self.cases} requests, {'nothing found' if self.passed else 'FAILED'}\n"
            f"never answered with success: {', '.join(self.never_accepted) or 'none'}"
        )


def run_fuzz(*, seed: int, seconds: int, only: str | None = None) -> Report:
    """Start an API, fuzz it for about ``seconds``, stop it. ``only``: a regular expression of operation ids."""
    with tempfile.TemporaryDirectory(prefix="rayfarm-fuzz-", ignore_cleanup_errors=True) as text:
        folder = Path(text)
        with fuzzed_api(folder) as world:
            return fuzz_world(world, folder, seed=seed, seconds=seconds, only=only)


def fuzz_world(world: World, folder: Path, *, seed: int, seconds: int, only: str | None = None) -> Report:
    """Fuzz an API that answers, with what ``folder`` holds beside it: the edges of each operation's
    schema, then draws from it, then walks along the links between operations, each for a third of the time, so that a
    slow machine comes to all. With ``only`` there are no walks."""
    headers = {"Authorization": f"Bearer {world.key}"}
    with httpx.Client(base_url=world.url, headers=headers, timeout=30) as http:
        me = str(http.get("/v1/me").raise_for_status().json()["id"])
        used_up = [str(value) for places in world.kept.values() for values in places.values() for value in values]
        known = Addresses(world.document, http, unlisted=world.unlisted, avoid=[me, *used_up]).of_operations()
    configuration = folder / "schemathesis.toml"
    configuration.write_text(configuration_of(known, world))
    (folder / "openapi.json").write_text(json.dumps(narrowed(world)))
    rounds = ["examples,coverage", "fuzzing", *(["stateful"] if only is None else [])]
    parts = [
        _run(world, folder, phases, seed=seed, seconds=max(1, seconds // len(rounds)), only=only) for phases in rounds
    ]
    bugs = [line for line in world.log.read_text(errors="replace").splitlines() if "api.bug" in line]
    return Report(
        seed=seed,
        seconds=seconds,
        passed=all(code == 0 for code, _, _ in parts) and not bugs,
        operations=parts[0][1]["operations"]["total"],
        tested=max(found["operations"]["tested"] for _, found, _ in parts),
        cases=sum(found["test_cases"]["generated"] for _, found, _ in parts),
        never_accepted=never_accepted(*(found for _, found, _ in parts)),
        output="\n".join([*(output for _, _, output in parts), *bugs[:5]]),
    )


def _run(
    world: World, folder: Path, phases: str, *, seed: int, seconds: int, only: str | None
) -> tuple[int, dict[str, Any], str]:
    report = folder / "report.json"
    report.unlink(missing_ok=True)
    command = [sys.executable, "-m", "schemathesis.cli", "--config-file", str(folder / "schemathesis.toml"), "run"]
    command += [
        str(folder / "openapi.json"),
        "--url",
        world.url,
        "--phases",
        phases,
        "--seed",
        str(seed),
        "--max-time",
        str(seconds),
    ]
    command += ["--generation-database", "none", "--no-color", "--report", "json", "--report-json-path", str(report)]
    if only:
        command += ["--include-operation-id-regex", only]
    done = subprocess.run(
        command,
        cwd=ROOT,  # where Hypothesis keeps its tables of Unicode, which take seconds to make
        env={
            **os.environ,
            "FUZZ_KEY": world.key,
            "SCHEMATHESIS_HOOKS": "tests.fuzz.hooks",
            "PYTHONPATH": str(ROOT),
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=seconds + _PATIENCE_S,
        check=False,
    )
    if not report.exists() or not report.stat().st_size:
        raise RuntimeError(f"Schemathesis did not run: {done.stdout}")
    return done.returncode, json.loads(report.read_text()), done.stdout


def narrowed(world: World) -> dict[str, Any]:
    """The document with what it leaves to a pipeline said for the one that needs no scene: any object is a job's
    settings by the document, and next to none is by a pipeline. Whole bodies and what one operation
    alone may use stand in it as examples, which are sent whatever is drawn."""
    copy: dict[str, Any] = json.loads(json.dumps(world.document))
    for operation in _operations(copy):
        name = operation["operationId"]
        if seeds := world.bodies.get(name):
            operation["requestBody"]["content"]["application/json"]["examples"] = _examples(seeds)
        for parameter in operation.get("parameters", []):
            if seeds := world.kept.get(name, {}).get(f"{parameter['in']}.{parameter['name']}"):
                parameter["examples"] = _examples(seeds)
    schema = FakeSettings.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas = copy.get("components", {}).get("schemas", {})
    schemas.update(schema.pop("$defs", {}))
    if "JobSpec" in schemas:
        schemas["JobSpec"]["properties"]["settings"] = schema
    return copy


def _examples(seeds: Sequence[Any]) -> dict[str, Any]:
    return {f"seed {number}": {"value": seed} for number, seed in enumerate(seeds)}


def never_accepted(*reports: Mapping[str, Any]) -> tuple[str, ...]:
    """Operations of which no valid request was answered with success: what lies behind their checks was not met."""
    accepted: Counter[str] = Counter()
    for report in reports:
        for label, phases in report["valid_rates"].items():
            accepted[label] += sum(rate["accepted"] for rate in phases.values())
    return tuple(sorted(label for label, count in accepted.items() if not count))


def configuration_of(known: Mapping[str, Mapping[str, list[Value]]], world: World) -> str:
    """Schemathesis' own file of settings. ``known``: values of path parameters by operation."""
    unlisted, document = world.unlisted, world.document
    lines = [
        'headers = { Authorization = "Bearer ${FUZZ_KEY}" }',
        "workers = 1",  # two threads meet in CPython < 3.11.8: "AST constructor recursion depth mismatch" (gh-106905)
        "request-timeout = 20.0",
        "continue-on-failure = true",
        "",
        "[cache]",
        "enabled = false",
        "",
        "[checks.positive_data_acceptance]",
        f"expected-statuses = {json.dumps(DOMAIN_REFUSES)}",
        "",
    ]
    dictionaries: list[str] = []
    operations: list[str] = []
    for operation in _operations(document):
        name = operation["operationId"]
        if name in UNTOUCHED:
            continue
        values = {f"path.{parameter}": found for parameter, found in known.get(name, {}).items()}
        values |= {f"body.{field}": unlisted[field] for field in _fields(operation, document) if field in unlisted}
        values |= {
            f"{parameter['in']}.{parameter['name']}": unlisted[parameter["name"]]
            for parameter in operation.get("parameters", [])
            if parameter["in"] != "path" and parameter["name"] in unlisted
        }
        values |= world.kept.get(name, {})
        bindings = []
        for place, entries in values.items():
            if entries:
                dictionary = f"{name}_{place.replace('.', '_')}"
                dictionaries += [f"[dictionaries.{dictionary}]", f"values = {json.dumps(entries)}", ""]
                bindings.append(f'"{place}" = {{ dictionary = "{dictionary}", probability = {KNOWN_SHARE} }}')
        if bindings or name in world.callers:
            operations += ["[[operations]]", f'include-operation-id = "{name}"']
            operations += [f"parameters = {{ {', '.join(bindings)} }}"] if bindings else []
            if name in world.callers:
                operations += [f'headers = {{ Authorization = "Bearer {world.callers[name]}" }}']
            operations += [""]
    for name in UNTOUCHED:
        operations += ["[[operations]]", f'include-operation-id = "{name}"', "enabled = false", ""]
    return "\n".join([*lines, *dictionaries, *operations])


def _operations(document: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for item in document["paths"].values():
        yield from item.values()


def _fields(operation: Mapping[str, Any], document: Mapping[str, Any]) -> set[str]:
    """Of its body of JSON, of each form that it may have."""
    schema = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
    fields: set[str] = set()
    left = [schema]
    while left:
        one = left.pop()
        if "$ref" in one:
            one = document["components"]["schemas"][one["$ref"].rpartition("/")[2]]
        fields |= set(one.get("properties", {}))
        left += [*one.get("anyOf", []), *one.get("oneOf", [])]
    return fields
