"""checkov over ``terraform/``: clean, or with a reason beside the line (``test_policy.py`` reads them)."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.terraform.toolchain import ROOT, TREE

CHECKOV = "checkov==3.3.30"
"""Run by uv in an environment of its own: its hundred dependencies must not decide about ours."""


def test_checkov_finds_nothing() -> None:
    uv = Path(sys.executable).with_name("uv")
    if not uv.exists():
        pytest.fail(f"{uv} is not here: run `make setup`.")
    # Without --skip-download it asks a host of its maker for more rules.
    options = ("--framework", "terraform", "--skip-download", "--compact", "--quiet", "-o", "json")
    done = subprocess.run(
        [uv, "tool", "run", "--from", CHECKOV, "checkov", "-d", TREE, *options],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    try:
        told = json.loads(done.stdout)
    except ValueError:
        pytest.fail(f"checkov did not run: {done.stdout[-1000:]}{done.stderr[-1000:]}")
    failed = [
        f"{one['check_id']} {one['resource']} {one['file_path']}:{one['file_line_range'][0]}: {one['check_name']}"
        for one in told["results"]["failed_checks"]
    ]
    assert not failed
    assert told["summary"]["passed"] > 700
    assert not told["summary"]["parsing_errors"]
