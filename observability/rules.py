"""The Prometheus rules: what is recorded, and every alert."""

from __future__ import annotations

from datetime import timedelta
from itertools import groupby
from typing import Any

import yaml

from observability.alerts import ALERTS, Alert
from observability.slo import SLOS, WINDOWS, ratio, ratio_series

HEAD = "# Written by `python -m observability.write` from observability/*.py; edit those.\n"
RUNBOOKS = "https://rayfarm.dev/docs/operations/runbooks"
"""Where the pages of the alerts are read, unless `--runbooks` says otherwise."""


def recording_rules() -> str:
    """`rayfarm-recording.yaml`."""
    groups = [
        {
            "name": f"rayfarm-{slo.name.replace('_', '-')}",
            "rules": [{"record": ratio_series(slo, window), "expr": ratio(slo, window)} for window in WINDOWS],
        }
        for slo in SLOS
    ]
    return _yaml({"groups": groups})


def alert_rules(*, runbooks: str = RUNBOOKS) -> str:
    """`rayfarm-alerts.yaml`."""
    groups = [
        {"name": group, "rules": [_rule(alert, runbooks) for alert in alerts]}
        for group, alerts in groupby(ALERTS, key=lambda alert: alert.group)
    ]
    return _yaml({"groups": groups})


def _rule(alert: Alert, runbooks: str) -> dict[str, Any]:
    rule: dict[str, Any] = {"alert": alert.name, "expr": alert.expression}
    if alert.lasts:
        rule["for"] = _duration(alert.lasts)
    rule["labels"] = {"severity": str(alert.severity)}
    rule["annotations"] = {"summary": alert.summary, "runbook_url": f"{runbooks}/{alert.name}.md"}
    return rule


def _duration(time: timedelta) -> str:
    return f"{int(time.total_seconds() // 60)}m"


class _Dumper(yaml.SafeDumper):
    """Long expressions as blocks, so that people can read them."""


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style="|" if "\n" in value else None)


_Dumper.add_representer(str, _text)


def _yaml(content: dict[str, Any]) -> str:
    return HEAD + yaml.dump(content, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=10_000)
