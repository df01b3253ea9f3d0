"""What Prometheus, Alertmanager, the collector and Grafana are started with; and the schema of a line of the log."""

from __future__ import annotations

import io
import json
import logging
import re
from pathlib import Path

import jsonschema
import pytest
import structlog

from cluster.logs import LogFormat, LogSettings, configure_logging
from observability.alerts import ALERTS
from tests.observability.tools import OBSERVABILITY, ROOT, read, run

ALERTMANAGER = OBSERVABILITY / "alertmanager" / "alertmanager.yaml"
PROMETHEUS = OBSERVABILITY / "prometheus" / "prometheus.yaml"
SCHEMA = json.loads((OBSERVABILITY / "logs" / "line.schema.json").read_text())


def test_promtool_takes_the_configuration_with_its_rules() -> None:
    done = run("promtool", "check", "config", PROMETHEUS)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "rayfarm-alerts.yaml" in done.stdout


def test_the_targets_of_the_page_are_a_file_that_prometheus_reads(tmp_path: Path) -> None:
    """As observability/README.md writes them."""
    targets = tmp_path / "rayfarm.json"
    targets.write_text('[{"targets": ["127.0.0.1:15130"]}]')
    configuration = PROMETHEUS.read_text().replace("targets/rayfarm*.json", str(targets))
    (tmp_path / "prometheus.yaml").write_text(configuration.replace("rules/*.yaml", str(tmp_path / "none*.yaml")))
    done = run("promtool", "check", "config", tmp_path / "prometheus.yaml")
    assert done.returncode == 0, done.stdout + done.stderr


def test_amtool_takes_the_configuration() -> None:
    done = run("amtool", "check-config", ALERTMANAGER)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("severity", "receiver"), [("page", "pager"), ("ticket", "tickets"), ("unheard of", "tickets")]
)
def test_an_alert_goes_to_whom_its_severity_names(severity: str, receiver: str) -> None:
    test = ["config", "routes", "test", f"--config.file={ALERTMANAGER}", f"--verify.receivers={receiver}"]
    done = run("amtool", *test, "alertname=Any", f"severity={severity}")
    assert done.returncode == 0, done.stdout + done.stderr


def test_no_inhibition_names_an_alert_that_is_gone() -> None:
    names = {alert.name for alert in ALERTS}
    for rule in read(ALERTMANAGER)["inhibit_rules"]:
        for matcher in [*rule["source_matchers"], *rule["target_matchers"]]:
            operator, pattern = re.fullmatch(r'alertname(=~|=|!=)"(.+)"', matcher).groups()  # type: ignore[union-attr]
            for each in pattern.split("|") if operator == "=~" else [pattern]:
                assert any(re.fullmatch(each, name) for name in names), each


def test_no_address_of_a_receiver_is_in_the_configuration() -> None:
    for receiver in read(ALERTMANAGER)["receivers"]:
        [(kind, [settings])] = [each for each in receiver.items() if each[0] != "name"]
        secret = {"pagerduty_configs": "routing_key_file", "slack_configs": "api_url_file"}[kind]
        assert settings[secret].startswith("/etc/alertmanager/secrets/")
        assert not {"routing_key", "service_key", "api_url", "url"} & set(settings)


def test_the_pipelines_of_the_collector_consist_of_parts_that_are_there() -> None:
    """The program itself is not to be had here: docs/operations/not-verified.md has the command."""
    collector = read(OBSERVABILITY / "otel" / "otel-collector.yaml")
    used: dict[str, set[str]] = {"receivers": set(), "processors": set(), "exporters": set()}
    for pipeline in collector["service"]["pipelines"].values():
        assert pipeline["processors"][0] == "memory_limiter"
        for part in used:
            used[part] |= set(pipeline[part])
    assert used == {part: set(collector[part]) for part in used}
    assert set(collector["service"]["extensions"]) == set(collector["extensions"])


def test_grafana_is_told_where_the_dashboards_and_prometheus_are() -> None:
    provisioning = OBSERVABILITY / "grafana" / "provisioning"
    [source] = read(provisioning / "datasources" / "prometheus.yaml")["datasources"]
    [provider] = read(provisioning / "dashboards" / "rayfarm.yaml")["providers"]
    assert (source["type"], source["url"]) == ("prometheus", "${RAYFARM_PROMETHEUS_URL}")
    assert provider["options"]["path"] == "${RAYFARM_DASHBOARDS}"
    variables = ("RAYFARM_PROMETHEUS_URL", "RAYFARM_DASHBOARDS", "RAYFARM_TRACES_OTLP_URL", "RAYFARM_LOGS_OTLP_URL")
    readme = (ROOT / "observability" / "README.md").read_text()
    assert all(name in readme for name in variables)


@pytest.fixture
def lines() -> object:
    target = io.StringIO()
    configure_logging(settings=LogSettings(format=LogFormat.JSON), file=target)
    yield lambda: [json.loads(line) for line in target.getvalue().splitlines()]
    structlog.reset_defaults()
    root = logging.getLogger()
    for handler in [each for each in root.handlers if getattr(each, "is_rayfarm", False)]:
        root.removeHandler(handler)


def test_lines_of_the_farm_and_of_libraries_follow_the_schema(lines: object) -> None:
    structlog.get_logger("t").info("frames_committed", job_id="0195e5f2-0000-7000-8000-000000000001", frame=3)
    try:
        raise RuntimeError("a bug")
    except RuntimeError:
        structlog.get_logger("t").exception("tick_failed")
    logging.getLogger("some.library").warning("a %s", "warning")
    written = lines()  # type: ignore[operator]
    assert [line["event"] for line in written] == ["frames_committed", "tick_failed", "a warning"]
    for line in written:
        jsonschema.validate(line, SCHEMA)
    assert "exception" in written[1]
    assert written[2]["logger"] == "some.library"


@pytest.mark.parametrize(
    "broken",
    [{"job_id": "7"}, {"trace_id": "xyz"}, {"level": "INFO"}, {"timestamp": "28.11.2026 21:30"}, {"event": None}],
)
def test_a_line_that_breaks_the_schema_is_found(broken: dict[str, object]) -> None:
    line = {"event": "e", "level": "info", "timestamp": "2026-11-28T21:30:00.000001Z"}
    jsonschema.validate(line, SCHEMA)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(line | broken, SCHEMA)
