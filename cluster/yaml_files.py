"""Reads the YAML files that people hand to the farm's programs; what is wrong with one is told by its name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from jobs.errors import InvalidInput


def read_documents(path: Path) -> list[Any]:
    """All documents of the file; JSON will do. Raises ``InvalidInput``."""
    try:
        return list(yaml.safe_load_all(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise InvalidInput(f"{path} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise InvalidInput(f"{path} is not text in UTF-8.") from error
    except (yaml.YAMLError, ValueError) as error:  # ValueError: a date that no calendar has
        raise InvalidInput(f"{path} is not YAML: {error}") from error
