"""What a batch farm is told reaches Serve's controller and the workers, no log and no dashboard."""

from __future__ import annotations

import logging
import os

import pytest
from ray import cloudpickle
from ray.serve._private.autoscaling_state import _resolve_policy_callable
from ray.serve._private.config import DeploymentConfig
from ray.serve._private.deployment_info import DeploymentInfo
from ray.serve.schema import _deployment_info_to_schema

from cluster.autoscaling import BacklogPolicy, autoscaling_config
from cluster.batch_keeper import KeeperUnavailable
from cluster.dispatching import dispatcher_app
from cluster.renderer import renderer_app
from cluster.settings import ClusterSettings
from cluster.told_environment import ToldEnvironment
from db.settings import DatabaseSettings

PASSWORD = "do-not-log-me-0123456789"
URL = f"postgresql://farm:{PASSWORD}@db.example.org/farm"
TOLD = {"RAYFARM_DATABASE_URL": URL, "RAYFARM_CLUSTER_ID": "batch-1"}


def controllers_policy(keeper: str | None) -> BacklogPolicy:
    """As Serve's controller makes it, at the deployment and after each of its own restarts: of a copied class."""
    sent = DeploymentConfig(autoscaling_config=autoscaling_config(ClusterSettings(id="batch-1"), keeper=keeper))
    got = DeploymentConfig.from_proto_bytes(sent.to_proto_bytes())
    assert got.autoscaling_config is not None
    policy: BacklogPolicy = _resolve_policy_callable(got.autoscaling_config.policy)
    return policy


class Keepers:
    """Stands for the actors of ``cluster.batch_keeper``, and for the database."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.read: list[str] = []
        self.is_away = False

    def kept_url(self, name: str) -> str:
        self.asked.append(name)
        if self.is_away:
            raise KeeperUnavailable
        return URL

    def read_desired(self, settings: DatabaseSettings, **_: object) -> int:
        self.read.append(settings.url.get_secret_value())
        return 7

    def policy(self, keeper: str | None) -> BacklogPolicy:
        """Of a controller that reaches these."""
        policy = controllers_policy(keeper)
        type(policy)._read_desired.__globals__.update(kept_url=self.kept_url, read_desired=self.read_desired)
        return policy


@pytest.fixture
def keepers() -> Keepers:
    return Keepers()


async def test_a_controller_that_was_started_again_asks_the_keeper_again(keepers: Keepers) -> None:
    for _ in range(2):
        policy = keepers.policy("keeper-1")
        for _ in range(2):
            await policy._read()
        assert policy._desired == 7
    assert keepers.asked == ["keeper-1", "keeper-1"]
    assert keepers.read == [URL] * 4


async def test_while_the_keeper_is_away_the_count_is_kept_and_then_it_is_asked_again(keepers: Keepers) -> None:
    policy = keepers.policy("keeper-1")
    keepers.is_away = True
    await policy._read()
    assert policy._desired is None
    keepers.is_away = False
    await policy._read()
    assert (policy._desired, keepers.read) == (7, [URL])


async def test_the_policy_of_a_farm_whose_nodes_know_their_settings_reads_them(
    keepers: Keepers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAYFARM_DATABASE_URL", URL)
    policy = keepers.policy(None)
    await policy._read()
    assert (policy._desired, keepers.asked, keepers.read) == (7, [], [URL])


def test_serve_logs_the_name_of_the_keeper_and_no_password_when_it_makes_the_policy(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAYFARM_DATABASE_URL", URL)
    monkeypatch.setattr(logging.getLogger("ray.serve"), "propagate", True)
    with caplog.at_level(logging.INFO, logger="ray.serve"):
        controllers_policy("keeper-1")
    assert "keeper-1" in caplog.text
    assert PASSWORD not in caplog.text


def test_nothing_that_rays_dashboard_shows_of_a_batch_farm_holds_what_its_processes_are_told() -> None:
    apps = (
        dispatcher_app(lambda: pytest.fail("built in its own process"), environment=TOLD),
        renderer_app(ClusterSettings(id="batch-1"), environment=TOLD, keeper="keeper-1"),
    )
    for app in apps:
        deployment = app._bound_deployment
        info = DeploymentInfo(
            deployment_config=deployment._deployment_config,
            replica_config=deployment._replica_config,
            start_time_ms=0,
            deployer_job_id="01",
        )
        shown = _deployment_info_to_schema(deployment.name, info)
        assert PASSWORD not in shown.model_dump_json(exclude_unset=True)
        assert shown.user_config is None
        assert deployment.ray_actor_options["runtime_env"]["env_vars"].keys() == {"RAYFARM_BATCH_STARTED"}
        [told] = [each for each in deployment.init_args if isinstance(each, ToldEnvironment)]
        assert told.variables == TOLD
        assert PASSWORD not in repr(deployment.init_args)


def test_a_process_takes_over_what_came_to_it_pickled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAYFARM_DATABASE_URL", "the node's own")
    monkeypatch.setenv("RAYFARM_CLUSTER_ID", "")
    cloudpickle.loads(cloudpickle.dumps(ToldEnvironment(TOLD))).enter()
    assert {name: os.environ[name] for name in TOLD} == TOLD


def test_a_node_keeps_what_it_is_called_and_the_places_and_sizes_that_it_was_given(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("RAYFARM_CLUSTER_NODE", "gpu-7")
    monkeypatch.delenv("RAYFARM_CLUSTER_LABELS", raising=False)
    monkeypatch.setenv("RAYFARM_CLUSTER_CACHE_DIR", "/nvme/cache")
    monkeypatch.setenv("RAYFARM_CLUSTER_CACHE_BYTES", "")
    drivers = {
        "RAYFARM_CLUSTER_NODE": "head",
        "RAYFARM_CLUSTER_LABELS": '{"disk": "none"}',
        "RAYFARM_CLUSTER_CACHE_DIR": "/tmp/cache",
        "RAYFARM_CLUSTER_CACHE_BYTES": "1000",
    }
    ToldEnvironment(drivers).enter()
    assert os.environ["RAYFARM_CLUSTER_NODE"] == "gpu-7"
    assert "RAYFARM_CLUSTER_LABELS" not in os.environ
    assert os.environ["RAYFARM_CLUSTER_CACHE_DIR"] == "/nvme/cache"
    assert os.environ["RAYFARM_CLUSTER_CACHE_BYTES"] == "1000"


def test_a_farm_whose_nodes_know_their_settings_is_told_nothing() -> None:
    app = renderer_app(ClusterSettings())
    assert "runtime_env" not in app._bound_deployment.ray_actor_options
