"""Panels and dashboards as data, and their JSON as Grafana 10 and later read it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

_COLUMNS = 24
"""Of Grafana's grid."""
_SCHEMA = 39
"""Of Grafana 10.4; later ones migrate it when they load it."""
_SOURCE = {"type": "prometheus", "uid": "${datasource}"}


class Unit(StrEnum):
    """Grafana's names of units."""

    NONE = "short"
    SECONDS = "s"
    BYTES = "bytes"
    SHARE = "percentunit"
    PER_SECOND = "ops"


class Kind(StrEnum):
    """Grafana's names of panels."""

    LINES = "timeseries"
    NUMBER = "stat"
    ALERTS = "alertlist"


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """One line of a panel, or several that differ by labels."""

    promql: str
    legend: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """One panel; ``words`` are behind its (i)."""

    title: str
    words: str
    queries: Sequence[Query] = ()
    kind: Kind = Kind.LINES
    unit: Unit = Unit.NONE
    width: int = 12
    height: int = 8
    stacked: bool = False
    bad_above: float | None = None
    """A number or line turns red there."""
    bad_below: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Dashboard:
    """A page of panels, in rows from left to right."""

    uid: str
    title: str
    words: str
    panels: Sequence[Panel]


def dashboard_json(dashboard: Dashboard) -> str:
    """The file that Grafana's provisioning reads."""
    model = {
        "uid": dashboard.uid,
        "title": dashboard.title,
        "description": dashboard.words,
        "tags": ["rayfarm"],
        "editable": False,  # what is changed in the browser would be gone with the next deployment
        "schemaVersion": _SCHEMA,
        "version": 1,
        "refresh": "30s",
        "time": {"from": "now-6h", "to": "now"},
        "timezone": "browser",
        "graphTooltip": 1,
        "links": [{"type": "dashboards", "tags": ["rayfarm"], "title": "Rayfarm", "asDropdown": False}],
        "annotations": {"list": []},
        "templating": {
            "list": [
                {"name": "datasource", "type": "datasource", "query": "prometheus", "label": "Prometheus", "hide": 0}
            ]
        },
        "panels": list(_placed(dashboard.panels)),
    }
    return json.dumps(model, indent=1, ensure_ascii=False) + "\n"


def _placed(panels: Sequence[Panel]) -> Iterator[dict[str, Any]]:
    x = y = row_height = 0
    for number, panel in enumerate(panels, start=1):
        if x + panel.width > _COLUMNS:
            x, y, row_height = 0, y + row_height, 0
        yield _panel(panel, number, {"x": x, "y": y, "w": panel.width, "h": panel.height})
        x += panel.width
        row_height = max(row_height, panel.height)


def _panel(panel: Panel, number: int, place: dict[str, int]) -> dict[str, Any]:
    found: dict[str, Any] = {
        "id": number,
        "type": str(panel.kind),
        "title": panel.title,
        "description": panel.words,
        "gridPos": place,
        "datasource": _SOURCE,
    }
    if panel.kind is Kind.ALERTS:
        states = {"firing": True, "pending": True, "noData": False, "normal": False, "error": True}
        return found | {"options": {"viewMode": "list", "maxItems": 30, "sortOrder": 1, "stateFilter": states}}
    custom: dict[str, Any] = {"drawStyle": "line", "lineWidth": 1, "showPoints": "never", "spanNulls": False}
    if panel.stacked:
        custom |= {"fillOpacity": 30, "stacking": {"mode": "normal", "group": "A"}}
    if panel.bad_above is not None or panel.bad_below is not None:
        custom["thresholdsStyle"] = {"mode": "line"}
    lowest = {"min": 0} if panel.unit is not Unit.SHARE else {"min": 0, "max": 1} if panel.bad_above is None else {}
    found["fieldConfig"] = {
        "defaults": {
            "unit": str(panel.unit),
            **lowest,
            "thresholds": {"mode": "absolute", "steps": _steps(panel)},
            **({"custom": custom} if panel.kind is Kind.LINES else {}),
        },
        "overrides": [],
    }
    if panel.kind is Kind.LINES:
        found["options"] = {
            "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True},
            "tooltip": {"mode": "multi", "sort": "desc"},
        }
    else:
        found["options"] = {"reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False}}
    found["targets"] = [
        {"refId": chr(ord("A") + place), "datasource": _SOURCE, "expr": query.promql, "legendFormat": query.legend}
        for place, query in enumerate(panel.queries)
    ]
    return found


def _steps(panel: Panel) -> list[dict[str, Any]]:
    if panel.bad_below is not None:
        return [{"color": "red", "value": None}, {"color": "green", "value": panel.bad_below}]
    if panel.bad_above is not None:
        return [{"color": "green", "value": None}, {"color": "red", "value": panel.bad_above}]
    return [{"color": "green", "value": None}]
