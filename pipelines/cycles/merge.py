"""Puts the parts of a frame together in linear 32-bit light, then has a throwaway Blender make the picture of it.

Where the picture is that light as it is (OpenEXR without loss, not denoised), it is written here: a Blender starts for
some seconds.

``OpenEXR`` is imported here and never in a process that has ``bpy``: with persistent data Blender's next render would
end in a segmentation fault.
"""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path

import numpy as np
import numpy.typing as npt
import OpenEXR

from jobs.errors import InvalidInput
from jobs.spec import Split, SplitMode
from jobs.states import EndReason
from pipelines.base import FrameRequest, Pipeline
from pipelines.cycles.finish_request import FinishRequest
from pipelines.cycles.settings import MAX_PIXELS
from pipelines.cycles.split import FrameNotes, PartNotes, read_notes
from pipelines.errors import EngineError
from pipelines.host import EngineHost
from pipelines.output_check import check_contained
from pipelines.post.exr import checked_size
from pipelines.post.exr_layout import check_blocks
from pipelines.settings import EngineSettings

FINISH_TIMEOUT = timedelta(hours=1)
"""Denoising and writing one picture takes seconds; 268 million pixels on a slow machine take minutes."""
FINISH_MODULE = "pipelines.cycles.finish"
MAX_CHANNELS = 2_000
"""Of a part: some layers of some twenty passes of one to four channels. More is no scene but damage."""
PART_LIMIT_BYTES = 4 * 1024**3
"""Of a part, decoded: the largest picture that Cycles renders, without passes, or 8K with thirty channels. Merging
layers holds twice as much."""

_COMBINED = ("Combined.R", "Combined.G", "Combined.B", "Combined.A")
_ALBEDO = ("Denoising Albedo.R", "Denoising Albedo.G", "Denoising Albedo.B")
_NORMAL = ("Denoising Normal.X", "Denoising Normal.Y", "Denoising Normal.Z")
_CODECS = {"NONE": "NO_COMPRESSION"}
_LOSSLESS = frozenset({"NONE", "RLE", "ZIPS", "ZIP", "PIZ"})
_LARGEST_HALF = np.float32(np.finfo(np.float16).max)
_OF_ONE_RENDER = ("Date", "Time", "RenderTime", "chunkCount", "channels")
"""Header words that hold for a part alone, or that the writer makes itself."""

Picture = npt.NDArray[np.float32]


def merge_parts(
    parts: Sequence[Path],
    target: Path,
    *,
    pipeline: Pipeline,
    frame: int,
    split: Split,
    extension: str,
    size: tuple[int, int] | None,
) -> None:
    """Write the frame that the parts make to ``target``; ``extension`` with its dot says of what kind it is,
    ``size`` is its width and height where the settings settle them.

    Raises ``InvalidInput`` for parts that are not all those of this frame, ``EngineError`` where Blender fails.
    Holds the merged channels as 64-bit and one part as 32-bit floats: 130 MB for a 4K frame, 500 MB denoised.
    """
    notes = _agreed([read_notes(path) for path in parts], frame=frame, split=split)
    whole = notes[0].whole
    if size is not None and whole.size != size:
        raise InvalidInput(
            f"Frame {frame} is not merged: its parts are {whole.size[0]}x{whole.size[1]} pixels; "
            f"the job's settings ask for {size[0]}x{size[1]}."
        )
    for path in parts:
        _check_header(path, whole)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix="merge-") as name:
        folder = Path(name)
        finished = folder / f"finished{extension}"
        if whole.multilayer:
            _paste_layers(parts, notes, finished)
        elif _is_light(whole):
            _write_light(finished, _merge_light(parts, notes)["light"], whole)
        else:
            asyncio.run(_finish(_for_blender(whole, _merge_light(parts, notes), folder, extension), pipeline, finished))
        shutil.move(finished, target)


def _agreed(notes: list[PartNotes], *, frame: int, split: Split) -> list[PartNotes]:
    if [note.number for note in notes] != list(range(split.parts)):
        raise InvalidInput(f"Frame {frame} is not merged: its {len(notes)} parts are not the {split.parts} in order.")
    wholes = {note.whole.model_dump_json() for note in notes}
    whole = notes[0].whole
    if len(wholes) > 1 or (whole.frame, whole.mode, whole.parts) != (frame, split.mode, split.parts):
        raise InvalidInput(
            f"Frame {frame} is not merged: its parts are of different frames or settings.",
            remedy="Render the frame again.",
        )
    if whole.size[0] * whole.size[1] > MAX_PIXELS:
        raise InvalidInput(f"Frame {frame} is not merged: it is larger than {MAX_PIXELS} pixels.")
    return notes


def _check_header(path: Path, whole: FrameNotes) -> None:
    """Before any pixel is read: a whole file, the size that the notes say, channels that fit into memory."""
    check_blocks(path)
    with _open(path, header_only=True) as file:
        corner = [whole.size[0] - 1, whole.size[1] - 1]
        for layer in file.parts:
            low, high = layer.header["dataWindow"]
            if [*low] != [0, 0] or [*high] != corner:
                raise InvalidInput(f"{path.name} is not {whole.size[0]}x{whole.size[1]} pixels.")
        headers = [layer.header for layer in file.parts]
        checked_size(headers, path.name, PART_LIMIT_BYTES, max_channels=MAX_CHANNELS)


def _is_light(whole: FrameNotes) -> bool:
    """The frame is an OpenEXR file to whose numbers Blender would do nothing."""
    file = whole.file
    return (
        file.file_format == "OPEN_EXR"
        and whole.denoise is None
        and file.linear_space is None
        and file.color_mode in ("RGB", "RGBA")
        and file.exr_codec in _LOSSLESS
    )


def _merge_light(parts: Sequence[Path], notes: list[PartNotes]) -> dict[str, Picture]:
    """(height, width, channels) each: the light, and what its denoiser asks for."""
    whole = notes[0].whole
    wanted: dict[str, tuple[str, ...]] = {"light": _COMBINED}
    if whole.denoise is not None and whole.denoise.albedo:
        wanted["albedo"] = _ALBEDO
    if whole.denoise is not None and whole.denoise.normal:
        wanted["normal"] = _NORMAL
    width, height = whole.size
    sums = {name: np.zeros((height, width, len(channels))) for name, channels in wanted.items()}
    for path, note in zip(parts, notes, strict=True):
        channels = _channels(path)
        for name, keys in wanted.items():
            _add(sums[name], [_channel(channels, f"{whole.layer}.{key}", path) for key in keys], note)
    if whole.mode is SplitMode.SAMPLES:
        for total in sums.values():
            total /= whole.samples
    return {name: total.astype(np.float32) for name, total in sums.items()}


def _for_blender(whole: FrameNotes, merged: Mapping[str, Picture], folder: Path, extension: str) -> FinishRequest:
    written = {name: folder / f"{name}.exr" for name in merged}
    for name, path in written.items():
        _write_rgba(path, merged[name])
    return FinishRequest(whole=whole, extension=extension, **{name: str(path) for name, path in written.items()})


def _write_light(path: Path, pixels: Picture, whole: FrameNotes) -> None:
    """As Blender writes it: what is beyond a half is the largest half."""
    pixels = pixels[:, :, : len(whole.file.color_mode)]
    if whole.file.color_depth == "16":
        pixels = np.clip(pixels, -_LARGEST_HALF, _LARGEST_HALF).astype(np.float16)
    header = {"compression": _codec(whole), "type": OpenEXR.scanlineimage}
    OpenEXR.File(header, {whole.file.color_mode: np.ascontiguousarray(pixels)}).write(str(path))


def _add(total: npt.NDArray[np.float64], channels: list[Picture], note: PartNotes) -> None:
    """Samples: weighed by how many they are. Borders: the part's rows, as they are."""
    rows = _from_the_top(note)
    for index, channel in enumerate(channels):
        if note.whole.mode is SplitMode.SAMPLES:
            total[:, :, index] += channel * np.float64(len(note.samples))
        else:
            total[rows, :, index] = channel[rows]


def _from_the_top(note: PartNotes) -> slice:
    height = note.whole.size[1]
    return slice(height - note.rows.stop, height - note.rows.start)


def _paste_layers(parts: Sequence[Path], notes: list[PartNotes], target: Path) -> None:
    """All layers and passes of all parts, in the order and under the names that Blender gave them."""
    whole = notes[0].whole
    if whole.mode is not SplitMode.BORDERS or whole.denoise is not None:
        raise InvalidInput("Passes are merged by borders only, and not denoised.", field="split.mode")
    with _open(parts[0]) as first:
        layers = [
            (layer.name(), dict(layer.header), {name: one.pixels.copy() for name, one in layer.channels.items()})
            for layer in first.parts
        ]
    for path, note in zip(parts[1:], notes[1:], strict=True):
        channels, rows = _channels(path), _from_the_top(note)
        for _, _, pasted in layers:
            for name, pixels in pasted.items():
                pixels[rows] = _channel(channels, name, path)[rows]
    codec = _codec(whole)
    OpenEXR.File(
        [OpenEXR.Part({**_kept(header), "compression": codec}, pasted, name) for name, header, pasted in layers]
    ).write(str(target))


def _codec(whole: FrameNotes) -> object:
    return getattr(OpenEXR, _CODECS.get(whole.file.exr_codec, f"{whole.file.exr_codec}_COMPRESSION"))


def _kept(header: Mapping[str, object]) -> dict[str, object]:
    return {
        name: value for name, value in header.items() if name not in _OF_ONE_RENDER and not name.startswith("cycles.")
    }


def _channels(path: Path) -> dict[str, Picture]:
    with _open(path) as file:
        return {name: channel.pixels for layer in file.parts for name, channel in layer.channels.items()}


def _channel(channels: Mapping[str, Picture], name: str, path: Path) -> Picture:
    if name not in channels:
        raise InvalidInput(f"{path.name} lacks the channel {name!r}.", remedy="Render the frame again.")
    return channels[name]


def _open(path: Path, *, header_only: bool = False) -> OpenEXR.File:
    try:
        return OpenEXR.File(str(path), separate_channels=True, header_only=header_only)
    except (RuntimeError, ValueError) as error:
        raise InvalidInput(f"{path.name} cannot be read as OpenEXR: {error}", remedy="Render it again.") from error


def _write_rgba(path: Path, pixels: Picture) -> None:
    """(height, width, 3 or 4); a missing alpha is 1."""
    if pixels.shape[2] == 3:
        pixels = np.concatenate([pixels, np.ones_like(pixels[:, :, :1])], axis=2)
    header = {"compression": OpenEXR.NO_COMPRESSION, "type": OpenEXR.scanlineimage}
    OpenEXR.File(header, {"RGBA": np.ascontiguousarray(pixels)}).write(str(path))


async def _finish(request: FinishRequest, pipeline: Pipeline, target: Path) -> None:
    """What people see, made in the folder of ``target``."""
    workdir = target.parent.resolve()
    host = await EngineHost.start(
        pipeline=pipeline, workdir=workdir, models=(), settings=EngineSettings(), engine_module=FINISH_MODULE
    )
    try:
        async with asyncio.timeout(FINISH_TIMEOUT.total_seconds()):
            output = await host.render(
                FrameRequest(
                    id="finish",
                    frame=request.whole.frame,
                    settings=request.model_dump(mode="json"),
                    scratch=workdir / "finish",
                )
            )
    except TimeoutError:
        raise EngineError(
            EndReason.TIMEOUT,
            f"The merged frame was not finished within {FINISH_TIMEOUT.total_seconds():g} s.",
            remedy="Split smaller frames, or look why the machine is slow.",
        ) from None
    finally:
        await host.kill()
    check_contained(output.main, str(workdir))  # until the kill it could be changed
    output.main.replace(target)
