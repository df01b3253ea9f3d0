"""Opens an uploaded model in a throwaway process and reads what it says: a hostile file harms that process alone."""

from __future__ import annotations

import asyncio
import signal
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

_FROM_OUTSIDE = {signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM, signal.SIGKILL}
"""Signals that no fault of an engine's own raises: an operator, a shutdown, a guard of the machine's memory."""
_DAMAGED = (
    "The file is probably damaged. Open it in the program that made it, save it under a new name, and upload that; if "
    "it does not open there either, go back to an earlier save."
)
_ENDED = "Something on the machine stopped it: a shutdown, an operator, or what guards its memory."


async def probe_model(
    files: ModelFiles,
    *,
    pipeline: Pipeline,
    manifest: Manifest,
    workdir: Path,
    settings: EngineSettings,
) -> ProbeReport:
    """What is in the model, and what it lacks. Raises ``ModelInvalid`` for what no job could render, ``EngineError``
    where the engine broke, passed a limit or took too long, which another try or another machine may not.

    Files that are missing do not make a model invalid: they may still come, and bring what else seems to be missing.
    """
    await asyncio.to_thread(check_main_file, manifest.kind, files.main_path)
    host = await EngineHost.start(
        pipeline=pipeline,
        workdir=workdir,
        models=(files.root,),
        settings=settings.model_copy(update={"load_timeout": settings.probe_timeout}),
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
    """Only what the engine finds in the file is a verdict on it: all else can be the machine's trouble as well."""
    try:
        return await host.load(files)
    except EngineCrashed as error:
        if error.reason is not EndReason.ENGINE_CRASH:
            raise  # over a limit, or out of memory: it says so itself, and what to do
        raise _crash(error, host.pipeline.title, files.main) from error
    except EngineError as error:
        if error.reason is EndReason.TIMEOUT:
            raise EngineError(
                EndReason.TIMEOUT,
                f"{files.main} did not open within {host.settings.load_timeout.total_seconds():g} s.",
                remedy="Open it in the program that made it to see what takes so long; leave out what is not needed. "
                "If it is just large, an operator can raise RAYFARM_ENGINE_PROBE_TIMEOUT.",
            ) from error
        if error.reason is EndReason.MODEL_INVALID:
            raise ModelInvalid(error.message, remedy=error.remedy) from error
        raise


def _crash(error: EngineCrashed, title: str, main: str) -> EngineCrashed:
    """In words that name the file, and blame it only where the process ended of itself."""
    message, remedy = f"{main} crashed {title}, in a throwaway process that harms nothing else", _DAMAGED
    if error.signal in _FROM_OUTSIDE:
        message, remedy = f"The process that was opening {main} in {title} was ended from outside", _ENDED
    return EngineCrashed(
        f"{message}: {error.message}",
        exit_code=error.exit_code,
        signal=error.signal,
        log_tail=error.log_tail,
        remedy=error.remedy or remedy,
    )
