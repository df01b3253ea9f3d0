"""The roles of pods against the calls of the code: each has what it calls, and nothing that it does not."""

from __future__ import annotations

import ast
import re

import pytest
from typing_extensions import TypeIs

from tests.terraform.toolchain import ROOT, TREE

ACTIONS = {
    "head_bucket": {"s3:ListBucket"},
    "head_object": {"s3:GetObject"},
    "get_object": {"s3:GetObject"},
    "put_object": {"s3:PutObject"},
    "delete_object": {"s3:DeleteObject"},
    "copy": {"s3:GetObject", "s3:PutObject"},
    "create_multipart_upload": {"s3:PutObject"},
    "upload_part": {"s3:PutObject"},
    "complete_multipart_upload": {"s3:PutObject"},
    "abort_multipart_upload": {"s3:AbortMultipartUpload"},
    "list_multipart_uploads": {"s3:ListBucketMultipartUploads"},
    "list_objects_v2": {"s3:ListBucket"},
    "list_parts": {"s3:ListMultipartUploadParts"},
    "receive_message": {"sqs:ReceiveMessage"},
    "delete_message": {"sqs:DeleteMessage"},
    "change_message_visibility": {"sqs:ChangeMessageVisibility"},
    "send_message": {"sqs:SendMessage"},
    "get_queue_url": {"sqs:GetQueueUrl"},
    "publish": {"sns:Publish"},
    "put_events": {"events:PutEvents"},
}
"""What AWS asks for, of each call that the code makes."""

OF_TARGETS = {"sns:Publish", "events:PutEvents"}
"""The tree makes no topic or bus for results; who names one of theirs gives the role its right (sqs.md)."""

FOLDERS = ("storage", "cluster/intake")
HOLDERS = {"_client", "_link_client", "_sqs", "client"}
NOT_CALLS = {"close", "meta", "generate_presigned_url", "get_paginator"}
OF_CUSTOMERS = {"customer_bucket.py"}
"""Its buckets have keys of their own; the farm's role has no part in it."""


def _called(folder: str) -> set[str]:
    """Methods of clients, called here or given to who calls them, and the names of pages and links that they are asked
    for."""
    found = set()
    for path in sorted((ROOT / folder).glob("*.py")):
        if path.name in OF_CUSTOMERS:
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if _is_of_a_client(node):
                found.add(node.attr)
            elif isinstance(node, ast.Call) and _is_of_a_client(node.func) and node.func.attr in NOT_CALLS:
                found |= {str(first.value) for first in node.args[:1] if isinstance(first, ast.Constant)}
    return found - NOT_CALLS


def _is_of_a_client(node: ast.AST) -> TypeIs[ast.Attribute]:
    if not isinstance(node, ast.Attribute):
        return False
    holder = node.value
    name = holder.attr if isinstance(holder, ast.Attribute) else holder.id if isinstance(holder, ast.Name) else ""
    return name in HOLDERS


def _granted(name: str) -> dict[str, set[str]]:
    """Actions of a policy's statements, with those that it takes over, by the statement's name."""
    text = (TREE / "farm/roles.tf").read_text()
    found = re.search(rf'data "aws_iam_policy_document" "{name}" \{{\n(.*?)\n\}}\n', text, re.DOTALL)
    assert found, name
    granted = {}
    for block in re.split(r"\n\s*(?:dynamic \"statement\"|statement) \{", found[1])[1:]:
        sid = re.search(r'sid\s+= "(\w+)"', block)
        assert sid, f"{name}: a statement without a name"
        granted[sid[1]] = set(re.findall(r'"([a-z0-9]+:[A-Za-z]+)"', block))
    for other in re.findall(r"data\.aws_iam_policy_document\.(\w+)\.json", found[1]):
        granted |= _granted(other)
    return granted


def _all(name: str) -> set[str]:
    return set().union(*_granted(name).values())


def test_every_call_of_storage_is_known_and_allowed() -> None:
    calls = _called("storage")
    assert {"put_object", "get_object", "copy", "list_parts"} <= calls
    assert not calls - set(ACTIONS), "say in ACTIONS what AWS asks for"
    needed = set().union(*(ACTIONS[call] for call in calls))
    assert needed <= _all("control")


def test_every_call_of_the_intake_is_allowed_but_those_to_targets_of_ones_own() -> None:
    calls = _called("cluster/intake")
    assert {"receive_message", "change_message_visibility", "get_queue_url", "publish"} <= calls
    needed = set().union(*(ACTIONS[call] for call in calls))
    assert needed - OF_TARGETS <= _all("control")


def test_nothing_is_allowed_that_nobody_calls() -> None:
    assert set(ACTIONS) == set().union(*(_called(folder) for folder in FOLDERS))
    known = set().union(*ACTIONS.values()) - OF_TARGETS | {"kms:Decrypt", "kms:GenerateDataKey", "s3:GetObjectVersion"}
    for role in ("control", "renderer"):
        assert not _all(role) - known, role


def test_the_intake_is_what_its_page_says() -> None:
    page = (ROOT / "docs/operations/sqs.md").read_text()
    asked = set(re.findall(r'"(sqs:[A-Za-z]+)"', page))
    assert asked == {action for action in _all("control") if action.startswith("sqs:")}


def test_a_renderer_changes_no_model_and_knows_no_queue() -> None:
    granted = _granted("renderer")
    assert granted["Models"] == {"s3:GetObject"}
    assert not {action for action in _all("renderer") if action.startswith(("sqs:", "secretsmanager:"))}


@pytest.mark.parametrize("role", ["control", "renderer"])
def test_no_role_of_the_farm_changes_rights_or_the_bucket_itself(role: str) -> None:
    for action in _all(role):
        assert not re.search(r"Policy|Acl|Bucket(?!MultipartUploads$)|iam:|sts:", action) or action == "s3:ListBucket"


def test_service_accounts_are_those_of_the_manifests() -> None:
    named = set(re.findall(r'service_account = "(rayfarm-[a-z]+)"', (TREE / "farm/roles.tf").read_text()))
    assert named == {"rayfarm-control", "rayfarm-renderer"}, "a batch driver has a project's key, and asks AWS nothing"
    made = {
        name
        for path in (ROOT / "kuberay").rglob("*.yaml")
        for name in re.findall(r"name: (rayfarm-[a-z]+)$", path.read_text(), re.M)
    }
    assert named <= made
