"""The add-on's zip, and a Blender that has it."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.clients.blender.inside import in_blender

CLIENT = Path(__file__).resolve().parents[3] / "clients" / "blender"
sys.path.insert(0, str(CLIENT))  # the layer below Blender is imported as it lies there


def load_build() -> Any:
    spec = importlib.util.spec_from_file_location("rayfarm_addon_build", CLIENT / "build.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def addon_zip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Path(load_build().build(tmp_path_factory.mktemp("addon") / "rayfarm.zip"))


@pytest.fixture
def blender(addon_zip: Path, tmp_path: Path) -> Callable[..., dict[str, Any]]:
    """``blender(script, url=…, key=…)``: what the script told."""

    def run(script: str, **farm: str) -> dict[str, Any]:
        return in_blender(script, addon=addon_zip, home=tmp_path, **farm)

    return run
