"""A parent whose loop runs on a second thread, as in a Serve replica; prints the pid of a child that hangs."""

from __future__ import annotations

import asyncio
import sys
import threading
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from pipelines.base import FrameRequest, ModelFiles
from pipelines.host import EngineHost
from pipelines.registry import get_pipeline
from pipelines.settings import EngineSettings


async def hang(workdir: Path, model: Path) -> None:
    host = await EngineHost.start(
        pipeline=get_pipeline("fake"), workdir=workdir, models=(model,), settings=EngineSettings()
    )
    await host.load(ModelFiles(digest="0" * 64, root=model, main="model.json"))
    request = FrameRequest(id="x", frame=1, settings={"hang_frames": [1]}, scratch=workdir / "frame")
    rendering = asyncio.create_task(host.render(request))
    await asyncio.sleep(0)
    print(host.pid, flush=True)
    await rendering


if __name__ == "__main__":
    loop = threading.Thread(target=lambda: asyncio.run(hang(Path(sys.argv[1]), Path(sys.argv[2]))))
    loop.start()
    loop.join()
