"""Opens an uploaded model in a throwaway process and reads what it says: a hostile file harms that process alone."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path

from jobs.states import EndReason
from models.errors import ModelInvalid
from models.kinds import check_main_file
from models.lint import report_on
from models.manifest import Manifest
from models.probe import ProbeReport, parse_facts
from pipelines.base import LoadReport, ModelFiles, Pipeline
from pipelines.errors import EngineCrashed, EngineError
from pipelines.host import EngineHost
from pipelines.settings import EngineSettings

PROBE_TIMEOUT = timedelta(minutes=5)
"""Opening a scene renders nothing: 14 MB and 2 M triangles take 2 s, so minutes mean a file that never ends."""


async def probe_model(
    files: ModelFiles,
    *,
    pipeline: Pipeline,
    manifest: Manifest,
    workdir: Path,
    settings: EngineSettings,
    timeout: timedelta = PROBE_TIMEOUT,
) -> ProbeReport:
    """What is in the model, and what it lacks. Raises ``ModelInvalid`` for what no job could render.

    Files that are missing do not make a model invalid: they may still come, and bring what else seems to be missing.
    """
    await asyncio.to_thread(check_main_file, manifest.kind, files.main_path)
    host = await EngineHost.start(
        pipeline=pipeline,
        workdir=workdir,
        models=(files.root,),
        settings=settings.model_copy(update={"load_timeout": min(timeout, settings.load_timeout)}),
        engine_module=pipeline.probe_module,
    )
    try:
        report = await _load(host, files)
    finally:
        await host.kill()
    found = report_on(parse_facts(report.details), manifest)
    fatal = found.fatal
    if fatal is not None and not found.missing:
        raise ModelInvalid(fatal.message, remedy=fatal.remedy, finding=fatal.code)
    return found


async def _load(host: EngineHost, files: ModelFiles) -> LoadReport:
    try:
        return await host.load(files)
    except EngineCrashed as error:
        if error.reason is EndReason.OUT_OF_MEMORY:
            raise  # the machine's trouble as much as the file's: try again elsewhere
        raise ModelInvalid(
            f"{files.main} crashed {host.pipeline.title}, in a throwaway process that harms nothing else: "
            f"{error.message}",
            remedy="The file is probably damaged. Open it in the program that made it, save it under a new name, and "
            "upload that; if it does not open there either, go back to an earlier save.",
            signal=error.signal,
        ) from error
    except EngineError as error:
        if error.reason is EndReason.TIMEOUT:
            raise ModelInvalid(
                f"{files.main} did not open within {host.settings.load_timeout.total_seconds():g} s.",
                remedy="Open it in the program that made it to see what takes so long; leave out what is not needed.",
            ) from error
        if error.reason in (EndReason.MODEL_INVALID, EndReason.ENGINE_ERROR):
            raise ModelInvalid(error.message, remedy=error.remedy) from error
        raise
