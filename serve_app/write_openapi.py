"""Prints the OpenAPI document: ``python -m serve_app.write_openapi > openapi.json``. No farm need run."""

from __future__ import annotations

import json
import sys

from serve_app.app import build_app
from serve_app.settings import ApiSettings


def main() -> None:
    """To standard output."""
    json.dump(build_app(ApiSettings()).openapi(), sys.stdout, ensure_ascii=False, indent=2)
    sys.stdout.write("\n")


if __name__ == "__main__":
    main()
