"""The schemas that the web app's tests draw forms of are those of the pipelines."""

from __future__ import annotations

import json
from pathlib import Path

from serve_app.pipelines.write_schemas import schemas

_KEPT = Path(__file__).parents[2] / "web" / "tests" / "pipelines.json"


def test_the_web_apps_tests_have_the_settings_that_the_pipelines_have() -> None:
    kept = json.loads(_KEPT.read_text(encoding="utf-8"))
    assert kept == json.loads(json.dumps(schemas())), (
        "Renew it: python -m serve_app.pipelines.write_schemas > web/tests/pipelines.json"
    )
