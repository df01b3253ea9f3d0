"""The example makes weights that the farm takes as they are."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from models.kinds import ModelKind, check_main_file
from rayfarm.registration import files_below, main_of, pipeline_for
from tests.pipelines.diffusion_stage import BUILD_TIMEOUT_S

EXAMPLE = Path(__file__).parents[2] / "examples" / "make_diffusion.py"


def test_the_example_makes_a_folder_of_weights_that_diffusion_takes(tmp_path: Path) -> None:
    folder = tmp_path / "tinysd"
    command = [sys.executable, str(EXAMPLE), str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=BUILD_TIMEOUT_S, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    check_main_file(ModelKind.DIFFUSION, main_of(folder))
    assert pipeline_for(folder) == "diffusion"
    names = files_below(folder)
    assert not [name for name in names if name.startswith("made-tokenizer")]
    assert sum(path.stat().st_size for path in names.values()) < 8 << 20
