"""Walks the records of an FBX file without trusting them: it is one, it is whole, and it unpacks to what could be true.

A binary record says where it ends, how many properties it has and how long they are; an array may be packed with zlib.
Source: the format as the Blender project has described it publicly (code.blender.org, "FBX binary file format").
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import BinaryIO

from models.errors import ModelInvalid

MAX_UNPACKED_BYTES = 64 << 30
"""Of all arrays together, as they claim."""
MAX_RECORDS = 5_000_000
"""A scene of 100,000 objects has some two million."""
MAX_PROPERTIES = 20_000_000
"""Of all records together: a scene of 100,000 objects has some ten million. Each takes about a microsecond."""
MAX_DEPTH = 64
"""Records inside records; real files stay below 10."""
MAX_PACK_RATIO = 1040
"""zlib makes at most some 1032 bytes of one."""

_BINARY = b"Kaydara FBX Binary  \x00"
_TEXT_WORDS = (b"; FBX", b"FBXHeaderExtension")
_HEAD_BYTES = 27
_LONG_OFFSETS = 7500
"""From this version on a record's numbers have 64 bits."""
_OLDEST = 6100
"""What Blender's importer reads."""
_SIMPLE = {b"C": 1, b"B": 1, b"Y": 2, b"I": 4, b"F": 4, b"D": 8, b"L": 8}
_ARRAYS = {b"b": 1, b"c": 1, b"i": 4, b"f": 4, b"d": 8, b"l": 8}
_SAVE_AGAIN = "Export it again as binary FBX 7.4 or 7.5, and upload that file."


def inspect_fbx(path: Path) -> None:
    """Check a main file; raises ``ModelInvalid``. Of a text file only the beginning is looked at."""
    with path.open("rb") as file:
        head = file.read(4096)
        if not head.startswith(_BINARY):
            if b"\0" in head or not any(word in head for word in _TEXT_WORDS):
                raise ModelInvalid(
                    f"{path.name} is not an FBX file: it does not begin as one.",
                    remedy=_SAVE_AGAIN,
                    cause="not-an-fbx",
                )
            return
        if len(head) < _HEAD_BYTES:
            raise _damaged(path.name, "it is cut off")
        version = struct.unpack_from("<I", head, 23)[0]
        if not _OLDEST <= version < 10_000:
            raise ModelInvalid(f"{path.name} is of FBX version {version}.", remedy=_SAVE_AGAIN)
        file.seek(_HEAD_BYTES)
        _Walk(file, size=path.stat().st_size, name=path.name, version=version).run()


class _Walk:
    """Goes over all records once, forward."""

    def __init__(self, file: BinaryIO, *, size: int, name: str, version: int) -> None:
        self._file = file
        self._size = size
        self._name = name
        self._head = struct.Struct("<QQQB" if version >= _LONG_OFFSETS else "<IIIB")
        self._records = 0
        self._properties = 0
        self._unpacked = 0

    def run(self) -> None:
        ends = [self._size]
        """Where the records that we are inside of end."""
        while True:
            position = self._file.tell()
            if len(ends) > 1 and position == ends[-1]:
                ends.pop()
                continue
            end = self._record(ends[-1])
            if end is None:
                if len(ends) == 1:
                    return  # what follows is a footer
                if self._file.tell() != ends[-1]:
                    raise _damaged(self._name, "a record ends before the place that it says")
                ends.pop()
                continue
            if self._file.tell() < end:
                if len(ends) >= MAX_DEPTH:
                    raise _damaged(self._name, f"it has more than {MAX_DEPTH} records inside each other")
                ends.append(end)

    def _record(self, limit: int) -> int | None:
        """Skip one record's properties; where it ends, or ``None`` for the empty one that closes a list."""
        start = self._file.tell()
        head = self._file.read(self._head.size)
        if len(head) < self._head.size:
            raise _damaged(self._name, "it is cut off")
        end, count, length, name_length = self._head.unpack(head)
        if end == 0:
            return None
        self._records += 1
        if self._records > MAX_RECORDS:
            raise ModelInvalid(
                f"{self._name} has more than {MAX_RECORDS} records.", remedy="Split the scene into several files."
            )
        properties = start + self._head.size + name_length
        if not properties + length <= end <= limit:
            raise _damaged(self._name, f"a record at byte {start} ends outside of what holds it")
        self._properties += count
        if self._properties > MAX_PROPERTIES:
            raise ModelInvalid(
                f"{self._name} has more than {MAX_PROPERTIES} properties.", remedy="Split the scene into several files."
            )
        self._file.seek(properties)
        for _ in range(count):
            self._property(properties + length)
        if self._file.tell() != properties + length:
            raise _damaged(self._name, f"the properties of the record at byte {start} have another length")
        return int(end)

    def _property(self, limit: int) -> None:
        kind = self._file.read(1)
        if kind in _SIMPLE:
            self._skip(_SIMPLE[kind], limit)
        elif kind in (b"S", b"R"):
            self._skip(self._numbers("<I", limit)[0], limit)
        elif kind in _ARRAYS:
            length, packed, stored = self._numbers("<III", limit)
            claimed = length * _ARRAYS[kind]
            if claimed > stored * (MAX_PACK_RATIO if packed else 1):
                raise _damaged(self._name, f"an array claims {claimed} bytes and has {stored}")
            self._unpacked += claimed
            if self._unpacked > MAX_UNPACKED_BYTES:
                raise ModelInvalid(
                    f"{self._name} unpacks to more than {MAX_UNPACKED_BYTES >> 30} GiB.",
                    remedy="Split the scene into several files.",
                    cause="too-large",
                )
            self._skip(stored, limit)
        else:
            raise _damaged(self._name, f"it has a property of no known kind {kind!r}")

    def _numbers(self, layout: str, limit: int) -> tuple[int, ...]:
        size = struct.calcsize(layout)
        data = self._file.read(size)
        if len(data) < size or self._file.tell() > limit:
            raise _damaged(self._name, "a property ends outside of its record")
        return struct.unpack(layout, data)

    def _skip(self, count: int, limit: int) -> None:
        if self._file.tell() + count > limit:
            raise _damaged(self._name, "a property ends outside of its record")
        self._file.seek(count, 1)


def _damaged(name: str, what: str) -> ModelInvalid:
    return ModelInvalid(f"{name} is damaged: {what}.", remedy=_SAVE_AGAIN, cause="damaged")
