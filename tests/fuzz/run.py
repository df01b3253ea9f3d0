"""One run of Schemathesis over the whole document: its configuration, its process, and what it found."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from tests.fuzz.addresses import Addresses
from tests.fuzz.world import ROOT, World, fuzzed_api

KNOWN_SHARE = 0.8
"""How often an address names something that there is; the rest is drawn, as everything else in a request."""

_PATIENCE_S = 120
"""For what Schemathesis does behind its time: shrinking, and the report."""

UNTOUCHED: Mapping[str, str] = {}
"""Operations that the fuzzer leaves out, and why."""

DOMAIN_REFUSES = ("2xx", "3xx", "401", "403", "404", "409", "413", "415", "422", "429")
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
    output: str

    def __str__(self) -> str:
        return (
            f"{self.output}\nfuzz: seed {self.seed}, {self.seconds} s: {self.tested} of {self.operations} operations, "
            f"{self.cases} requests, {'nothing found' if self.passed else 'FAILED'}"
        )


def run_fuzz(*, seed: int, seconds: int, only: str | None = None) -> Report:
    """Start an API, fuzz it for about ``seconds``, stop it. ``only``: a regular expression of operation ids."""
    with tempfile.TemporaryDirectory(prefix="rayfarm-fuzz-", ignore_cleanup_errors=True) as text:
        folder = Path(text)
        with fuzzed_api(folder) as world:
            return fuzz_world(world, folder, seed=seed, seconds=seconds, only=only)


def fuzz_world(world: World, folder: Path, *, seed: int, seconds: int, only: str | None = None) -> Report:
    """Fuzz an API that answers, with what ``folder`` holds beside it."""
    headers = {"Authorization": f"Bearer {world.key}"}
    with httpx.Client(base_url=world.url, headers=headers, timeout=30) as http:
        me = str(http.get("/v1/me").raise_for_status().json()["id"])
        known = Addresses(world.document, http, avoid=[me]).of_operations()
    report = folder / "report.json"
    configuration = folder / "schemathesis.toml"
    configuration.write_text(configuration_of(known))
    command = [sys.executable, "-m", "schemathesis.cli", "--config-file", str(configuration), "run"]
    command += [f"{world.url}/openapi.json", "--seed", str(seed), "--max-time", str(seconds), "--no-color"]
    command += ["--report", "json", "--report-json-path", str(report)]
    if only:
        command += ["--include-operation-id-regex", only]
    environment = {**os.environ, "FUZZ_KEY": world.key}
    done = subprocess.run(
        command,
        cwd=folder,
        env={**environment, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=seconds + _PATIENCE_S,
        check=False,
    )
    found: dict[str, Any] = json.loads(report.read_text()) if report.exists() else {}
    operations = found.get("operations") or {}
    bugs = [line for line in world.log.read_text(errors="replace").splitlines() if "api.bug" in line]
    return Report(
        seed=seed,
        seconds=seconds,
        passed=done.returncode == 0 and not bugs,
        operations=operations.get("total", 0),
        tested=operations.get("tested", 0),
        cases=(found.get("test_cases") or {}).get("generated", 0),
        output="\n".join([done.stdout, *bugs[:5]]),
    )


def configuration_of(known: Mapping[str, Mapping[str, list[str]]]) -> str:
    """Schemathesis' own file of settings. ``known``: values of path parameters by operation."""
    lines = [
        'headers = { Authorization = "Bearer ${FUZZ_KEY}" }',
        "workers = 2",
        "request-timeout = 20.0",
        "continue-on-failure = true",
        "",
        "[checks.positive_data_acceptance]",
        f"expected-statuses = {json.dumps(DOMAIN_REFUSES)}",
        "",
    ]
    dictionaries: list[str] = []
    operations: list[str] = []
    for operation, parameters in known.items():
        bindings = []
        for name, values in parameters.items():
            if values:
                dictionary = f"{operation}_{name}"
                dictionaries += [f"[dictionaries.{dictionary}]", f"values = {json.dumps(values)}", ""]
                bindings.append(f'"path.{name}" = {{ dictionary = "{dictionary}", probability = {KNOWN_SHARE} }}')
        if bindings:
            operations += ["[[operations]]", f'include-operation-id = "{operation}"']
            operations += [f"parameters = {{ {', '.join(bindings)} }}", ""]
    for operation in UNTOUCHED:
        operations += ["[[operations]]", f'include-operation-id = "{operation}"', "enabled = false", ""]
    return "\n".join([*lines, *dictionaries, *operations])
