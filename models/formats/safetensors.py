"""Reads the header of a .safetensors file without trusting it, and knows a pickle by its first bytes.

Layout: 8 bytes (little-endian length of the header), the header (JSON: tensor name to type, shape and place), the data.
Nothing but the header is read, and it is bounded. Unlike a pickle, the format holds numbers only: no code.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from models.errors import ModelInvalid

MAX_HEADER_BYTES = 16 << 20
"""A header of 100,000 tensors; the largest models in use have some thousands (0.3 MiB)."""
MAX_TENSORS = 100_000
MAX_DIMENSIONS = 16
ITEM_BYTES: Mapping[str, int] = {
    "BOOL": 1,
    "U8": 1,
    "I8": 1,
    "F8_E5M2": 1,
    "F8_E4M3": 1,
    "U16": 2,
    "I16": 2,
    "F16": 2,
    "BF16": 2,
    "U32": 4,
    "I32": 4,
    "F32": 4,
    "U64": 8,
    "I64": 8,
    "F64": 8,
}
"""Bytes of one number of each type that is read."""

_LENGTH_BYTES = 8
_METADATA = "__metadata__"
_ZIP = b"PK\x03\x04"
_PICKLE = b"\x80"
_PICKLE_PROTOCOLS = range(2, 6)
_CONVERT = (
    "Save it again as safetensors: load it in diffusers on a machine that may run its code, and call "
    "save_pretrained(folder, safe_serialization=True)."
)
_UPLOAD_AGAIN = "Copy it again from where it is whole, and upload it again."


@dataclass(frozen=True, slots=True, kw_only=True)
class TensorFacts:
    """One tensor as the header describes it."""

    dtype: str
    shape: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SafetensorsSummary:
    """A file whose header is sound and fits its size."""

    tensors: Mapping[str, TensorFacts]
    data_bytes: int


def looks_like_a_pickle(head: bytes) -> bool:
    """Whether a file that begins so is a pickle, or the ZIP archive of one that PyTorch writes (4 bytes suffice)."""
    return head[:4] == _ZIP or (head[:1] == _PICKLE and len(head) > 1 and head[1] in _PICKLE_PROTOCOLS)


def refuse_pickle(name: str) -> NoReturn:
    """Raises ``ModelInvalid``: loading a pickle runs whatever code its author put into it."""
    raise ModelInvalid(
        f"{name} is a pickle, which can run code when it is loaded; this farm reads weights from safetensors only.",
        remedy=_CONVERT,
        cause="pickle",
    )


def inspect_safetensors(path: Path, *, name: str | None = None) -> SafetensorsSummary:
    """Check that a file is safetensors, whole and without holes or overlaps; raises ``ModelInvalid``.

    ``name``: what the user calls it.
    """
    called = name or path.name
    size = path.stat().st_size
    with path.open("rb") as file:
        start = file.read(_LENGTH_BYTES)
        if looks_like_a_pickle(start):
            refuse_pickle(called)
        length = int.from_bytes(start, "little")
        if len(start) < _LENGTH_BYTES or length > min(size - _LENGTH_BYTES, MAX_HEADER_BYTES) or length < 2:
            raise _damaged(called, f"it says that its header has {length:,} bytes, and the file has {size:,}")
        header = _parse(called, file.read(length))
    data_bytes = size - _LENGTH_BYTES - length
    return SafetensorsSummary(tensors=_check_tensors(called, header, data_bytes), data_bytes=data_bytes)


def _parse(name: str, text: bytes) -> dict[str, Any]:
    try:
        header = json.loads(text, object_pairs_hook=_without_doubles)
    except (ValueError, RecursionError) as error:
        raise _damaged(name, f"its header is not JSON ({type(error).__name__})") from error
    if not isinstance(header, dict):
        raise _damaged(name, "its header is not a table of tensors")
    metadata = header.pop(_METADATA, {})
    if not isinstance(metadata, dict) or not all(isinstance(value, str) for value in metadata.values()):
        raise _damaged(name, "its metadata is not text")
    if not 0 < len(header) <= MAX_TENSORS:
        raise _damaged(name, f"it holds {len(header):,} tensors; 1 to {MAX_TENSORS:,} are read")
    return header


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    table = dict(pairs)
    if len(table) != len(pairs):
        raise ValueError("a name appears twice")
    return table


def _check_tensors(name: str, header: dict[str, Any], data_bytes: int) -> dict[str, TensorFacts]:
    tensors: dict[str, TensorFacts] = {}
    places: list[tuple[int, int]] = []
    for tensor, facts in header.items():
        shown = tensor[:200]
        if not isinstance(facts, dict) or set(facts) != {"dtype", "shape", "data_offsets"}:
            raise _damaged(name, f"tensor {shown!r} is not described by dtype, shape and data_offsets")
        dtype, shape, offsets = facts["dtype"], facts["shape"], facts["data_offsets"]
        item_bytes = ITEM_BYTES.get(dtype) if isinstance(dtype, str) else None
        if item_bytes is None:
            raise _damaged(name, f"tensor {shown!r} has the unknown type {str(dtype)[:40]!r}")
        if not _are_sizes(shape) or len(shape) > MAX_DIMENSIONS:
            raise _damaged(name, f"tensor {shown!r} has no valid shape")
        if not _are_sizes(offsets) or len(offsets) != 2 or not offsets[0] <= offsets[1] <= data_bytes:
            raise _damaged(name, f"tensor {shown!r} lies outside the file")
        if math.prod(shape) * item_bytes != offsets[1] - offsets[0]:
            raise _damaged(name, f"tensor {shown!r} has not the size that its shape says")
        tensors[tensor] = TensorFacts(dtype=dtype, shape=tuple(shape))
        places.append((offsets[0], offsets[1]))
    end = 0
    for begin, after in sorted(places):
        if begin != end:
            raise _damaged(name, "its tensors overlap or leave holes")
        end = after
    if end != data_bytes:
        raise _damaged(name, f"its tensors end at {end:,} of {data_bytes:,} bytes of data")
    return tensors


def _are_sizes(value: object) -> bool:
    return isinstance(value, list) and all(type(item) is int and 0 <= item < 1 << 63 for item in value)


def _damaged(name: str, what: str) -> ModelInvalid:
    return ModelInvalid(f"{name} is not a whole safetensors file: {what}.", remedy=_UPLOAD_AGAIN, cause="damaged")
