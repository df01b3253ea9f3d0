"""Shows the registration of a scene: what is uploaded, what the farm's probe says."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

from rayfarm.cli.output import Output
from rayfarm.client import Client
from rayfarm.types import Json, Model


def register(
    client: Client,
    scene: Path,
    *,
    output: Output,
    maps: Sequence[tuple[str, str]] = (),
    allow: Sequence[Path] = (),
) -> Model:
    """Register the scene and tell each step."""

    def step(text: str) -> None:
        output.say(text)
        output.record(step=text)

    with Progress(
        TextColumn("uploading"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        console=output.console,
        transient=True,
        disable=not output.is_live,
    ) as progress:
        task = progress.add_task("upload", total=None, visible=False)

        def sent(count: int, total: int) -> None:
            progress.update(task, total=total, advance=count, visible=True)

        model = client.register_model(scene, map=maps, allow=allow, on_step=step, on_sent=sent)
    say_probe(model, output)
    return model


def say_probe(model: Model, output: Output) -> None:
    """What the probe found, in a line; scripts that will not run, in a line each."""
    probe: Json = model.probe or {}
    output.record(model=model.id, state=model.state, probe=dict(probe))
    facts = []
    if "frame_start" in probe:
        facts.append(f"frames {probe['frame_start']}-{probe['frame_end']}")
    resolution = probe.get("resolution")
    if isinstance(resolution, dict):
        resolution = [resolution.get("x"), resolution.get("y"), resolution.get("percentage")]
    if isinstance(resolution, list) and len(resolution) >= 2:
        scaled = f" at {resolution[2]} %" if len(resolution) > 2 and resolution[2] not in (None, 100) else ""
        facts.append(f"{resolution[0]}x{resolution[1]}{scaled}")
    if probe.get("fps"):
        facts.append(f"{float(probe['fps']):g} fps")
    if probe.get("engine"):
        facts.append(str(probe["engine"]))
    if facts:
        output.say(f"scene: {', '.join(facts)}")
    for script in probe.get("blocked_scripts") or ():
        output.say(f"blocked script, it will not run: {script}")
    for warning in probe.get("warnings") or ():
        output.say(f"warning: {warning}")
