"""The fake server speaks the protocol as another client understands it."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.kube.fake_api.server import FakeKube
from tests.kube.world import NAMESPACE, WORKER, Operator, ray_service


@pytest.fixture(autouse=True)
def _kubectl_is_here() -> None:
    if shutil.which("kubectl") is None:
        pytest.fail("kubectl is not here. Run: apt-get install kubernetes-client")


def kubectl(*arguments: str, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
    command = ["kubectl", "-n", NAMESPACE, "--cache-dir", "/dev/null", *arguments]
    return subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=60, check=False)


def test_it_reads_cordons_deletes_and_has_its_patch_tested(service: Operator, kube: FakeKube) -> None:
    path = "jsonpath={.status.activeServiceStatus.rayClusterName}"
    assert kubectl("get", "rayservice", "farm", "-o", path).stdout == "farm-1"
    wrong = '[{"op": "test", "path": "/spec/rayClusterConfig/workerGroupSpecs/1/groupName", "value": "gpu"}]'
    refused = kubectl("patch", "rayservice", "farm", "--type=json", "-p", wrong)
    assert refused.returncode == 1
    assert kubectl("cordon", "gpu-1").returncode == 0
    assert kube.store.read("nodes", "", "gpu-1")["spec"]["unschedulable"] is True
    deleted = kubectl("delete", "pod", WORKER)
    assert deleted.returncode == 0, deleted.stderr
    assert kube.store.all("pods", NAMESPACE) == []


def test_it_creates_what_the_crds_know_and_nothing_else(kubeconfig: Path, kube: FakeKube) -> None:
    manifest = yaml.safe_dump(ray_service())
    apply = ("apply", "--server-side", "--validate=false", "-f", "-")
    done = kubectl(*apply, stdin=manifest)
    assert done.returncode == 0, done.stderr
    assert kube.store.read("rayservices", NAMESPACE, "farm")["spec"]["serveConfigV2"]
    wrong = kubectl(*apply, stdin=manifest.replace("num-cpus: '0'", "num-cpus: 0").replace("farm", "other"))
    assert (wrong.returncode, "num-cpus" in wrong.stderr) == (1, True)
