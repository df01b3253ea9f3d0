"""Whether a film can carry its scene's sound, and the mixing of it in a throwaway process."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from jobs.errors import InvalidInput
from jobs.plain_files import open_plain
from jobs.states import EndReason
from pipelines.base import FrameRequest, MixesSound, ModelFiles, Pipeline
from pipelines.errors import EngineError
from pipelines.host import EngineHost
from pipelines.settings import EngineSettings
from pipelines.sound_format import MAX_SECONDS, SoundRange

MIX_TIMEOUT = timedelta(minutes=15)
"""A mix runs many times faster than it plays: 1 s of one strip took 0.03 s. Minutes mean a file that never ends."""
_REMEDY = "Ask for the film with audio `none`, or mend the sound in the scene and register it again."


def why_silent(pipeline: Pipeline, facts: Mapping[str, Any], *, numbers: Sequence[int], fps: float) -> str | None:
    """What keeps a film of these frames from the scene's sound; None: nothing. ``facts``: of the scene's probe."""
    if not isinstance(pipeline, MixesSound):
        return f"pipeline {pipeline.name} has no sound"
    if not (facts.get("details") or {}).get("sound"):
        return "the scene has no sound"
    if not numbers or max(numbers) - min(numbers) + 1 != len(numbers):
        return "its frames do not follow each other one by one"
    own = float(facts.get("fps") or 0)
    if abs(own - fps) > 1e-3 * own:
        return f"it plays {fps:g} frames a second, and the scene {own:g}"
    if len(numbers) / fps > MAX_SECONDS:
        return f"it is longer than {MAX_SECONDS // 3600} hours"
    return None


async def mix_sound(
    files: ModelFiles, *, pipeline: Pipeline, first: int, last: int, workdir: Path, settings: EngineSettings
) -> Path:
    """The scene's sound from frame ``first`` to ``last`` as a WAV below ``workdir``.

    Raises ``InvalidInput`` for a scene whose sound cannot be mixed, and ``EngineError`` for trouble of the machine.
    """
    if not isinstance(pipeline, MixesSound):
        raise InvalidInput(f"Pipeline {pipeline.name} has no sound.")
    host = await EngineHost.start(
        pipeline=pipeline,
        workdir=workdir,
        models=(files.root,),
        settings=settings.model_copy(update={"load_timeout": min(MIX_TIMEOUT, settings.load_timeout)}),
        engine_module=pipeline.sound_module,
    )
    wanted = SoundRange(first=first, last=last)
    request = FrameRequest(id="sound", frame=first, settings=wanted.model_dump(), scratch=workdir / "sound")
    try:
        await host.load(files)
        async with asyncio.timeout(MIX_TIMEOUT.total_seconds()):
            mixed = (await host.render(request)).main
    except TimeoutError:
        raise InvalidInput(f"The scene's sound was not mixed within {MIX_TIMEOUT}.", remedy=_REMEDY) from None
    except EngineError as error:
        if error.reason in (EndReason.OUT_OF_MEMORY, EndReason.INFRA):
            raise  # the machine's trouble as much as the scene's: try again
        raise InvalidInput(f"The scene's sound cannot be mixed: {error.message}", remedy=_REMEDY) from error
    finally:
        await host.kill()
    try:
        open_plain(mixed).close()  # until it was killed, the engine could put another file there; now it stays
    except OSError as error:
        raise InvalidInput(f"The scene's sound cannot be read: {error.strerror}.", remedy=_REMEDY) from error
    return mixed
