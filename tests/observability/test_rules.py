"""Rules and alerts: each fires when it should and not when it should not, names what is told, and has its page."""

from __future__ import annotations

import re
import subprocess
from itertools import chain
from pathlib import Path

import pytest
import yaml

from cluster.metrics.catalogue import REQUESTS
from observability.alerts import ALERTS, Severity
from observability.names import RAY_LABELS, labels_in, names_in
from observability.write import files
from tests.observability.tools import KNOWN, ROOT, RULES, TESTS, alert_rules, read, recorded, run

pytestmark = pytest.mark.timeout(600)

RUNBOOKS = ROOT / "docs" / "operations" / "runbooks"
HEADINGS = ["What it means", "How bad it is", "Look", "Mend", "Afterwards"]
UNIT_TESTS = sorted(TESTS.glob("*.test.yaml"))


def expressions() -> dict[str, str]:
    return {name: rule["expr"] for name, rule in alert_rules().items()} | recorded()


@pytest.mark.parametrize("path", files(), ids=lambda path: path.name)
def test_a_written_file_is_what_the_code_writes(path: Path) -> None:
    assert path.read_text() == files()[path], "run: python -m observability.write"


def test_the_place_of_the_pages_can_be_ones_own() -> None:
    written = files(runbooks="https://git.example.org/runbooks")[RULES / "rayfarm-alerts.yaml"]
    urls = re.findall(r"runbook_url: (\S+)", written)
    assert len(urls) == len(ALERTS)
    assert all(url.startswith("https://git.example.org/runbooks/") for url in urls)


def test_promtool_takes_the_rules() -> None:
    done = run("promtool", "check", "rules", *sorted(RULES.glob("*.yaml")))
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("path", UNIT_TESTS, ids=lambda path: path.name)
def test_unit_tests_of_the_rules_pass(path: Path) -> None:
    done = run("promtool", "test", "rules", path)
    assert done.returncode == 0, done.stdout + done.stderr


def test_unit_tests_notice_an_alert_that_never_fires_and_one_that_always_does(tmp_path: Path) -> None:
    """So that a unit test which proves nothing is found."""
    for folder, expression in (("never", "vector(1) > 2"), ("always", "vector(1)")):
        rules, tests = tmp_path / folder / "rules", tmp_path / folder / "tests"
        rules.mkdir(parents=True)
        tests.mkdir()
        (rules / "rayfarm-recording.yaml").write_text((RULES / "rayfarm-recording.yaml").read_text())
        broken = read(RULES / "rayfarm-alerts.yaml")
        for group in broken["groups"]:
            for rule in group["rules"]:
                rule["expr"] = expression
        (rules / "rayfarm-alerts.yaml").write_text(yaml.safe_dump(broken))
        (tests / "out.test.yaml").write_text((TESTS / "out.test.yaml").read_text())
        done = run("promtool", "test", "rules", tests / "out.test.yaml")
        failed = set(re.findall(r"alertname: (\w+)", done.stdout + done.stderr))
        assert failed == {"EventsNotTaken", "WebhooksLag", "DeliveriesLag"}, folder


def test_every_alert_has_a_case_in_which_it_fires_and_one_in_which_it_does_not() -> None:
    fires, quiet = set(), set()
    for case in chain.from_iterable(read(path)["tests"] for path in UNIT_TESTS):
        given = set(chain.from_iterable(names_in(series["series"]) for series in case["input_series"]))
        for check in case["alert_rule_test"]:
            name = check["alertname"]
            if check["exp_alerts"]:
                fires.add(name)
            elif given & asks_for(name):  # else it is quiet for want of anything to look at
                quiet.add(name)
    assert fires == quiet == {alert.name for alert in ALERTS}


def asks_for(alert: str) -> set[str]:
    """Metrics behind an alert, through what is recorded."""
    names = names_in(alert_rules()[alert]["expr"])
    return names | set(chain.from_iterable(names_in(recorded()[name]) for name in names if name in recorded()))


@pytest.mark.parametrize("name", expressions())
def test_a_rule_names_only_what_is_told(name: str) -> None:
    expression = expressions()[name]
    assert names_in(expression)
    assert names_in(expression) <= KNOWN.keys() | recorded().keys()
    for metric, label in labels_in(expression):
        assert label in KNOWN[metric] | RAY_LABELS, f"{metric} has no label {label}"


def test_a_name_that_nobody_tells_is_found() -> None:
    found = names_in(
        'sum by (class) (rate(ray_rayfarm_nothing{state="a b"}[5m] offset 1h)) / max(other:ratio_rate5m) > 3'
    )
    assert found == {"ray_rayfarm_nothing", "other:ratio_rate5m"}
    assert list(labels_in('a{b="c{}", d!~"e"} + f{g="h"}')) == [("a", "b"), ("a", "d"), ("f", "g")]


def test_a_bucket_that_a_rule_asks_for_exists() -> None:
    asked = set(
        re.findall(r'ray_rayfarm_api_request_seconds_bucket\{[^}]*le="([^"]+)"', "".join(expressions().values()))
    )
    assert asked
    assert asked <= {str(boundary) for boundary in REQUESTS.boundaries}


@pytest.mark.parametrize("name", alert_rules())
def test_an_alert_leads_to_its_page_which_says_what_to_do(name: str) -> None:
    rule = alert_rules()[name]
    assert rule["labels"]["severity"] in set(Severity)
    assert rule["annotations"]["summary"]
    url = rule["annotations"]["runbook_url"]
    page = RUNBOOKS / url.rsplit("/", 1)[1]
    assert page.stem == name
    text = page.read_text()
    assert text.startswith(f"# {name}\n")
    assert re.findall(r"^## (.+)$", text, re.MULTILINE) == HEADINGS
    for section in re.split(r"^## .+$", text, flags=re.MULTILINE)[1:]:
        assert len(section.split()) >= 8, f"{page.name}: a section says next to nothing"


def test_no_step_asks_for_what_only_one_machine_has_and_the_index_says_where_each_runs_elsewhere() -> None:
    pages = {page.name: page.read_text() for page in RUNBOOKS.glob("*.md")}
    index = pages.pop("README.md").split("## Where commands run")[1]
    for name, text in pages.items():
        assert "admin_key" not in text, name
        for word in ("vacuum (", "pg_terminate_backend", "pg_cancel_backend"):
            assert word not in text or "[the owner](README.md#where-commands-run)" in text, name
    for needed in ("RAYFARM_API_KEY", "cluster.local.database", "jq", "ray_logs", "pkill", "database-owner"):
        assert needed in index


def test_no_page_is_of_an_alert_that_is_gone() -> None:
    pages = {page.stem for page in RUNBOOKS.glob("*.md")} - {"README"}
    assert pages - {"AwsAlarms"} == set(alert_rules())  # those of CloudWatch are Terraform's
    index = (RUNBOOKS / "README.md").read_text()
    assert set(re.findall(r"\]\((\w+)\.md\)", index)) == pages


def test_the_tools_say_what_to_do_where_they_cannot_be_had(tmp_path: Path) -> None:
    (tmp_path / "dirname").symlink_to("/usr/bin/dirname")
    done = subprocess.run(
        ["/bin/bash", ROOT / ".ci" / "prometheus-tools"],
        env={"PATH": str(tmp_path), "RAYFARM_TOOLS_CACHE": str(tmp_path / "nowhere")},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert "apt-get install prometheus prometheus-alertmanager" in " ".join(done.stderr.split())
