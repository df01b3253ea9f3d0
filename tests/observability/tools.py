"""Prometheus' own tools, as `.ci/prometheus-tools` brings them."""

from __future__ import annotations

import functools
import subprocess
from pathlib import Path
from typing import Any

import yaml

from observability.names import EXPORTERS, RAY, RAY_WITH_CARDS, own

ROOT = Path(__file__).resolve().parents[2]
OBSERVABILITY = ROOT / "observability"
RULES = OBSERVABILITY / "prometheus" / "rules"
TESTS = OBSERVABILITY / "prometheus" / "tests"
KNOWN = own() | RAY | RAY_WITH_CARDS | EXPORTERS
"""Every metric that a rule or a panel may ask for, with its labels."""


@functools.cache
def folder() -> Path:
    done = subprocess.run([ROOT / ".ci" / "prometheus-tools"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return Path(done.stdout.strip())


def run(tool: str, *arguments: str | Path, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    return subprocess.run([folder() / tool, *arguments], cwd=cwd, capture_output=True, text=True, check=False)


def read(path: Path) -> Any:
    return yaml.safe_load(path.read_text())


def alert_rules() -> dict[str, Any]:
    """Name to rule, as committed."""
    groups = read(RULES / "rayfarm-alerts.yaml")["groups"]
    return {rule["alert"]: rule for group in groups for rule in group["rules"]}


def recorded() -> dict[str, str]:
    """Series to expression, as committed."""
    groups = read(RULES / "rayfarm-recording.yaml")["groups"]
    return {rule["record"]: rule["expr"] for group in groups for rule in group["rules"]}
