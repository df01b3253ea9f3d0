"""The whole farm, planned, applied to a local server of AWS's protocol, asked for with boto3, and destroyed.

moto is no AWS: it knows no rights, and some resources not at all (``var.emulated``, listed in
``docs/operations/terraform.md``). It is applied to once: a second plan shows differences that are moto's own.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from cluster.intake.settings import IntakeSettings
from serve_app.settings import ApiSettings
from storage.settings import StorageSettings
from tests.terraform.conftest import INIT
from tests.terraform.emulator import ACCOUNT, Emulator, copied, point_at, running_emulator, stand_in_for_the_cluster
from tests.terraform.toolchain import ROOT, Terraform

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1500)]

APPLY_TIMEOUT_S = 900
DOMAIN = "farm.example.org"
PAGE = ROOT / "docs/operations/terraform.md"


@dataclass(frozen=True)
class Made:
    """What apply left."""

    emulator: Emulator
    outputs: dict
    resources: list[dict]


def _resources(module: dict) -> Iterator[dict]:
    yield from module.get("resources", [])
    for child in module.get("child_modules", []):
        yield from _resources(child)


@pytest.fixture(scope="module")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    with running_emulator(tmp_path_factory.mktemp("moto")) as running:
        yield running


@pytest.fixture(scope="module")
def zone_id(emulator: Emulator) -> str:
    made = emulator.client("route53").create_hosted_zone(Name="example.org", CallerReference="test")
    return made["HostedZone"]["Id"].rpartition("/")[2]


@pytest.fixture(scope="module")
def tree(initialised: Terraform, emulator: Emulator, tmp_path_factory: pytest.TempPathFactory) -> Terraform:
    """The farm with its state in the emulator's S3, as in AWS. Not in the bucket that ``bootstrap`` makes: moto refuses
    everything where a policy refuses plain HTTP, whatever its condition says."""
    tree = copied(initialised, tmp_path_factory.mktemp("emulated"))
    bucket = "state-of-the-test"
    emulator.client("s3").create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    point_at(tree, "farm", emulator)
    stand_in_for_the_cluster(tree)
    (tree.tree / "farm/backend_override.tf").write_text(
        'terraform {\n  backend "s3" {\n    use_path_style = true\n    skip_credentials_validation = true\n'
        "    skip_metadata_api_check = true\n"
        f'    endpoints = {{ s3 = "{emulator.url}", sts = "{emulator.url}" }}\n  }}\n}}\n'
    )
    tree.run(
        "farm", "init", "-input=false", "-no-color", "-backend-config=../environments/prod/backend.hcl",
        f"-backend-config=bucket={bucket}",
    )  # fmt: skip
    return tree


def _arguments(zone_id: str, environment: str = "prod") -> tuple[str, ...]:
    values = ("-var", f"domain_name={DOMAIN}", "-var", f"zone_id={zone_id}", "-no-color", "-input=false")
    return (f"-var-file=../environments/{environment}/terraform.tfvars", *values)


@pytest.fixture(scope="module")
def made(tree: Terraform, zone_id: str, emulator: Emulator) -> Made:
    arguments = (*_arguments(zone_id), "-var", "emulated=true", "-var", "intake=true", "-auto-approve")
    tree.run("farm", "apply", *arguments, timeout_s=APPLY_TIMEOUT_S)
    state = tree.json("farm", "show", "-json")["values"]
    outputs = {name: output["value"] for name, output in state["outputs"].items()}
    return Made(emulator=emulator, outputs=outputs, resources=list(_resources(state["root_module"])))


def table(resources: list[dict]) -> str:
    """What applied, by module and type: the table of docs/operations/terraform.md."""
    modules: dict[str, Counter[str]] = {}
    for one in resources:
        if one["mode"] == "managed" and one["name"] != "emulated":
            name = re.sub(r"\[.*?\]", "", one["address"].split(".")[1])
            modules.setdefault(name, Counter())[one["type"].removeprefix("aws_")] += 1
    rows = [
        f"| {name} | {', '.join(f'{kind} {n}' for kind, n in sorted(modules[name].items()))} |"
        for name in sorted(modules)
    ]
    return "\n".join(["| module | applied |", "|---|---|", *rows])


def test_what_applied_is_what_the_page_says(made: Made) -> None:
    text = table(made.resources)
    print(text)
    assert text in PAGE.read_text(), "put the table above into the page"


def test_the_product_takes_the_settings(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in made.outputs["rayfarm_settings"].items():
        monkeypatch.setenv(name, value)
    assert IntakeSettings().queue_url is None, "a farm whose key for the queue is yet to be made would not start"
    for name, value in made.outputs["rayfarm_loops"].items():
        monkeypatch.setenv(name, value)
    key = made.outputs["rayfarm_secrets"]["RAYFARM_INTAKE_API_KEY"]
    assert key["secret"] == "rayfarm-prod/loops"
    monkeypatch.setenv(key["field"], "rf_test")
    storage, intake, api = StorageSettings(), IntakeSettings(), ApiSettings()
    assert (storage.bucket, storage.prefix) == (f"rayfarm-prod-objects-{ACCOUNT}", "farm/")
    assert intake.queue_url is not None
    assert intake.queue_url.endswith("/rayfarm-prod-jobs")
    assert str(api.public_url).rstrip("/") == f"https://{DOMAIN}"


def test_no_secret_is_in_the_state_and_all_are_in_their_place(made: Made, tree: Terraform) -> None:
    secrets = made.emulator.client("secretsmanager")
    state = tree.run("farm", "state", "pull").stdout
    for name, fields in {
        "keys": {"api_token_key", "webhook_key"},
        "ray": {"auth_token"},
        "redis": {"password"},
    }.items():
        value = json.loads(secrets.get_secret_value(SecretId=f"rayfarm-prod/{name}")["SecretString"])
        assert set(value) - fields == (
            {"api_previous_token_keys", "webhook_previous_keys"} if name == "keys" else set()
        )
        assert {value[field] for field in set(value) - fields} <= {"[]"}
        for field in fields:
            assert len(value[field]) == 64
            assert value[field] not in state


def test_buckets_are_closed_encrypted_and_copied(made: Made) -> None:
    s3 = made.emulator.client("s3")
    names = {bucket["Name"] for bucket in s3.list_buckets()["Buckets"] if bucket["Name"].startswith("rayfarm-prod-")}
    assert {f"rayfarm-prod-{kind}-{ACCOUNT}" for kind in ("objects", "copies", "logs", "copy-logs")} == names
    for name in names:
        assert set(s3.get_public_access_block(Bucket=name)["PublicAccessBlockConfiguration"].values()) == {True}
        assert s3.get_bucket_encryption(Bucket=name)["ServerSideEncryptionConfiguration"]["Rules"]
        refusal = json.loads(s3.get_bucket_policy(Bucket=name)["Policy"])["Statement"][-1]
        assert (refusal["Effect"], refusal["Condition"]) == ("Deny", {"Bool": {"aws:SecureTransport": "false"}})
    objects = f"rayfarm-prod-objects-{ACCOUNT}"
    assert s3.get_bucket_versioning(Bucket=objects)["Status"] == "Enabled"
    rule = s3.get_bucket_replication(Bucket=objects)["ReplicationConfiguration"]["Rules"][0]
    assert rule["Destination"]["Bucket"] == f"arn:aws:s3:::rayfarm-prod-copies-{ACCOUNT}"
    assert s3.get_bucket_logging(Bucket=objects)["LoggingEnabled"]["TargetBucket"] == f"rayfarm-prod-logs-{ACCOUNT}"


def test_the_bucket_of_the_state_can_be_made_first(tree: Terraform, made: Made) -> None:
    point_at(tree, "bootstrap", made.emulator)
    tree.run("bootstrap", *INIT)
    tree.run("bootstrap", "apply", "-auto-approve", "-no-color", "-var", "region=eu-central-1", timeout_s=300)
    bucket = tree.json("bootstrap", "output", "-json")["bucket"]["value"]
    s3 = made.emulator.client("s3")
    assert s3.get_bucket_versioning(Bucket=bucket)["Status"] == "Enabled"
    [rule] = s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"]
    assert rule["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"] == "aws:kms"


def test_a_message_that_kills_the_farm_ends_in_the_dead_letter_queue(made: Made) -> None:
    sqs = made.emulator.client("sqs")
    settings = made.outputs["rayfarm_loops"]
    url = settings["RAYFARM_INTAKE_QUEUE_URL"]
    redrive = json.loads(
        sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["RedrivePolicy"])["Attributes"]["RedrivePolicy"]
    )
    assert int(redrive["maxReceiveCount"]) > int(settings["RAYFARM_INTAKE_MAX_RECEIVES"])
    assert redrive["deadLetterTargetArn"].endswith(":rayfarm-prod-refused")


def test_the_database_is_as_safe_as_it_was_asked_for(made: Made) -> None:
    [database] = made.emulator.client("rds").describe_db_instances()["DBInstances"]
    assert database["MultiAZ"]
    assert database["StorageEncrypted"]
    assert not database["PubliclyAccessible"]
    assert database["DeletionProtection"]
    assert database["BackupRetentionPeriod"] == 35
    assert "SecretArn" in database["MasterUserSecret"]


def test_no_security_group_is_open_to_the_world(made: Made) -> None:
    for group in made.emulator.client("ec2").describe_security_groups()["SecurityGroups"]:
        for permission in group["IpPermissions"]:
            assert "0.0.0.0/0" not in [one["CidrIp"] for one in permission["IpRanges"]], group["GroupName"]


def test_roles_trust_this_cluster_and_hold_no_wildcard(made: Made) -> None:
    iam = made.emulator.client("iam")
    looks = re.compile(r"^[a-z0-9]+:(Describe|Get)[A-Za-z]+$")
    for name in ("control", "renderer", "external-secrets", "cluster-autoscaler", "load-balancer"):
        role = iam.get_role(RoleName=f"rayfarm-prod-{name}")["Role"]["AssumeRolePolicyDocument"]["Statement"]
        trust = role[0] if isinstance(role, list) else role
        assert trust["Condition"]["ArnEquals"]["aws:SourceArn"].endswith(":cluster/rayfarm-prod")
        policy = iam.get_role_policy(RoleName=f"rayfarm-prod-{name}", PolicyName="work")["PolicyDocument"]
        for statement in policy["Statement"]:
            actions = [statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"]
            assert not [action for action in actions if "*" in action]
            if statement["Resource"] == "*":
                assert not [action for action in actions if not looks.match(action)], name


def test_nodes_with_cards_cost_nothing_while_idle(made: Made) -> None:
    eks = made.emulator.client("eks")
    for name in ("gpu-on-demand", "gpu-spot"):
        group = eks.describe_nodegroup(clusterName="rayfarm-prod", nodegroupName=name)["nodegroup"]
        assert group["scalingConfig"]["desiredSize"] == 0
        assert group["labels"]["rayfarm.io/pool"] == name


def test_alarms_ring_somewhere(made: Made) -> None:
    alarms = made.emulator.client("cloudwatch").describe_alarms()["MetricAlarms"]
    assert len(alarms) > 15
    for alarm in alarms:
        assert alarm["AlarmActions"], alarm["AlarmName"]
        assert "/runbooks/" in alarm["AlarmDescription"]


def test_prod_refuses_what_prod_must_not_be(tree: Terraform, zone_id: str) -> None:
    bad = {
        "protected": "false",
        "replicated": "false",
        "backup": "null",
        "alarm_emails": "[]",
        "replica_region": "eu-central-1",
        "secret_generation": '{"database": 2}',
    }
    arguments = [part for name, value in bad.items() for part in ("-var", f"{name}={value}")]
    done = tree.run("farm", "plan", *_arguments(zone_id), *arguments, "-lock=false", timeout_s=300, check=False)
    assert done.returncode == 1
    for name in bad:
        assert f"{name}: " in done.stderr, name


def test_everything_is_planned_also_what_cannot_be_applied_here(
    tree: Terraform, zone_id: str, made: Made, tmp_path: Path
) -> None:
    plain = copied(tree, tmp_path)
    point_at(plain, "farm", made.emulator)
    (plain.tree / "farm/backend_override.tf").write_text('terraform {\n  backend "local" {}\n}\n')
    plain.run("farm", "init", "-input=false", "-no-color")
    arguments = (*_arguments(zone_id, "stage"), "-refresh=false", "-out=stage.tfplan")
    plain.run("farm", "plan", *arguments, timeout_s=400)
    planned = plain.json("farm", "show", "-json", "stage.tfplan")["planned_values"]["root_module"]
    kinds = {one["type"] for one in _resources(planned) if one["mode"] == "managed"}
    applied = {one["type"] for one in made.resources}
    assert kinds - applied >= {
        "aws_cloudfront_vpc_origin",
        "aws_eks_addon",
        "aws_eks_pod_identity_association",
        "aws_elasticache_replication_group",
    }


def test_it_is_destroyed_but_for_what_is_protected_until_somebody_takes_the_protection_off(
    made: Made, tree: Terraform, zone_id: str
) -> None:
    """As docs/operations/terraform.md says it. The last test of this file: nothing is left for another."""
    arguments = ("-auto-approve", *_arguments(zone_id), "-var", "emulated=true")
    refused = tree.run("farm", "destroy", *arguments, timeout_s=APPLY_TIMEOUT_S, check=False)
    assert refused.returncode == 1
    assert "Cannot delete protected DB Instance" in refused.stderr
    databases = made.emulator.client("rds")
    [database] = databases.describe_db_instances()["DBInstances"]

    databases.modify_db_instance(
        DBInstanceIdentifier=database["DBInstanceIdentifier"], DeletionProtection=False, ApplyImmediately=True
    )
    tree.run("farm", "destroy", *arguments, timeout_s=APPLY_TIMEOUT_S)
    assert tree.run("farm", "state", "list").stdout == ""
    assert databases.describe_db_instances()["DBInstances"] == []
    kept = [snapshot["DBSnapshotIdentifier"] for snapshot in databases.describe_db_snapshots()["DBSnapshots"]]
    assert kept, "what is protected leaves a last snapshot"
    buckets = [bucket["Name"] for bucket in made.emulator.client("s3").list_buckets()["Buckets"]]
    assert [name for name in buckets if name.startswith("rayfarm-prod-")] == []
    assert made.emulator.client("sqs").list_queues(QueueNamePrefix="rayfarm-prod-").get("QueueUrls", []) == []
    assert "rayfarm-prod" not in made.emulator.client("eks").list_clusters()["clusters"]
