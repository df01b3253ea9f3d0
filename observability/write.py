"""Writes the files that Prometheus and Grafana read: ``python -m observability.write [--runbooks URL]``.

`tests/observability` compares the committed files with what this module would write.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from observability.dashboards import DASHBOARDS
from observability.dashboards.json_model import dashboard_json
from observability.kubernetes_rules import prometheus_rule
from observability.rules import RUNBOOKS, alert_rules, recording_rules
from observability.slo_page import with_tables

HERE = Path(__file__).resolve().parent
KUBERNETES_RULES = HERE.parent / "kuberay" / "components" / "monitoring" / "rules.yaml"
SLO_PAGE = HERE.parent / "docs" / "operations" / "slo.md"


def files(*, runbooks: str = RUNBOOKS) -> dict[Path, str]:
    """Path to content, of every file that is written."""
    rules = HERE / "prometheus" / "rules"
    return {
        rules / "rayfarm-recording.yaml": recording_rules(),
        rules / "rayfarm-alerts.yaml": alert_rules(runbooks=runbooks),
        KUBERNETES_RULES: prometheus_rule(runbooks=runbooks),
        **{
            HERE / "grafana" / "dashboards" / f"{dashboard.uid}.json": dashboard_json(dashboard)
            for dashboard in DASHBOARDS
        },
        SLO_PAGE: with_tables(SLO_PAGE.read_text()),
    }


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m observability.write", description=__doc__.splitlines()[0])
    parser.add_argument("--runbooks", default=RUNBOOKS, help="where the pages of docs/operations/runbooks are read")
    for path, content in files(runbooks=parser.parse_args().runbooks.rstrip("/")).items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
        sys.stdout.write(f"wrote {path.relative_to(HERE.parent)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
