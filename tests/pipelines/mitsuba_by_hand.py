"""Renders with plain Mitsuba in a process of its own: `python mitsuba_by_hand.py JOBS.json`; each job writes a .npy."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

from pipelines.mitsuba.variants import find_llvm

os.environ["DRJIT_LIBLLVM_PATH"] = find_llvm(None) or "none"

import mitsuba as mi
import numpy as np


def render(job: dict[str, Any]) -> None:
    """`scene`, `variant`, `spp`, `seed`, `out`; `parameters` of the scene, `replace`: texts of it."""
    mi.set_variant(job["variant"])
    text = Path(job["scene"]).read_text()
    for old, new in job.get("replace", {}).items():
        assert old in text
        text = text.replace(old, new)
    path = Path(job["out"]).with_suffix(".xml")
    path.write_text(text)
    scene = mi.load_file(str(path), **{name: str(value) for name, value in job.get("parameters", {}).items()})
    np.save(job["out"], np.array(mi.render(scene, spp=job["spp"], seed=job["seed"])))


if __name__ == "__main__":
    for each in json.loads(Path(sys.argv[1]).read_text()):
        render(each)
