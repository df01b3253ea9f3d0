"""The CPU rasteriser: holds a cloud prepared for it and draws pictures of it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from jobs.states import EndReason
from pipelines.errors import EngineError
from pipelines.splats import projection, raster
from pipelines.splats.cameras import Camera
from pipelines.splats.cloud import Floats, GaussianCloud
from pipelines.splats.drawing import Drawing, DrawOptions
from pipelines.splats.numba_kernels import numba

_STRETCHES = 64
"""Of the cloud; whichever thread is free takes the next."""
_PIECES = 16
"""Of the sorted gaussians while the tile lists are made."""
MAX_PIECE_COUNTS = 1 << 26
"""Counters of all pieces and tiles together: 256 MiB."""
MAX_LIST_ENTRIES = 1 << 28
"""Of the tile lists that are held at once: 1 GiB. A picture that needs more is drawn band by band."""


class CpuRasteriser:
    """Draws one cloud. Memory besides the cloud: 48 bytes a gaussian, 150 for one that is seen, 4 an overlap."""

    device = "CPU"

    def __init__(self, cloud: GaussianCloud, *, threads: int) -> None:
        self._cloud = cloud
        self._threads = max(1, min(threads, numba.config.NUMBA_NUM_THREADS))
        numba.set_num_threads(self._threads)
        n = cloud.count
        self._covariances: Floats = np.empty((n, 6), np.float32)
        projection.covariances(cloud.quats, cloud.scales, self._covariances)
        self._records: Floats = np.empty((n, projection.COLUMNS), np.float32)  # pages of what is not seen stay unused
        self._sorted: Floats = np.empty((n, projection.COLUMNS), np.float32)
        self._keys = np.empty((2, n), np.uint32)
        self._index = np.empty((2, n), np.int32)
        self._entries: npt.NDArray[np.int32] = np.empty(0, np.int32)
        self._lanes = raster.lanes()

    def draw(self, camera: Camera, options: DrawOptions) -> Drawing:
        """One picture. Raises ``EngineError`` where a single row of tiles outgrows ``MAX_LIST_ENTRIES``."""
        seen = self._project(camera, options)
        width, height = camera.width, camera.height
        columns, rows = -(-width // raster.TILE), -(-height // raster.TILE)
        tiles = columns * rows
        pieces = max(1, min(_PIECES, MAX_PIECE_COUNTS // tiles))
        counts = np.zeros((pieces, tiles), np.int32)
        raster.count_tiles(self._sorted, seen, width, height, counts)
        drawing = Drawing.blank(width, height, depth=options.depth)
        starts = np.empty(tiles + 1, np.int64)
        places = np.empty((pieces, tiles), np.int64)
        overlaps = 0
        for first_row, end_row in _bands(counts, rows, columns):
            first, end = first_row * columns, end_row * columns
            total = raster.starts_of(counts, first, end, starts, places)
            if total > self._entries.size:
                self._entries = np.empty(int(total * 1.25), np.int32)
            raster.fill_tiles(self._sorted, seen, width, height, first_row, end_row, places, self._entries)
            raster.blend(
                self._sorted,
                self._entries,
                starts,
                first,
                end,
                self._threads,
                self._lanes,
                options.depth,
                drawing.colour,
                drawing.light,
                drawing.depth if drawing.depth is not None else np.empty((1, 1), np.float32),
            )
            overlaps += total
        return drawing.finished(seen=seen, overlaps=overlaps)

    def _project(self, camera: Camera, options: DrawOptions) -> int:
        """Fill ``_sorted`` from near to far; how many there are."""
        counts = np.zeros(min(_STRETCHES, max(1, self._cloud.count)), np.int64)
        projection.project(
            self._cloud.means,
            self._covariances,
            self._cloud.opacities,
            self._cloud.sh,
            min(options.sh_degree, self._cloud.sh_degree),
            camera.world_to_camera[:3].astype(np.float32),
            np.array([camera.fx, camera.fy, camera.cx, camera.cy], np.float32),
            np.array([camera.width, camera.height], np.float32),
            np.float32(options.near),
            np.float32(options.far),
            options.antialiased,
            self._records,
            counts,
        )
        seen = raster.depth_order(
            self._records.view(np.uint32),
            counts,
            self._cloud.count,
            self._keys[0],
            self._index[0],
            self._keys[1],
            self._index[1],
        )
        raster.gather(self._records, self._index[1], seen, self._sorted)
        return int(seen)


def _bands(counts: npt.NDArray[np.int32], rows: int, columns: int) -> list[tuple[int, int]]:
    """Runs of tile rows whose lists fit together into ``MAX_LIST_ENTRIES``."""
    sizes = counts.reshape(-1, rows, columns).sum(axis=(0, 2), dtype=np.int64)
    if sizes.max(initial=0) > MAX_LIST_ENTRIES:
        raise EngineError(
            EndReason.OUT_OF_MEMORY,
            f"Sixteen lines of this picture are covered {int(sizes.max()) // columns} times over by gaussians.",
            remedy="The cloud is probably damaged: look at its largest gaussians; or render it smaller.",
        )
    bands, first, held = [], 0, 0
    for row, size in enumerate(sizes.tolist()):
        if held + size > MAX_LIST_ENTRIES:
            bands.append((first, row))
            first, held = row, 0
        held += size
    return [*bands, (first, rows)]
