"""What must hold in every file of ``terraform/``, read as text: it needs neither Terraform nor a provider."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.terraform.toolchain import ROOT, TREE

FILES = sorted(
    path
    for path in TREE.rglob("*")
    if path.suffix in (".tf", ".hcl", ".tfvars") and not {".terraform", ".terraform.lock.hcl"} & set(path.parts)
)
SOURCES = [path for path in FILES if path.suffix == ".tf"]
MAX_LINES = 400

STAR = re.compile(r'"(\*|[a-z0-9-]+:\*|[^"]*:\*)"')
"""Every action, every resource, or all that begins so."""


EXCEPTION = re.compile(r"checkov:skip")


def _lines(pattern: re.Pattern[str], files: list[Path]) -> Iterator[tuple[str, str]]:
    for path in files:
        for number, line in enumerate(path.read_text().splitlines(), 1):
            if pattern.search(line) and (pattern is EXCEPTION or not line.lstrip().startswith("#")):
                yield f"{path.relative_to(ROOT)}:{number}", line


def _unexplained(text: str) -> bool:
    return STAR.search(text) is not None and re.search(r"# wildcard: \S+ \S+ \S+", text) is None


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ('actions = ["s3:*"]', True),
        ('resources = ["*"]', True),
        ('resources = ["${arn}:*"]', True),
        ('resources = ["*"] # wildcard:', True),
        ('resources = ["*"] # wildcard: a refusal of everybody', False),
        ('resources = ["${bucket}/blobs/*"]', False),
        ('actions = ["s3:GetObject"]', False),
    ],
)
def test_what_counts_as_a_wildcard(line: str, found: bool) -> None:
    assert _unexplained(line) is found


def test_no_wildcard_without_a_reason() -> None:
    assert not [where for where, line in _lines(STAR, SOURCES) if _unexplained(line)]


def test_no_account_and_no_secret() -> None:
    number = re.compile(r"\b(?!0{12}\b)\d{12}\b")
    assert not [where for where, _ in _lines(number, FILES)]
    secret = re.compile(r'\b(password|secret_string|auth_token|access_key|secret_key)\s*=\s*"(?!none")')
    assert not [where for where, _ in _lines(secret, FILES)]


def test_no_machine_or_registry_is_named() -> None:
    place = re.compile(r'^\s+source\s*=\s*"(?!hashicorp/aws"|\.\./)')
    assert not [where for where, _ in _lines(place, SOURCES)]


def test_every_exception_of_the_linter_has_a_reason() -> None:
    reason = re.compile(r"#checkov:skip=CKV2?_AWS_\d+: \S+( \S+){3,}")
    assert not [where for where, line in _lines(EXCEPTION, SOURCES) if not reason.search(line)]


def test_no_port_is_open_to_the_world() -> None:
    for path in SOURCES:
        for block in re.findall(r'resource "aws_vpc_security_group_ingress_rule".*?\n}\n', path.read_text(), re.DOTALL):
            assert "0.0.0.0/0" not in block, path
            assert "::/0" not in block, path
        assert "ingress {" not in path.read_text(), path


def test_every_bucket_is_one_of_the_module() -> None:
    made = [path.relative_to(TREE).parts[:2] for path in SOURCES if 'resource "aws_s3_bucket" ' in path.read_text()]
    assert made == [("modules", "bucket")]


def test_every_variable_and_output_says_what_it_is() -> None:
    for path in SOURCES:
        for kind, name, body in re.findall(
            r'^(variable|output) "(\w+)" \{(.*?)^\}', path.read_text(), re.DOTALL | re.MULTILINE
        ):
            assert "description" in body, f"{path}: {kind} {name}"
            assert kind == "output" or re.search(r"^\s+type ", body, re.MULTILINE), f"{path}: {name} has no type"


def test_every_refusal_says_what_to_do() -> None:
    for path in SOURCES:
        for message in re.findall(r'error_message = "(.*)"', path.read_text()):
            assert len(message.partition(": ")[2]) > 8, f"{path}: {message}"


def test_every_setting_is_one_of_the_farms() -> None:
    known = set(re.findall(r"`(RAYFARM_[A-Z0-9_]+)`", (ROOT / "docs/configuration.md").read_text()))
    named = {name for path in FILES for name in re.findall(r"RAYFARM_[A-Z0-9_]*[A-Z0-9]\b(?![_*])", path.read_text())}
    assert named
    assert not named - known


def test_every_alarm_leads_to_words() -> None:
    alarms = (TREE / "modules/observability/alarms.tf").read_text()
    linked = set(re.findall(r'runbook\s+= "([a-z-]+)"', alarms)) | set(re.findall(r"AwsAlarms\.md#([a-z-]+)", alarms))
    page = (ROOT / "docs/operations/runbooks/AwsAlarms.md").read_text()
    assert len(linked) > 8
    assert set(re.findall(r"^## ([a-z-]+)$", page, re.MULTILINE)) == linked


def test_environments_are_the_same_farm() -> None:
    names = {path.name for path in (TREE / "environments").iterdir()}
    assert names == {"dev", "test", "stage", "prod"}
    for name in names:
        folder = TREE / "environments" / name
        assert re.search(rf'^environment\s+= "{name}"$', (folder / "terraform.tfvars").read_text(), re.MULTILINE)
        state = (folder / "backend.hcl").read_text()
        assert f'"rayfarm/{name}.tfstate"' in state
        assert re.search(r"use_lockfile\s+= true", state)
        assert re.search(r"encrypt\s+= true", state)


def test_no_file_is_long() -> None:
    assert not [path for path in FILES if len(path.read_text().splitlines()) > MAX_LINES]


def test_one_version_of_the_provider_is_asked_for_everywhere() -> None:
    """Exactly; the lock that `terraform init` writes is each site's own."""
    for file in ("farm/versions.tf", "bootstrap/main.tf"):
        assert 'version = "5.100.0"' in (TREE / file).read_text()


def test_who_is_sent_to_a_log_finds_one_that_is_written() -> None:
    """Services of AWS write all groups that are made; none waits for an agent that nobody installs."""
    named = set(re.findall(r"/rayfarm/NAME/([a-z-]+)", (ROOT / "docs/operations/runbooks/AwsAlarms.md").read_text()))
    made = {name for path in SOURCES for name in re.findall(r'"/rayfarm/\$\{var\.name\}/([^"]+)"', path.read_text())}
    assert made == {"flow", "prometheus"}
    assert named <= made
