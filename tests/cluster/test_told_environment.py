"""What a batch farm is told reaches Serve's controller and the workers, and no log."""

from __future__ import annotations

import json
import logging
import os

import pytest
from ray import cloudpickle
from ray.serve._private.autoscaling_state import _resolve_policy_callable
from ray.serve._private.config import DeploymentConfig

from cluster.autoscaling import BacklogPolicy, autoscaling_config
from cluster.dispatching import dispatcher_app
from cluster.renderer import renderer_app
from cluster.settings import ClusterSettings
from cluster.told_environment import ToldEnvironment

PASSWORD = "do-not-log-me-0123456789"
URL = f"postgresql://farm:{PASSWORD}@db.example.org/farm"
TOLD = {"RAYFARM_DATABASE_URL": URL, "RAYFARM_CLUSTER_ID": "batch-1"}


def test_serve_logs_no_password_when_it_makes_the_policy_and_the_policy_has_it(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = DeploymentConfig(autoscaling_config=autoscaling_config(ClusterSettings(id="batch-1"), database_url=URL))
    got = DeploymentConfig.from_proto_bytes(sent.to_proto_bytes())
    assert got.autoscaling_config is not None
    logger = logging.getLogger("ray.serve")
    monkeypatch.setattr(logger, "propagate", True)
    with caplog.at_level(logging.INFO, logger="ray.serve"):
        policy = _resolve_policy_callable(got.autoscaling_config.policy)
    assert "batch-1" in caplog.text
    assert PASSWORD not in caplog.text
    assert PASSWORD not in repr(got)
    assert vars(policy)["_database_url"] == URL
    assert type(policy).__name__ == BacklogPolicy.__name__


def test_no_runtime_env_of_a_batch_farm_holds_what_its_processes_are_told() -> None:
    apps = (
        dispatcher_app(lambda: pytest.fail("built in its own process"), environment=TOLD),
        renderer_app(ClusterSettings(id="batch-1"), environment=TOLD, database_url=URL),
    )
    for app in apps:
        deployment = app._bound_deployment
        assert PASSWORD not in json.dumps(deployment.ray_actor_options)
        assert deployment.ray_actor_options["runtime_env"]["env_vars"].keys() == {"RAYFARM_BATCH_STARTED"}
        [told] = [each for each in deployment.init_args if isinstance(each, ToldEnvironment)]
        assert told.variables == TOLD
        assert PASSWORD not in repr(deployment.init_args)


def test_a_process_takes_over_what_came_to_it_pickled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAYFARM_DATABASE_URL", "the node's own")
    monkeypatch.setenv("RAYFARM_CLUSTER_ID", "")
    cloudpickle.loads(cloudpickle.dumps(ToldEnvironment(TOLD))).enter()
    assert {name: os.environ[name] for name in TOLD} == TOLD


def test_a_farm_whose_nodes_know_their_settings_is_told_nothing() -> None:
    app = renderer_app(ClusterSettings())
    assert "runtime_env" not in app._bound_deployment.ray_actor_options
