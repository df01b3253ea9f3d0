"""A fake Kubernetes with KubeRay's real CRDs, and a gateway to it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from cluster.kube.gateway import KubeGateway
from tests.kube.fake_api.server import FakeKube, serving
from tests.kube.kubeconfigs import write_kubeconfig
from tests.kube.world import NAMESPACE, WORKER, FakeFarm, Operator, TickingClock, gateway_of, ray_pod, ray_service


@pytest.fixture
def kube() -> Iterator[FakeKube]:
    with serving() as server:
        yield server


@pytest.fixture
def gateway(kube: FakeKube) -> KubeGateway:
    return gateway_of(kube)


@pytest.fixture
def ticking() -> TickingClock:
    return TickingClock()


@pytest.fixture
def farm(ticking: TickingClock) -> FakeFarm:
    made = FakeFarm()
    ticking.ticks.append(made.tick)
    return made


@pytest.fixture
def kubeconfig(kube: FakeKube, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = write_kubeconfig(tmp_path / "kubeconfig", kube.url)
    monkeypatch.setenv("KUBECONFIG", str(path))
    for name in ("POLL_EVERY", "RETRY_FIRST", "EVICT_EVERY", "RETRY_LONGEST"):
        monkeypatch.setenv(f"RAYFARM_KUBE_{name}", "PT0.01S")
    monkeypatch.setenv("RAYFARM_KUBE_EVICT_WITHIN", "PT0.1S")
    return path


@pytest.fixture
def service(kube: FakeKube, kubeconfig: Path) -> Operator:
    operator = Operator(kube).start()
    kube.store.create("rayservices", NAMESPACE, ray_service())
    kube.store.create("nodes", "", {"metadata": {"name": "gpu-1"}, "spec": {}})
    kube.store.create("pods", NAMESPACE, ray_pod(WORKER, cluster="farm-1", node="gpu-1"))
    return operator
