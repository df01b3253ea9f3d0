"""Terraform and its one provider on this machine: where they are, and what to do where they are not.

The provider (700 MB) comes from the folder in ``TF_PLUGIN_MIRROR``, from a mirror where Terraform itself or a package
puts one, or from the registry. It is started once for all tests, as it takes seconds to start.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TREE = ROOT / "terraform"
NEEDED = (1, 11)
PROVIDER = Path("registry.terraform.io/hashicorp/aws")
START_TIMEOUT_S = 60

NO_TERRAFORM = (
    "Terraform is not here. Install 1.11 or newer (https://developer.hashicorp.com/terraform/install; on Debian the "
    "package `terraform` of HashiCorp's apt source), and run again. TERRAFORM_CHECK=skip leaves these checks out."
)
NO_PROVIDER = (
    "`terraform init` got no provider hashicorp/aws: no mirror holds it, and the registry does not answer. Open the "
    "network, or make a mirror where there is one (`terraform -chdir=terraform/farm providers mirror FOLDER`), bring "
    "the folder here and set TF_PLUGIN_MIRROR=FOLDER. TERRAFORM_CHECK=skip leaves these checks out.\n"
)


class Unusable(Exception):
    """What is missing, and how to get it."""


def find_mirror(environment: Mapping[str, str], *, home: Path, roots: tuple[Path, ...]) -> Path | None:
    """The folder that holds the provider, or None where Terraform shall find it as it is configured."""
    if named := environment.get("TF_PLUGIN_MIRROR"):
        if not (Path(named) / PROVIDER).is_dir():
            raise Unusable(f"TF_PLUGIN_MIRROR={named} holds no {PROVIDER}.")
        return Path(named)
    if Path(environment.get("TF_CLI_CONFIG_FILE") or home / ".terraformrc").is_file():
        return None
    for root in roots:
        if (root / PROVIDER).is_dir():
            return root
    return None


def usual_mirrors(home: Path) -> tuple[Path, ...]:
    """Where Terraform looks by itself, then what packages of the machine put below /opt."""
    shared = (home / ".local/share", Path("/usr/local/share"), Path("/usr/share"))
    optional = sorted(Path("/opt").glob("*")) if Path("/opt").is_dir() else []
    return (home / ".terraform.d/plugins", *(folder / "terraform/plugins" for folder in shared), *optional)


@dataclass(frozen=True, kw_only=True)
class Terraform:
    """The program with an environment of its own: nothing of the caller's AWS account, and a copy of the tree."""

    tree: Path
    environment: dict[str, str] = field(repr=False)

    def run(
        self, folder: str, *arguments: str, timeout_s: int = 120, check: bool = True, **variables: str
    ) -> subprocess.CompletedProcess[str]:
        """Ends with SIGINT, so that Terraform writes its state, where something hangs."""
        environment = self.environment | {"TF_DATA_DIR": str(self.tree.parent / "data" / folder)} | variables
        command = ["timeout", "--signal=INT", "--kill-after=60", str(timeout_s), "terraform", *arguments]
        done = subprocess.run(
            command, cwd=self.tree / folder, env=environment, capture_output=True, text=True, check=False
        )
        if check and done.returncode != 0:
            raise AssertionError(
                f"terraform {' '.join(arguments)} in {folder}: {done.returncode}\n{done.stdout}{done.stderr}"
            )
        return done

    def json(self, folder: str, *arguments: str, **variables: str) -> dict:
        return json.loads(self.run(folder, *arguments, **variables).stdout)

    def provider(self, folder: str) -> Path:
        """The program that ``init`` found for the folder."""
        found = sorted(
            (self.tree.parent / "data" / folder / "providers").glob(f"{PROVIDER}/*/*/terraform-provider-aws*")
        )
        if not found:
            raise Unusable(NO_PROVIDER)
        return found[0]


def prepare(work: Path) -> Terraform:
    """A copy of the tree, as ``init`` writes lock files into it. Raises ``Unusable``."""
    program = shutil.which("terraform")
    if program is None:
        raise Unusable(NO_TERRAFORM)
    home = Path.home()
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "TF_"))}
    environment |= {"CHECKPOINT_DISABLE": "1", "TF_IN_AUTOMATION": "1", "TF_INPUT": "0"}
    told = subprocess.run([program, "version", "-json"], env=environment, capture_output=True, text=True, check=True)
    version = json.loads(told.stdout)["terraform_version"]
    if tuple(int(part) for part in re.findall(r"\d+", version)[:2]) < NEEDED:
        raise Unusable(f"Terraform {version} is too old. {NO_TERRAFORM}")
    mirror = find_mirror(os.environ, home=home, roots=usual_mirrors(home))
    if mirror is not None:
        config = work / "terraform.rc"
        config.write_text(f'provider_installation {{\n  filesystem_mirror {{\n    path = "{mirror}"\n  }}\n}}\n')
        environment["TF_CLI_CONFIG_FILE"] = str(config)
    elif "TF_CLI_CONFIG_FILE" in os.environ and Path(os.environ["TF_CLI_CONFIG_FILE"]).is_file():
        environment["TF_CLI_CONFIG_FILE"] = os.environ["TF_CLI_CONFIG_FILE"]
    tree = work / "terraform"
    shutil.copytree(TREE, tree, ignore=shutil.ignore_patterns(".terraform", "*.tfstate*"))
    return Terraform(tree=tree, environment=environment)


@contextmanager
def running_provider(terraform: Terraform, folder: str) -> Iterator[str]:
    """One process of the provider, which every Terraform that gets the value as TF_REATTACH_PROVIDERS uses."""
    program = terraform.provider(folder)
    log = terraform.tree.parent / "provider.log"
    with log.open("w") as output:
        process = subprocess.Popen([program, "-debug"], env=terraform.environment, stdout=output, stderr=output)
    try:
        yield _reattachment(log, process)
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _reattachment(log: Path, process: subprocess.Popen[bytes]) -> str:
    until = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < until and process.poll() is None:
        if found := re.search(r"TF_REATTACH_PROVIDERS='(.*)'", log.read_text()):
            return found[1]
        time.sleep(0.1)
    raise AssertionError(f"The provider did not start: {log.read_text()[-2000:]}")
