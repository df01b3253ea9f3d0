"""The whole farm of prod on a mocked AWS: what it tells `kuberay/`, and whom it lets in."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from tests.terraform.conftest import INIT
from tests.terraform.emulator import copied
from tests.terraform.toolchain import ROOT, TREE, Terraform


def test_the_farm_of_prod_passes_its_tests(initialised: Terraform, tmp_path: Path) -> None:
    """In a copy that makes no values of secrets, as Terraform 1.11 mocks nothing that is ephemeral."""
    tree = replace(copied(initialised, tmp_path), environment=initialised.environment)
    secrets = tree.tree / "modules/secrets/main.tf"
    kept, values, _ = secrets.read_text().partition('ephemeral "')
    assert values
    secrets.write_text(kept)
    tree.run("farm", *INIT)
    done = tree.run("farm", "test", "-no-color", "-var-file=../environments/prod/terraform.tfvars", timeout_s=240)
    assert "0 failed" in done.stdout


def test_every_secret_that_the_manifests_read_is_made() -> None:
    """The role of External Secrets may read those that are made, and no other."""
    read = {
        name
        for path in sorted((ROOT / "kuberay").rglob("*.yaml"))
        for name in re.findall(r"\bkey: PREFIX/([a-z-]+)", path.read_text())
    }
    text = (TREE / "farm/main.tf").read_text()
    module = re.search(r'^module "secrets" \{\n(.*?)^\}', text, re.DOTALL | re.MULTILINE)
    assert module
    made = set(re.findall(r"^\s{4,6}([a-z-]+)\s+= [\"{]", module[1], re.MULTILINE))
    made |= set(re.findall(r"\{ ([a-z-]+) = \{ fields", module[1]))
    assert {"database", "redis", "loops", "notices"} <= read
    assert read == made


def test_backups_keep_clear_of_the_windows_of_rds() -> None:
    """AWS Backup starts no backup of RDS in a window, nor in the hour before it; each has an hour to start in."""
    data = (TREE / "modules/data/main.tf").read_text()
    windows = [
        int(begin) * 60 + int(minute)
        for begin, minute in re.findall(r'_window\s+= "(?:[a-z]{3}:)?(\d\d):(\d\d)-', data)
    ]
    backups = (TREE / "modules/backup/main.tf").read_text()
    starts = [int(hour) * 60 + int(minute) for minute, hour in re.findall(r"cron\((\d+) (\d+) ", backups)]
    within = re.search(r"start_window\s+= (\d+)", backups)
    assert len(windows) == len(starts) == 2
    assert within
    for start in starts:
        for window in windows:
            assert start + int(within[1]) <= window - 60 or start >= window + 60, (start, window)


def test_whoever_may_send_to_the_queue_may_use_its_key() -> None:
    text = (TREE / "farm/main.tf").read_text()
    for module in ("data_key", "queue"):
        block = re.search(rf'^module "{module}" \{{\n(.*?)^\}}', text, re.DOTALL | re.MULTILINE)
        assert block
        assert re.search(r"^  sender_arns\s+= var\.sender_arns$", block[1], re.MULTILINE), module
