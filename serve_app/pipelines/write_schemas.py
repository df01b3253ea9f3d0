"""``python -m serve_app.pipelines.write_schemas > web/tests/pipelines.json``: what tests of web forms draw."""

from __future__ import annotations

import json
import sys

from pipelines.registry import PIPELINES


def schemas() -> list[dict[str, object]]:
    """Of every pipeline, what it says of itself wherever it runs."""
    return [
        {
            "name": pipeline.name,
            "model_kinds": sorted(pipeline.model_kinds),
            "split_modes": sorted(pipeline.split_modes),
            "settings_schema": pipeline.settings_type.model_json_schema(),
        }
        for pipeline in sorted(PIPELINES.values(), key=lambda each: each.name)
    ]


if __name__ == "__main__":
    json.dump(schemas(), sys.stdout, indent=1)
    sys.stdout.write("\n")
