"""The page of the audit log names every action, and its check of an export is the one that holds."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from db.audit.chain import HASHED, digest_of
from jobs.fingerprint import canonical_json
from serve_app.audit.actions import ACTIONS, BESIDE_ROUTES

PAGE = (Path(__file__).resolve().parents[2] / "docs/operations/audit.md").read_text()


def test_every_action_is_on_the_page_and_no_other() -> None:
    table = PAGE.split("| Action | When |")[1].split("\n\n")[0]
    assert set(re.findall(r"`([a-z_]+\.[a-z_]+)`", table)) == {*ACTIONS.values(), *BESIDE_ROUTES}


def _export(*, spoiled: bool) -> bytes:
    lines, previous = [], bytes(32)
    for seq in (1, 2, 3):
        entry = {**dict.fromkeys(HASHED), "id": seq, "actor_name": "Größe \U0001f98a", "after": {"weight": 1.5}}
        previous = digest_of(previous, seq, entry)
        shown = {**entry, "seq": seq, "sha256": previous.hex()}
        lines.append(canonical_json({**shown, "actor_name": "eve"} if spoiled and seq == 2 else shown) + b"\n")
    return b"".join(lines)


def test_the_check_on_the_page_accepts_a_whole_export_and_finds_the_spoiled_line() -> None:
    script = PAGE.split("```python\n")[1].split("```")[0]
    checks = {
        spoiled: subprocess.run(
            [sys.executable, "-X", "utf8", "-c", script],
            input=_export(spoiled=spoiled),
            capture_output=True,
            check=False,
        )
        for spoiled in (False, True)
    }
    assert checks[False].returncode == 0, checks[False].stderr
    assert b"AssertionError: 2" in checks[True].stderr
