"""Dashboards: PromQL that Prometheus takes, of metrics that are told, on a grid where nothing overlaps."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from observability.names import RAY_LABELS, labels_in, names_in, own
from tests.observability.tools import KNOWN, OBSERVABILITY, recorded, run

FILES = sorted((OBSERVABILITY / "grafana" / "dashboards").glob("*.json"))


def panels_of(path: Path) -> list[dict[str, Any]]:
    return list(json.loads(path.read_text())["panels"])


def queries() -> list[tuple[str, str, str]]:
    """(dashboard: panel, PromQL, legend)."""
    return [
        (f"{path.stem}: {panel['title']}", target["expr"], target["legendFormat"])
        for path in FILES
        for panel in panels_of(path)
        for target in panel.get("targets", [])
    ]


def test_promtool_takes_every_query(tmp_path: Path) -> None:
    asked = queries()
    assert len(asked) > 40
    rules = [{"record": f"panel:query:{number}", "expr": promql} for number, (_, promql, _) in enumerate(asked)]
    (tmp_path / "panels.yaml").write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": rules}]}))
    done = run("promtool", "check", "rules", tmp_path / "panels.yaml")
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(asked)} rules found" in done.stdout + done.stderr


@pytest.mark.parametrize(("panel", "promql", "legend"), queries())
def test_a_panel_names_only_what_is_told(panel: str, promql: str, legend: str) -> None:
    names = names_in(promql)
    assert names
    assert names <= KNOWN.keys() | recorded().keys()
    for metric, label in labels_in(promql):
        assert label in KNOWN[metric] | RAY_LABELS, f"{metric} has no label {label}"
    grouped = {label.strip() for labels in re.findall(r"\bby \(([^)]*)\)", promql) for label in labels.split(",")}
    assert set(re.findall(r"\{\{(\w+)\}\}", legend)) <= grouped, "the legend shows a label that is summed away"


def test_every_metric_of_the_farm_is_on_a_dashboard() -> None:
    shown = set().union(*(names_in(promql) for _, promql, _ in queries()))
    shown |= set().union(*(names_in(recorded()[name]) for name in shown & recorded().keys()))
    family = {name.removesuffix("_bucket").removesuffix("_count").removesuffix("_sum") for name in shown}
    metrics = {name for name in own() if not name.endswith(("_bucket", "_count", "_sum"))}
    metrics |= {name.removesuffix("_count") for name in own() if name.endswith("_count")}
    unseen = metrics - family - shown - {"ray_rayfarm_disk_size_bytes"}
    assert not unseen


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_panels_neither_overlap_nor_leave_the_grid(path: Path) -> None:
    taken: set[tuple[int, int]] = set()
    for panel in panels_of(path):
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken
        taken |= cells


def test_each_dashboard_and_panel_has_a_name_of_its_own_and_says_what_it_shows() -> None:
    ids = [json.loads(path.read_text())["uid"] for path in FILES]
    assert len(set(ids)) == len(ids) == 4
    for path in FILES:
        panels = panels_of(path)
        assert len({panel["id"] for panel in panels}) == len({panel["title"] for panel in panels}) == len(panels)
        assert all(panel["description"] for panel in panels)
