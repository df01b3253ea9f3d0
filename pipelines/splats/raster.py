"""Depth order, tile lists and front-to-back blending of projected gaussians, on the CPU.

A tile is 16×16 pixels. Every step is exact in the order of gaussians: the picture does not depend on the number of
threads. Where a gaussian's alpha falls below 1/255 it is left out, and a pixel is closed once less than 1e-4 of the
light behind would come through; both as in the CUDA rasterisers.
"""

from __future__ import annotations

import math

import numpy as np

from pipelines.splats.numba_kernels import njit, prange
from pipelines.splats.projection import (
    BLUE,
    CONIC_A,
    CONIC_B,
    CONIC_C,
    DEPTH,
    EXTENT_X,
    EXTENT_Y,
    GREEN,
    OPACITY,
    REACH,
    RED,
    F,
    X,
    Y,
)

TILE = 16
"""Pixels; two vectors of eight floats."""
_SHIFT = 4
_RADIX_BITS = 11
_BUCKETS = 1 << _RADIX_BITS
_PIXELS = TILE * TILE
_LOOK = 32
"""Gaussians between two looks whether any pixel of the tile is still open."""

_ZERO, _HALF, _ONE, _TWO, _LAST = F(0), F(0.5), F(1), F(2), F(TILE - 1)
_SLACK = F(0.01)
"""Pixels by which spans are widened against rounding; what they take in besides is refused pixel by pixel."""
_MAX_ALPHA = F(0.999)
_CLOSED = F(1e-4)
_FAST = True

# exp(-x) for 0 <= x <= 0.75 by a polynomial, then the eighth power: enough for 0 <= 8 x <= ln(255) < 6.
# Least squares at Chebyshev nodes; relative error below 2e-7 before and 1e-6 after the power.
_EIGHTH = F(0.125)
_TOP = F(6)


def _exponential_polynomial() -> tuple[np.float32, ...]:
    nodes = 0.375 + 0.375 * np.cos(math.pi * (np.arange(64) + 0.5) / 64)
    return tuple(F(value) for value in np.polynomial.Polynomial.fit(nodes, np.exp(-nodes), 5).convert().coef)


_E0, _E1, _E2, _E3, _E4, _E5 = _exponential_polynomial()
_LANES = np.arange(TILE, dtype=np.float32) + F(0.5)


@njit(cache=True)
def depth_order(bits, counts, capacity, keys, index, spare_keys, spare_index):  # type: ignore[no-untyped-def]
    """Rows of the records from near to far into ``spare_index``, equal depths in the file's order; returns how many.

    ``bits``: the records seen as 32-bit integers, in the order of which positive floats are sorted: 11 bits at a time.
    """
    stretch = (capacity + counts.shape[0] - 1) // counts.shape[0]
    n = 0
    histogram = np.zeros((3, _BUCKETS), np.int64)
    for block in range(counts.shape[0]):
        for row in range(block * stretch, block * stretch + counts[block]):
            key = bits[row, DEPTH]
            keys[n] = key
            index[n] = row
            n += 1
            histogram[0, key & np.uint32(_BUCKETS - 1)] += 1
            histogram[1, (key >> np.uint32(_RADIX_BITS)) & np.uint32(_BUCKETS - 1)] += 1
            histogram[2, key >> np.uint32(2 * _RADIX_BITS)] += 1
    for turn in range(3):
        total = 0
        for bucket in range(_BUCKETS):
            held = histogram[turn, bucket]
            histogram[turn, bucket] = total
            total += held
    _distribute(keys, index, n, np.uint32(0), histogram[0], spare_keys, spare_index)
    _distribute(spare_keys, spare_index, n, np.uint32(_RADIX_BITS), histogram[1], keys, index)
    _distribute(keys, index, n, np.uint32(2 * _RADIX_BITS), histogram[2], spare_keys, spare_index)
    return n


@njit(cache=True)
def _distribute(keys, index, n, shift, starts, to_keys, to_index):  # type: ignore[no-untyped-def]
    for i in range(n):
        key = keys[i]
        bucket = (key >> shift) & np.uint32(_BUCKETS - 1)
        place = starts[bucket]
        starts[bucket] = place + 1
        to_keys[place] = key
        to_index[place] = index[i]


@njit(parallel=True, cache=True)
def gather(records, order, n, target):  # type: ignore[no-untyped-def]
    """The records in order, so that the tile lists walk through memory."""
    for i in prange(n):
        row = order[i]
        for column in range(target.shape[1]):
            target[i, column] = records[row, column]


@njit(fastmath=_FAST, cache=True)
def _tiles(low, high, limit):  # type: ignore[no-untyped-def]
    """First and last tile with a pixel centre between two coordinates, for 0 to ``limit`` pixels; last < first: none.

    Clamped while still floats: a wild coordinate has no place among the integers.
    """
    first = math.ceil(max(_ZERO, low - _HALF - _SLACK))
    last = math.floor(min(F(limit - 1), high - _HALF + _SLACK))
    return first >> _SHIFT, last >> _SHIFT if last >= first else -1


@njit(fastmath=_FAST, cache=True)
def _branch(record, dy, sign):  # type: ignore[no-untyped-def]
    """Where the outline of the gaussian's reach is to the right (or left) of its centre, ``dy`` pixels below it."""
    a, b, c = record[CONIC_A], record[CONIC_B], record[CONIC_C]
    inside = (b * b - a * c) * dy * dy + _TWO * a * record[REACH]
    return (sign * math.sqrt(max(_ZERO, inside)) - b * dy) / a


@njit(fastmath=_FAST, cache=True)
def _span(record, tile_row, width):  # type: ignore[no-untyped-def]
    """First and last tile of a row of tiles that the gaussian touches: its outline, not its bounding box."""
    top = F(tile_row * TILE) + _HALF - record[Y]
    extent_x, extent_y = record[EXTENT_X], record[EXTENT_Y]
    from_y, to_y = max(top, -extent_y), min(top + _LAST, extent_y)
    lean = -record[CONIC_B] / record[CONIC_C] * extent_x  # below the centre, where the outline is furthest right
    right = _branch(record, min(to_y, max(from_y, lean)), _ONE)
    left = _branch(record, min(to_y, max(from_y, -lean)), -_ONE)
    return _tiles(record[X] + left, record[X] + right, width)


@njit(parallel=True, fastmath=_FAST, cache=True)
def count_tiles(records, n, width, height, counts):  # type: ignore[no-untyped-def]
    """Into ``counts`` (pieces, tiles): how many gaussians of each piece of the order touch each tile."""
    pieces, columns = counts.shape[0], (width + TILE - 1) // TILE
    piece = (n + pieces - 1) // pieces
    for p in prange(pieces):
        for i in range(p * piece, min(n, (p + 1) * piece)):
            record = records[i]
            row, last_row = _tiles(record[Y] - record[EXTENT_Y], record[Y] + record[EXTENT_Y], height)
            while row <= last_row:
                first, last = _span(record, row, width)
                for tile in range(row * columns + first, row * columns + last + 1):
                    counts[p, tile] += 1
                row += 1


@njit(cache=True)
def starts_of(counts, first_tile, last_tile, starts, places):  # type: ignore[no-untyped-def]
    """Where each tile's list begins (``starts``, one more than tiles), and each piece's share of it (``places``)."""
    total = 0
    for tile in range(first_tile, last_tile):
        starts[tile] = total
        for p in range(counts.shape[0]):
            places[p, tile] = total
            total += counts[p, tile]
    starts[last_tile] = total
    return total


@njit(parallel=True, fastmath=_FAST, cache=True)
def fill_tiles(records, n, width, height, first_row, end_row, places, entries):  # type: ignore[no-untyped-def]
    """Write the lists of the tile rows ``first_row`` to ``end_row`` (not included), near to far."""
    pieces, columns = places.shape[0], (width + TILE - 1) // TILE
    piece = (n + pieces - 1) // pieces
    for p in prange(pieces):
        for i in range(p * piece, min(n, (p + 1) * piece)):
            record = records[i]
            row, last_row = _tiles(record[Y] - record[EXTENT_Y], record[Y] + record[EXTENT_Y], height)
            row = max(row, first_row)
            while row <= last_row and row < end_row:
                first, last = _span(record, row, width)
                for tile in range(row * columns + first, row * columns + last + 1):
                    entries[places[p, tile]] = i
                    places[p, tile] += 1
                row += 1


@njit(fastmath=_FAST, cache=True)
def _blend_row(line, record, dx0, dy, lanes, with_depth):  # type: ignore[no-untyped-def]
    """One gaussian over one row of 16 pixels. ``line``: 16 each of light left, open, red, green, blue, depth.

    One array and no branches, so that the compiler makes vectors of it.
    """
    a, b, c = record[CONIC_A], record[CONIC_B], record[CONIC_C]
    reach, opacity = record[REACH], record[OPACITY]
    red, green, blue, depth = record[RED], record[GREEN], record[BLUE], record[DEPTH]
    half_a, slope, base = _HALF * a, b * dy, _HALF * c * dy * dy
    for j in range(TILE):
        dx = dx0 - lanes[j]
        power = (half_a * dx + slope) * dx + base
        x = (power if power < _TOP else _TOP) * _EIGHTH
        e = _E0 + x * (_E1 + x * (_E2 + x * (_E3 + x * (_E4 + x * _E5))))
        e = e * e
        e = e * e
        e = e * e
        alpha = opacity * e
        alpha = alpha if alpha < _MAX_ALPHA else _MAX_ALPHA
        alpha = alpha if (power <= reach) & (power >= _ZERO) else _ZERO
        light = line[j]
        is_open = line[TILE + j]
        weight = alpha * light * is_open
        rest = light - weight
        is_open = is_open if rest > _CLOSED else _ZERO
        weight = weight * is_open
        line[j] = light - weight
        line[TILE + j] = is_open
        line[2 * TILE + j] += weight * red
        line[3 * TILE + j] += weight * green
        line[4 * TILE + j] += weight * blue
        if with_depth:
            line[5 * TILE + j] += weight * depth


@njit(fastmath=_FAST, cache=True)
def _draw_tile(lines, records, entries, start, end, x0, y0, lanes, with_depth):  # type: ignore[no-untyped-def]
    for e in range(start, end):
        if (e - start) % _LOOK == _LOOK - 1:
            still_open = _ZERO
            for i in range(TILE):
                for j in range(TILE, 2 * TILE):
                    still_open += lines[i, j]
            if still_open == _ZERO:
                return
        record = records[entries[e]]
        x, y, extent = record[X] - x0, record[Y] - y0, record[EXTENT_Y]
        first = math.ceil(max(_ZERO, y - extent - _HALF))
        last = math.floor(min(_LAST, y + extent - _HALF))
        for i in range(first, last + 1):
            _blend_row(lines[i], record, x, y - lanes[i], lanes, with_depth)


@njit(parallel=True, fastmath=_FAST, cache=True)
def blend(  # type: ignore[no-untyped-def]
    records, entries, starts, first_tile, end_tile, workers, lanes, with_depth, colour, light, depth
):
    """Draw the tiles ``first_tile`` to ``end_tile``: colour (H, W, 3), light left (H, W), depth (H, W) or (1, 1)."""
    height, width = light.shape
    columns = (width + TILE - 1) // TILE
    for worker in prange(workers):  # every n-th tile each: neighbours cost alike
        lines = np.empty((TILE, 6 * TILE), np.float32)
        for tile in range(first_tile + worker, end_tile, workers):
            y0, x0 = (tile // columns) * TILE, (tile % columns) * TILE
            lines[:, : 2 * TILE] = _ONE
            lines[:, 2 * TILE :] = _ZERO
            _draw_tile(lines, records, entries, starts[tile], starts[tile + 1], F(x0), F(y0), lanes, with_depth)
            for i in range(min(TILE, height - y0)):
                for j in range(min(TILE, width - x0)):
                    light[y0 + i, x0 + j] = lines[i, j]
                    colour[y0 + i, x0 + j, 0] = lines[i, 2 * TILE + j]
                    colour[y0 + i, x0 + j, 1] = lines[i, 3 * TILE + j]
                    colour[y0 + i, x0 + j, 2] = lines[i, 4 * TILE + j]
                    if with_depth:
                        depth[y0 + i, x0 + j] = lines[i, 5 * TILE + j]


def lanes() -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    """Centres of a row's pixels, as floats: the compiler has no vector for turning integers into them."""
    return _LANES.copy()
