"""The same rules as an object of Kubernetes: Prometheus' operator loads them in no other form."""

from __future__ import annotations

from textwrap import indent

from observability.rules import HEAD, RUNBOOKS, alert_rules, recording_rules

OBJECT = """\
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: rayfarm
spec:
  groups:
"""


def prometheus_rule(*, runbooks: str = RUNBOOKS) -> str:
    """`kuberay/components/monitoring/rules.yaml`."""
    groups = "".join(
        rules.removeprefix(HEAD).removeprefix("groups:\n")
        for rules in (recording_rules(), alert_rules(runbooks=runbooks))
    )
    return HEAD + OBJECT + indent(groups, "  ")
