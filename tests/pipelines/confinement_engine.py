"""An engine that renders nothing and tells what its process may see and do."""

from __future__ import annotations

import os
import resource
import sys
import tempfile
from pathlib import Path

from pipelines.base import FrameOutput, FrameRequest, LoadReport, ModelFiles, ProgressCallback


class ConfinementEngine:
    def load(self, model: ModelFiles) -> LoadReport:
        status = Path("/proc/self/status").read_text()
        return LoadReport(
            seconds=0,
            details={
                "environment": dict(os.environ),
                "files": _open_files(),
                "import_path": sys.path,
                "core": resource.getrlimit(resource.RLIMIT_CORE),
                "open_files": resource.getrlimit(resource.RLIMIT_NOFILE),
                "nice": os.nice(0),
                "oom_score_adj": int(Path("/proc/self/oom_score_adj").read_text()),
                "no_new_privileges": status.split("NoNewPrivs:")[1].split()[0],
                "capabilities": status.split("CapEff:")[1].split()[0],
                "interfaces": [
                    line.split(":")[0].strip() for line in Path("/proc/net/dev").read_text().splitlines()[2:]
                ],
                "wrote_home": _can_write(Path(tempfile.gettempdir()) / "inside"),
                "wrote_outside": _can_write(model.root.parent / "outside"),
                "read_model": _can_read(model.main_path),
                "read_outside": _can_read(model.root.parent / "secret"),
                "listed_outside": _can_list(model.root.parent),
                "read_parents_environment": _can_read(Path(f"/proc/{os.getppid()}/environ")),
            },
        )

    def render(self, request: FrameRequest, progress: ProgressCallback) -> FrameOutput:
        raise NotImplementedError


def create_engine() -> ConfinementEngine:
    return ConfinementEngine()


def _open_files() -> list[str]:
    return [str(entry.readlink()) for entry in Path("/proc/self/fd").iterdir() if entry.is_symlink()]


def _can_read(path: Path) -> bool:
    try:
        return bool(path.read_bytes())
    except OSError:
        return False


def _can_list(folder: Path) -> bool:
    try:
        return bool(list(folder.iterdir()))
    except OSError:
        return False


def _can_write(path: Path) -> bool:
    try:
        path.write_text("x")
    except OSError:
        return False
    return True
