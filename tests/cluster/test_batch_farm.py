"""A batch farm on a Ray that does not do what it is asked: told in words, within the time that the settings say."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
import ray
from ray import serve
from ray.exceptions import AuthenticationError, RpcError
from ray.serve.exceptions import RayServeException

from cluster import batch_farm
from cluster.batch_farm import BatchFarmNotReady
from cluster.batch_settings import BatchSettings
from cluster.intake.ports import Admission
from db.settings import DatabaseSettings

SOON = timedelta(milliseconds=200)


class Gate:
    """Marks that this driver holds."""

    def __init__(self) -> None:
        self.held: list[str] = []

    def mark(self, name: str, within: timedelta) -> str:
        self.held.append(name)
        return name

    def end(self, mark: str) -> None:
        self.held.remove(mark)


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Gate:
    gate = Gate()
    monkeypatch.setattr(batch_farm, "_marked", gate.mark)
    monkeypatch.setattr(batch_farm, "_end", gate.end)
    return gate


def raising(error: Exception) -> Callable[..., Any]:
    def fail(*_: object, **__: object) -> Any:
        raise error

    return fail


def no_admission() -> Admission:
    raise AssertionError("Nothing is admitted here.")


def target(monkeypatch: pytest.MonkeyPatch, status: str, *, start: Callable[..., Any] | None = None) -> Any:
    """An application that Serve took, and whose state stays."""
    told = SimpleNamespace(status=serve.schema.ApplicationStatus(status), message="no such module")
    monkeypatch.setattr(serve, "start", start or (lambda **_: None))
    monkeypatch.setattr(serve, "run_many", lambda *_, **__: [])
    monkeypatch.setattr(serve, "status", lambda: SimpleNamespace(applications={"one": told}))
    return SimpleNamespace(name="one")


@pytest.mark.parametrize(
    "error",
    [ValueError("Invalid Ray address"), AuthenticationError("no token"), ConnectionError("refused"), RpcError("away")],
)
def test_a_ray_that_cannot_be_joined_is_told_with_its_remedy(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ray, "init", raising(error))
    with pytest.raises(BatchFarmNotReady) as told:
        batch_farm.connect()
    assert "RAY_ADDRESS" in str(told.value)


@pytest.mark.parametrize("error", [RpcError("GCS is away"), RayServeException("no controller")])
def test_a_ray_that_fails_while_garbage_is_collected_is_told_in_words(
    error: Exception, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAYFARM_DATABASE_URL", "postgresql://nobody@127.0.0.1:1/none")
    monkeypatch.setattr(ray, "init", lambda **_: None)
    monkeypatch.setattr(serve, "status", raising(error))
    with pytest.raises(BatchFarmNotReady, match=str(error)):
        batch_farm.collect_garbage()
    assert gate.held == []


def test_an_application_that_never_runs_is_waited_for_no_longer_than_the_setting_says(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with pytest.raises(TimeoutError, match="one is DEPLOYING"):
        batch_farm._start([target(monkeypatch, "DEPLOYING")], within=SOON)


def test_a_controller_that_never_answers_is_waited_for_no_longer_than_the_setting_says(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hangs = threading.Event()
    try:
        with pytest.raises(TimeoutError, match="controller did not answer"):
            batch_farm._start([target(monkeypatch, "RUNNING", start=lambda **_: hangs.wait())], within=SOON)
    finally:
        hangs.set()


def test_an_application_that_cannot_be_deployed_says_why_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(RuntimeError, match="one: no such module"):
        batch_farm._start([target(monkeypatch, "DEPLOY_FAILED")], within=timedelta(days=1))


def test_applications_that_run_are_a_farm(monkeypatch: pytest.MonkeyPatch) -> None:
    batch_farm._start([target(monkeypatch, "RUNNING")], within=timedelta(days=1))


def test_a_driver_whose_farm_did_not_start_leaves_no_mark_that_would_keep_a_sweep_away(
    gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serve, "status", lambda: SimpleNamespace(applications={}))
    monkeypatch.setattr(batch_farm, "_deploy", raising(RpcError("GCS is away")))
    with (
        pytest.raises(BatchFarmNotReady, match="GCS is away"),
        batch_farm.joined(settings=BatchSettings(), admission=no_admission, tell=print),
    ):
        raise AssertionError("There is no farm.")
    assert gate.held == []


def test_the_farm_is_told_what_its_driver_knows_but_not_what_the_drivers_machine_is_called(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    alone = ("RAYFARM_CLUSTER_NODE", "RAYFARM_CLUSTER_LABELS", "RAYFARM_CLUSTER_DEVICE_CLASS")
    for name in (*alone, "RAYFARM_CLUSTER_SCRATCH_DIR", "RAYFARM_STORAGE_URL", "AWS_REGION"):
        monkeypatch.setenv(name, "the driver's")
    monkeypatch.setenv("RAYFARM_CLUSTER_ID", "batch-1")
    monkeypatch.setattr(batch_farm, "_list_nodes", lambda: [])
    told = batch_farm.environment(BatchSettings())
    assert told["RAYFARM_STORAGE_URL"] == "the driver's"
    assert told.keys().isdisjoint({*alone, "RAYFARM_CLUSTER_SCRATCH_DIR", "AWS_REGION"})


class Deployed:
    """A batch farm whose driver is gone and whose dispatcher is not well."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *, status: str, made_for: set[str]) -> None:
        self.deleted: list[str] = []
        names = [f"{kind}-batch-1" for kind in (batch_farm.RENDERER, batch_farm.DISPATCHER)]
        states = SimpleNamespace(status=serve.schema.ApplicationStatus(status), message="")
        monkeypatch.setattr(serve, "status", lambda: SimpleNamespace(applications=dict.fromkeys(names, states)))
        monkeypatch.setattr(serve, "delete", self.deleted.append)
        monkeypatch.setattr(batch_farm, "list_named_actors", lambda **_: [])
        monkeypatch.setattr(batch_farm, "kept_identities", lambda: made_for)
        monkeypatch.setattr(batch_farm, "end_keepers", lambda: None)


@pytest.fixture
def ours(monkeypatch: pytest.MonkeyPatch, settings: DatabaseSettings) -> str:
    """The identity of the database in the environment."""
    monkeypatch.setenv("RAYFARM_DATABASE_URL", settings.url.get_secret_value())
    identity = batch_farm._identity_here()
    assert identity
    return identity


@pytest.mark.parametrize("status", ["UNHEALTHY", "DEPLOYING", "DEPLOY_FAILED", "RUNNING"])
@pytest.mark.parametrize(
    ("made_for", "words"),
    [({"another's"}, "another database"), (set(), "does not tell its database")],
    ids=["another", "nobody tells"],
)
def test_a_sweep_with_another_database_leaves_a_farm_alone_however_its_dispatcher_fares(
    made_for: set[str], words: str, status: str, ours: str, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    farm = Deployed(monkeypatch, status=status, made_for=made_for)
    swept = batch_farm.sweep(settings=BatchSettings())
    assert (swept.removed, words in (swept.kept_because or "")) == ((), True)
    assert farm.deleted == []


@pytest.mark.parametrize("status", ["UNHEALTHY", "RUNNING"])
def test_a_sweep_with_its_own_database_takes_a_farm_away_whose_dispatcher_does_not_lead(
    status: str, ours: str, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    farm = Deployed(monkeypatch, status=status, made_for={ours})
    swept = batch_farm.sweep(settings=BatchSettings())
    assert list(swept.removed) == farm.deleted
    assert len(farm.deleted) == 2


def test_a_driver_does_not_join_the_farm_of_another_database_and_does_not_wait_for_it(
    ours: str, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    Deployed(monkeypatch, status="DEPLOYING", made_for={"another's"})
    with (
        pytest.raises(batch_farm.OtherDatabase),
        batch_farm.joined(settings=BatchSettings(), admission=no_admission, tell=print),
    ):
        raise AssertionError("It is another's.")
    assert gate.held == []
