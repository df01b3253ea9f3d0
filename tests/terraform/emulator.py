"""A local server of AWS's protocol (moto), and the farm of ``terraform/`` made in it."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import boto3
from botocore.config import Config

from tests.terraform.toolchain import Terraform

ACCOUNT = "123456789012"
"""moto's own; AWS's documents use it as nobody's."""

CREDENTIALS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
"""Of the backend; the provider, which runs already, has its own in the override."""

START_TIMEOUT_S = 60
SERVICES = (
    "acm", "amp", "autoscaling", "backup", "cloudfront", "cloudwatch", "ec2", "ecr", "eks", "elasticache", "elbv2",
    "grafana", "iam", "kms", "logs", "rds", "route53", "s3", "secretsmanager", "sns", "sqs", "sts", "wafv2",
)  # fmt: skip
"""Everything that the modules call; the override below sends each of them to the server."""


REGIONS = ("eu-central-1", "eu-west-1", "us-east-1")
FIRST_CALLS = {
    "acm": "list_certificates", "amp": "list_workspaces", "backup": "list_backup_vaults",
    "cloudwatch": "describe_alarms",
    "ec2": "describe_vpcs", "ecr": "describe_repositories", "eks": "list_clusters", "elbv2": "describe_load_balancers",
    "iam": "list_roles", "kms": "list_keys", "logs": "describe_log_groups", "rds": "describe_db_instances",
    "route53": "list_hosted_zones", "s3": "list_buckets", "secretsmanager": "list_secrets",  # pragma: allowlist secret
    "sns": "list_topics",
    "sqs": "list_queues", "sts": "get_caller_identity", "cloudfront": "list_distributions",
}  # fmt: skip


class Emulator:
    """One running server."""

    def __init__(self, url: str) -> None:
        self.url = url

    def client(self, service: str, region: str = "eu-central-1"):
        return boto3.client(
            service,
            endpoint_url=self.url,
            region_name=region,
            aws_access_key_id="test",
            aws_secret_access_key="test",  # pragma: allowlist secret
            config=Config(s3={"addressing_style": "path"}, retries={"max_attempts": 2}),
        )

    def warm_up(self) -> None:
        """One call of each service and region: moto makes each on its first one, and makes two, each with a part of
        what was created, when two come at once."""
        for region in REGIONS:
            for service, call in FIRST_CALLS.items():
                getattr(self.client(service, region), call)()


@contextmanager
def running_emulator(folder: Path) -> Iterator[Emulator]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    environment["MOTO_IAM_LOAD_MANAGED_POLICIES"] = "true"  # or no policy of AWS's own can be attached
    environment["MOTO_ACM_VALIDATION_WAIT"] = "1"
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    with (folder / "moto.log").open("w") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    url = f"http://127.0.0.1:{port}"
    try:
        _wait(url, process)
        emulator = Emulator(url)
        emulator.warm_up()
        yield emulator
    finally:
        process.terminate()
        process.wait(20)


def _wait(url: str, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < until and process.poll() is None:
        try:
            urllib.request.urlopen(f"{url}/moto-api/", timeout=2)
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
        else:
            return
    raise AssertionError("moto did not start.")


def point_at(terraform: Terraform, folder: str, emulator: Emulator) -> None:
    """Writes an override, which Terraform merges into the folder's providers, so that none of it is in the product."""
    endpoints = "\n".join(f'    {service} = "{emulator.url}"' for service in SERVICES)
    aliases = ("", '  alias = "replica"\n', '  alias = "us_east_1"\n') if folder == "farm" else ("",)
    settings = (
        'access_key = "test"',
        'secret_key = "test"',  # pragma: allowlist secret
        "max_retries = 2",
        "s3_use_path_style = true",
        "skip_credentials_validation = true",
        "skip_metadata_api_check = true",
    )
    body = "".join(f"  {line}\n" for line in settings) + f"  endpoints {{\n{endpoints}\n  }}\n"
    blocks = [f'provider "aws" {{\n{alias}{body}}}\n' for alias in aliases]
    (terraform.tree / folder / "emulator_override.tf").write_text("".join(blocks))


def stand_in_for_the_cluster(terraform: Terraform) -> None:
    """moto's clusters name a security group that moto's EC2 does not have; here is one, in the copy of the tree."""
    module = terraform.tree / "modules/eks"
    (module / "emulator.tf").write_text(
        'data "aws_subnet" "emulated" {\n  id = var.subnet_ids[0]\n}\n\n'
        'resource "aws_security_group" "emulated" {\n  vpc_id = data.aws_subnet.emulated.vpc_id\n}\n'
    )
    (module / "emulator_override.tf").write_text(
        'output "security_group_id" {\n  value = aws_security_group.emulated.id\n}\n'
    )


def copied(terraform: Terraform, to: Path) -> Terraform:
    """The same tree again, for what leaves files in it."""
    shutil.copytree(terraform.tree, to / "terraform", ignore=shutil.ignore_patterns("*.tfstate*", "*_override.tf"))
    # A provider that runs already has one configuration, the last: three regions would become one.
    own = {name: value for name, value in terraform.environment.items() if name != "TF_REATTACH_PROVIDERS"}
    return Terraform(tree=to / "terraform", environment=own | CREDENTIALS)
