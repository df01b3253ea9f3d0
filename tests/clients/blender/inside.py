"""Runs a script inside a Blender of its own, in which the add-on's zip was installed as a user installs it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

PRELUDE = """
import importlib, json, os, time
from pathlib import Path
import bpy

ADDON = "bl_ext.user_default.rayfarm"
bpy.ops.extensions.package_install_files(
    filepath=os.environ["ADDON_ZIP"], repo="user_default", enable_on_install=True
)
runtime = importlib.import_module(ADDON + ".runtime")
preferences = bpy.context.preferences.addons[ADDON].preferences
preferences.url = os.environ.get("FARM_URL", "")
preferences.api_key = os.environ.get("FARM_KEY", "")
session = runtime.session()
assert bpy.app.timers.is_registered(runtime.pump)


def pump_until(holds, what):
    '''What the event loop of a Blender with windows does with a timer that is registered.'''
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline, (what, session.words, lines(), session.offline, session.jobs)
        runtime.pump()
        time.sleep(0.02)


def pressed(operator, **options):
    '''The button; an operator that reports an error raises in a script.'''
    try:
        return operator(**options)
    except RuntimeError:
        return {"CANCELLED"}


def lines():
    return list(session.problem.lines) if session.problem else []


def copies():
    return [str(path) for path in Path(bpy.app.tempdir).glob("rayfarm-*")]


def tell(**facts):
    print("TOLD " + json.dumps(facts))

"""


def in_blender(script: str, *, addon: Path, home: Path, url: str = "", key: str = "") -> dict[str, Any]:
    """What the script told; fails with its output where it did not come to its end."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("RAYFARM_")}
    environment |= {
        "BLENDER_USER_RESOURCES": str(home / "blender"),
        "ADDON_ZIP": str(addon),
        "FARM_URL": url,
        "FARM_KEY": key,
        "PYTHONPATH": "",
        "REPOSITORY": str(Path(__file__).resolve().parents[3]),
    }
    home.joinpath("blender").mkdir(parents=True, exist_ok=True)
    done = subprocess.run(
        [sys.executable, "-c", PRELUDE + textwrap.dedent(script)],
        cwd=home,
        env=environment,
        capture_output=True,
        text=True,
        timeout=270,
        check=False,
    )
    told = [line.removeprefix("TOLD ") for line in done.stdout.splitlines() if line.startswith("TOLD ")]
    assert done.returncode == 0, done.stdout + done.stderr
    assert told, done.stdout + done.stderr
    facts: dict[str, Any] = {}
    for line in told:
        facts |= json.loads(line)
    return facts
