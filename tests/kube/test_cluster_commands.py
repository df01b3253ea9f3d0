"""`rayfarm cluster …` as an operator gives it: over a kubeconfig and the farm's API, with the rights of the page."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from rayfarm import Client
from rayfarm.cli import main
from rayfarm.errors import FarmRefused
from tests.clients.scripted_farm import FarmServer, Request
from tests.clients.scripted_farm import serving as serving_farm
from tests.kube.fake_api.server import FakeKube, Fault, serving
from tests.kube.fake_api.store import Json
from tests.kube.kubeconfigs import write_kubeconfig
from tests.kube.world import NAMESPACE, WORKER, FakeFarm, Operator, pod, ray_job, ray_service

PAGE = Path(__file__).resolve().parents[2] / "docs" / "operations" / "cluster-commands.md"


@pytest.fixture
def worked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[FakeFarm]:
    """The farm's API over HTTP: each look at its replicas lets it go on."""
    farm = FakeFarm()
    with serving_farm() as server:
        _route(server, farm)
        monkeypatch.setenv("RAYFARM_URL", server.url)
        monkeypatch.setenv("RAYFARM_API_KEY", "rf_test_key")
        monkeypatch.setenv("RAYFARM_CONFIG_DIR", str(tmp_path / "config"))
        yield farm


def records(text: str) -> list[Json]:
    return [json.loads(line) for line in text.splitlines()]


class TestStatus:
    def test_a_farm_that_is_ready_is_told_with_its_groups(
        self, service: Operator, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert main(["cluster", "status"]) == 0
        said = capsys.readouterr().out
        assert "RayService farm: ready" in said
        assert "spot\t0\t8" in said

    def test_programs_get_one_object(self, service: Operator, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["cluster", "status", "--json"]) == 0
        [record] = records(capsys.readouterr().out)
        assert (record["name"], record["ready"], record["is_current"]) == ("farm", True, True)
        assert [each["name"] for each in record["clusters"]] == ["farm-1"]

    def test_a_change_that_kuberay_has_not_seen_is_not_ready(
        self, service: Operator, kube: FakeKube, capsys: pytest.CaptureFixture[str]
    ) -> None:
        service.is_lazy = True
        kube.store.update("rayservices", NAMESPACE, "farm", lambda n: {**n, "spec": {**n["spec"], "suspend": False}})
        assert main(["cluster", "status"]) == 3
        assert "generation 1 of 2" in capsys.readouterr().out


class TestErrors:
    def test_no_kubeconfig_is_told_with_the_variable_to_set(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
        assert main(["cluster", "status"]) == 2
        assert "KUBECONFIG" in capsys.readouterr().err

    def test_a_context_that_is_not_there_is_told(self, kubeconfig: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["cluster", "status", "--context", "mars"]) == 2
        assert "mars" in capsys.readouterr().err

    @pytest.mark.parametrize(
        "content", [b"clusters: [", b"\xff\xfe\x00", b"just words", b"- a\n- b\n", b"", b"contexts: 5\nclusters: {}\n"]
    )
    def test_a_damaged_kubeconfig_is_told_and_is_no_crash(
        self, content: bytes, kubeconfig: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        kubeconfig.write_bytes(content)
        assert main(["cluster", "status", "--json"]) == 2
        [record] = records(capsys.readouterr().out)
        assert record["error"]["code"] == "no-kubeconfig"
        assert record["error"]["remedy"]

    @pytest.mark.parametrize("content", [b"\xff\xfe\x00k", b"kind: [", None])
    def test_a_manifest_that_is_none_is_told_with_what_to_do(
        self, content: bytes | None, service: Operator, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        file = tmp_path / "job.yaml"
        if content is not None:
            file.write_bytes(content)
        assert main(["cluster", "submit", str(file), "--tenant", "acme", "--json"]) == 2
        [record] = records(capsys.readouterr().out)
        assert (record["error"]["code"], bool(record["error"]["remedy"])) == ("invalid-input", True)

    def test_a_missing_right_names_the_verb(
        self, service: Operator, kube: FakeKube, capsys: pytest.CaptureFixture[str]
    ) -> None:
        kube.rules = []
        assert main(["cluster", "status", "--json"]) == 2
        [record] = records(capsys.readouterr().out)
        assert record["error"]["code"] == "kube-forbidden"
        assert "cannot list" in record["error"]["message"]

    def test_a_cluster_without_kuberay_says_so(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        with serving(kuberay=False) as bare:
            monkeypatch.setenv("KUBECONFIG", str(write_kubeconfig(tmp_path / "bare", bare.url)))
            assert main(["cluster", "status"]) == 2
        assert "Install the KubeRay operator" in capsys.readouterr().err

    def test_an_api_server_that_is_away_ends_with_3(
        self, service: Operator, kube: FakeKube, capsys: pytest.CaptureFixture[str]
    ) -> None:
        kube.faults.append(Fault("GET", "rayservices", times=99, status=503))
        assert main(["cluster", "status"]) == 3
        assert "tried 6 times" in capsys.readouterr().err

    def test_a_namespace_without_a_farm_says_how_to_name_another(
        self, service: Operator, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert main(["cluster", "scale", "spot", "--max", "3", "-n", "elsewhere"]) == 2
        assert "--namespace" in capsys.readouterr().err


class TestScale:
    def test_a_scale_says_what_was_and_what_is(self, service: Operator, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["cluster", "scale", "spot", "--max", "20"]) == 0
        assert "0 to 20 workers, was 0 to 8" in capsys.readouterr().out


class TestUpgradeAndDrain:
    def test_an_upgrade_over_the_farms_api_moves_the_work_and_removes_the_old_cluster(
        self, service: Operator, worked: FakeFarm, kube: FakeKube, capsys: pytest.CaptureFixture[str]
    ) -> None:
        worked.machine(WORKER, busy_ticks=3)
        assert main(["cluster", "upgrade", "--image", "rayfarm-renderer:2"]) == 0
        assert "farm is upgraded; farm-2 serves." in capsys.readouterr().out
        assert [worker for worker, _, _ in worked.drains] == [WORKER]
        assert [each["metadata"]["name"] for each in kube.store.all("rayclusters", NAMESPACE)] == ["farm-2"]

    def test_an_upgrade_by_file_takes_the_services_manifest(
        self, service: Operator, worked: FakeFarm, kube: FakeKube, tmp_path: Path
    ) -> None:
        file = tmp_path / "farm.yaml"
        file.write_text(yaml.safe_dump_all([{"kind": "Namespace"}, ray_service(image="rayfarm-renderer:3")]))
        assert main(["cluster", "upgrade", "--file", str(file)]) == 0
        config = kube.store.read("rayservices", NAMESPACE, "farm")["spec"]["rayClusterConfig"]
        assert config["headGroupSpec"]["template"]["spec"]["containers"][0]["image"] == "rayfarm-renderer:3"

    def test_a_drain_that_leaves_a_pod_ends_with_1_and_says_which(
        self, service: Operator, worked: FakeFarm, kube: FakeKube, capsys: pytest.CaptureFixture[str]
    ) -> None:
        kube.store.create("pods", NAMESPACE, pod("by-hand", node="gpu-1", owner=None))
        assert main(["cluster", "drain", "gpu-1", "--json"]) == 1
        last = records(capsys.readouterr().out)[-1]
        assert last["evicted"] == [f"{NAMESPACE}/{WORKER}"]
        assert list(last["left"]) == [f"{NAMESPACE}/by-hand"]

    def test_a_replica_that_left_meanwhile_is_no_error(
        self, service: Operator, worked: FakeFarm, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        worked.machine(WORKER, busy_ticks=2)
        monkeypatch.setattr(worked, "drain", lambda *_, **__: worked.machines.clear() or False)
        assert main(["cluster", "drain", "gpu-1"]) == 0

    def test_a_farm_that_is_away_stops_a_drain_before_a_pod_is_evicted(
        self, service: Operator, kube: FakeKube, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with serving_farm() as gone:
            monkeypatch.setenv("RAYFARM_URL", gone.url)
        monkeypatch.setenv("RAYFARM_API_KEY", "rf_test_key")
        assert main(["cluster", "drain", "gpu-1"]) == 3
        assert kube.calls("create", "pods/eviction") == 0


class TestNotices:
    @pytest.mark.parametrize("status", [429, 500, 503])
    def test_a_refusal_that_passes_is_outwaited(
        self, status: int, service: Operator, worked: FakeFarm, kube: FakeKube, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(Client, "nodes", once_refused(Client.nodes, status=status))
        worked.machine(WORKER, busy_ticks=None)
        interrupted(kube)
        assert main(["cluster", "notices", "--for", "3"]) == 0
        assert [worker for worker, _, _ in worked.drains] == [WORKER]

    def test_a_refusal_that_stays_is_told_and_the_watch_goes_on(
        self,
        service: Operator,
        worked: FakeFarm,
        kube: FakeKube,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        monkeypatch.setattr(Client, "nodes", once_refused(Client.nodes, status=422))
        interrupted(kube)
        assert main(["cluster", "notices", "--for", "1"]) == 0
        assert "the farm could not be told: refused" in capsys.readouterr().out

    @pytest.mark.parametrize(("field", "other"), [("name", "other-farm"), ("namespace", "staging")])
    def test_an_upgrade_to_the_manifest_of_another_farm_is_refused(
        self, field: str, other: str, service: Operator, worked: FakeFarm, kube: FakeKube, tmp_path: Path
    ) -> None:
        before = kube.store.read("rayservices", NAMESPACE, "farm")["spec"]
        manifest = ray_service(image="rayfarm-renderer:2")
        manifest["metadata"][field] = other
        file = tmp_path / "service.yaml"
        file.write_text(yaml.safe_dump(manifest))
        assert main(["cluster", "upgrade", "--file", str(file)]) == 2
        assert kube.store.read("rayservices", NAMESPACE, "farm")["spec"] == before

    def test_a_notice_that_is_over_is_taken_back(self, service: Operator, worked: FakeFarm) -> None:
        worked.machine(WORKER)
        worked.disable(WORKER, reason="Node notice: Karpenter removes the node.")
        assert main(["cluster", "notices", "--for", "1"]) == 0
        assert worked.enabled == [WORKER]

    def test_a_key_that_is_not_valid_ends_the_watch(
        self, service: Operator, worked: FakeFarm, kube: FakeKube, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A Deployment then restarts, is seen to, and passes every notice on again."""
        monkeypatch.setattr(Client, "nodes", once_refused(Client.nodes, status=401))
        interrupted(kube)
        assert main(["cluster", "notices", "--for", "60"]) == 2


def interrupted(kube: FakeKube) -> None:
    taints = [{"key": "aws-node-termination-handler/spot-itn", "effect": "NoSchedule"}]
    kube.store.update("nodes", "", "gpu-1", lambda now: {**now, "spec": {"taints": taints}})


def once_refused(call: Any, *, status: int) -> Any:
    """The SDK's call after its own tries: refused the first time."""
    left = [FarmRefused(status=status, problem={"detail": "refused"})]

    def refuse(self: Client) -> Any:
        if left:
            raise left.pop()
        return call(self)

    return refuse


class TestRayJobs:
    def test_the_verdict_of_a_job_that_has_ended_needs_no_time(
        self, kubeconfig: Path, kube: FakeKube, capsys: pytest.CaptureFixture[str]
    ) -> None:
        kube.store.create("rayjobs", NAMESPACE, ray_job())
        status = {"jobDeploymentStatus": "Complete", "jobStatus": "SUCCEEDED"}
        kube.store.update("rayjobs", NAMESPACE, "shot", lambda now: {**now, "status": status}, part="status")
        assert main(["cluster", "follow", "shot", "--within", "0"]) == 0
        assert "shot succeeded" in capsys.readouterr().out

    def test_a_submitted_job_is_followed_to_its_verdict(
        self, kubeconfig: Path, kube: FakeKube, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        file = tmp_path / "job.yaml"
        file.write_text(yaml.safe_dump(ray_job()))

        def on_call(asked: Any) -> None:
            if asked.verb == "watch":
                [job] = kube.store.all("rayjobs", NAMESPACE)
                failed = {"jobDeploymentStatus": "Failed", "jobStatus": "FAILED", "reason": "AppFailed"}
                name = job["metadata"]["name"]
                kube.store.update("rayjobs", NAMESPACE, name, lambda now: {**now, "status": failed}, part="status")

        kube.on_call = on_call
        assert main(["cluster", "submit", str(file), "--tenant", "acme", "--watch"]) == 1
        assert "failed: AppFailed" in capsys.readouterr().out


class TestRights:
    """The page's roles are enough for the commands, and nothing in them is idle."""

    def test_the_operators_role(
        self,
        service: Operator,
        worked: FakeFarm,
        kube: FakeKube,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        file = tmp_path / "job.yaml"
        file.write_text(yaml.safe_dump(ray_job()))
        kube.rules = rules_of("rayfarm-operator")
        assert main(["cluster", "status"]) == 0
        service.is_lazy = True  # who is slow is watched
        monkeypatch.setenv("RAYFARM_KUBE_OBSERVED_WITHIN", "PT1S")
        assert main(["cluster", "scale", "spot", "--max", "20"]) == 0
        service.is_lazy = False
        service.work("farm")
        assert main(["cluster", "upgrade", "--image", "rayfarm-renderer:2"]) == 0
        assert main(["cluster", "submit", str(file), "--tenant", "acme"]) == 0
        assert main(["cluster", "submit", str(file), "--tenant", "acme"]) == 0
        name = kube.store.all("rayjobs", NAMESPACE)[0]["metadata"]["name"]
        assert main(["cluster", "suspend", name]) == 0
        assert main(["cluster", "resume", name]) == 0
        assert main(["cluster", "follow", name, "--within", "1"]) == 1
        kube.store.delete("rayservices", NAMESPACE, "farm")
        alone = {"metadata": {"name": "alone"}, "spec": ray_service()["spec"]["rayClusterConfig"]}
        kube.store.create("rayclusters", NAMESPACE, alone)
        assert main(["cluster", "scale", "spot", "--max", "21"]) == 0
        assert idle(kube.rules) == set()

    def test_the_role_for_drains(self, service: Operator, worked: FakeFarm, kube: FakeKube) -> None:
        kube.rules = rules_of("rayfarm-drain")
        assert main(["cluster", "drain", "gpu-1"]) == 0
        assert idle(kube.rules) == set()

    def test_the_role_for_notices(self, service: Operator, worked: FakeFarm, kube: FakeKube) -> None:
        worked.machine(WORKER, busy_ticks=2)
        taints = [{"key": "karpenter.sh/disrupted", "effect": "NoSchedule"}]
        kube.store.update("nodes", "", "gpu-1", lambda now: {**now, "spec": {"taints": taints}})
        kube.rules = rules_of("rayfarm-notices")
        assert main(["cluster", "notices", "--for", "1"]) == 0
        assert [worker for worker, _, _ in worked.drains] == [WORKER]
        assert idle(kube.rules) == set()


def rules_of(role: str) -> list[Json]:
    """The rules of a role on the page; those of a Role hold in its namespace alone."""
    for block in re.findall(r"```yaml\n(.*?)```", PAGE.read_text(), flags=re.DOTALL):
        found = yaml.safe_load(block)
        if found["metadata"]["name"] == role:
            return [{**rule, "namespace": found["metadata"].get("namespace")} for rule in found["rules"]]
    raise AssertionError(f"{PAGE} has no role {role}")


def idle(rules: list[Json]) -> set[tuple[str, str]]:
    written = {(verb, name) for rule in rules for verb in rule["verbs"] for name in rule["resources"]}
    return written - {used for rule in rules for used in rule.get("used", ())}


def _route(server: FarmServer, farm: FakeFarm) -> None:
    def nodes(request: Request) -> None:
        request.json({"items": farm.nodes(), "next": None})

    def replicas(request: Request) -> None:
        farm.tick(0)
        listed = [{**each, "state": "up"} for each in farm.replicas()]
        request.json({"items": listed, "next": None})

    def drain(request: Request) -> None:
        worker = request.path.split("/")[3]
        body = json.loads(request.body)
        if farm.drain(worker, reason=body["reason"], within_s=body.get("within_s")):
            request.json([], 202)
        else:
            request.problem(404, "not-found", "no such machine")

    def enable(request: Request) -> None:
        farm.enable(request.path.split("/")[3])
        request.json([])

    server.routes += [
        ("POST", "/v1/nodes/[^/]+/enable", enable),
        ("GET", "/v1/nodes", nodes),
        ("GET", "/v1/replicas", replicas),
        ("POST", "/v1/nodes/[^/]+/drain", drain),
    ]
