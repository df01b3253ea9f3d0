"""Reads the head and the block list of a .blend without trusting it: no Blender, no allocation by the file's word.

Layout: a header (12 bytes up to Blender 4.5, 17 from 5.0), then blocks that each say their length, the last one `ENDB`.
The whole may be compressed with Zstandard (3.0 on) or gzip (before).
"""

from __future__ import annotations

import gzip
import re
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import IO, BinaryIO, cast

import zstandard

from models.errors import ModelInvalid

SUPPORTED_VERSION = (5, 0)
"""Of the Blender that the farm runs (bpy 5.0.1); a newer file can crash it, measured with 5.0 files in 4.5."""
MAX_UNPACKED_BYTES = 64 << 30
"""Beyond this a compressed file is refused as a bomb: a real scene of that size would not load either."""
MAX_BLOCKS = 20_000_000
"""Two million objects make about six million blocks."""

_GZIP = b"\x1f\x8b"
_ZSTD = b"\x28\xb5\x2f\xfd"
_ZSTD_SKIPPABLE = re.compile(rb"[\x50-\x5f]\x2a\x4d\x18")
_OLD = re.compile(rb"BLENDER([_-])([vV])(\d{3})")
_NEW = re.compile(rb"BLENDER(\d\d)-(\d\d)v(\d{4})")
_CHUNK = 1 << 20
_HEADER_BYTES = 17
_OLD_HEADER_BYTES = 12
_KNOWN_FORMAT = 1
"""Newest block layout that this reader and Blender 5.0 know."""

_SAVE_AGAIN = "Open it in Blender and save it again, then upload that file."
_UPLOAD_AGAIN = "Copy it again from where it is whole, or recover it in Blender (File > Recover), and upload it again."


@dataclass(frozen=True, slots=True, kw_only=True)
class BlendHeader:
    """What the first bytes say."""

    version: tuple[int, int]
    """Of the Blender that wrote it: (5, 0), (4, 5), (2, 93)."""
    compression: str
    """`none`, `zstd` or `gzip`."""
    pointer_bytes: int
    file_format: int
    """0 up to Blender 4.5; 1: blocks over 2 GiB."""
    header_bytes: int

    @property
    def blender_version(self) -> str:
        return f"{self.version[0]}.{self.version[1]}"

    @property
    def block_struct(self) -> struct.Struct:
        """Code and length of a block's header; the rest is skipped."""
        if self.file_format >= 1:
            return struct.Struct("<4s4x8xq8x")
        return struct.Struct("<4si8x8x") if self.pointer_bytes == 8 else struct.Struct("<4si4x8x")


@dataclass(frozen=True, slots=True, kw_only=True)
class BlendSummary:
    """A .blend that is whole as far as its block list tells."""

    header: BlendHeader
    blocks: int
    unpacked_bytes: int


def read_header(path: Path) -> BlendHeader:
    """The header alone; raises ``ModelInvalid``."""
    with path.open("rb") as file:
        return _read_header(_Source(file=file, name=path.name, limit=MAX_UNPACKED_BYTES))


def inspect_blend(
    path: Path,
    *,
    supported: tuple[int, int] = SUPPORTED_VERSION,
    max_unpacked_bytes: int = MAX_UNPACKED_BYTES,
    max_blocks: int = MAX_BLOCKS,
) -> BlendSummary:
    """Check that a .blend is one, is not too new, and is not cut off; raises ``ModelInvalid`` with the remedy.

    Reads the whole file when it is compressed (a gigabyte takes some seconds): call it in a thread.
    """
    with path.open("rb") as file:
        source = _Source(file=file, name=path.name, limit=max_unpacked_bytes)
        header = _read_header(source)
        if header.version > supported:
            wanted = f"{supported[0]}.{supported[1]}"
            raise ModelInvalid(
                f"{path.name} was saved by Blender {header.blender_version}; this farm runs Blender {wanted}, "
                "which cannot read it reliably.",
                remedy=f"Save it with Blender {wanted} or older, or upgrade the farm.",
                blender_version=header.blender_version,
            )
        return _walk(source, header, max_blocks)


class _Source:
    """The unpacked bytes of a .blend, read forward within bounds."""

    def __init__(self, *, file: BinaryIO, name: str, limit: int) -> None:
        self.name = name
        self.position = 0
        self._pushed = b""
        head = file.read(4)
        file.seek(0)
        self._size: int | None = None
        self._stream: IO[bytes]
        if head.startswith(_GZIP):
            self.compression, self._stream, self._limit = "gzip", cast("IO[bytes]", gzip.GzipFile(fileobj=file)), limit
        elif head == _ZSTD or _ZSTD_SKIPPABLE.match(head):
            reader = zstandard.ZstdDecompressor(max_window_size=1 << 27).stream_reader(file, read_across_frames=True)
            self.compression, self._stream, self._limit = "zstd", cast("IO[bytes]", reader), limit
        else:
            file.seek(0, 2)
            self._size = file.tell()
            file.seek(0)
            self.compression, self._stream, self._limit = "none", file, self._size

    def read(self, count: int) -> bytes:
        """Exactly ``count`` bytes (small), or fewer at the end."""
        parts = [self._pushed[:count]]
        self._pushed = self._pushed[count:]
        missing = count - len(parts[0])
        while missing:
            part = self._read_some(missing)
            if not part:
                break
            parts.append(part)
            missing -= len(part)
        found = b"".join(parts)
        self.position += len(found)
        return found

    def push_back(self, surplus: bytes) -> None:
        self._pushed = surplus + self._pushed
        self.position -= len(surplus)

    def skip(self, count: int) -> None:
        """Go on by ``count`` bytes, without holding them; what the file cannot hold is refused before it is read."""
        target = self.position + count
        if target > self._limit:
            raise self.too_short() if self._size is not None else self._bomb()
        from_pushed = min(count, len(self._pushed))
        self._pushed = self._pushed[from_pushed:]
        remaining = count - from_pushed
        if self._size is not None:
            self._stream.seek(remaining, 1)
        else:
            while remaining:
                part = self._read_some(min(remaining, _CHUNK))
                if not part:
                    raise self.too_short()
                remaining -= len(part)
        self.position = target

    def too_short(self) -> ModelInvalid:
        return ModelInvalid(
            f"{self.name} is cut off: its data ends before the scene does.", remedy=_UPLOAD_AGAIN, cause="truncated"
        )

    def damaged(self, what: str) -> ModelInvalid:
        return ModelInvalid(f"{self.name} is damaged: {what}.", remedy=_UPLOAD_AGAIN, cause="damaged")

    def _read_some(self, count: int) -> bytes:
        try:
            return self._stream.read(count)
        except EOFError:
            raise self.too_short() from None
        except (zstandard.ZstdError, zlib.error, gzip.BadGzipFile) as error:
            raise self.damaged(f"its compressed data does not unpack ({error})") from error

    def _bomb(self) -> ModelInvalid:
        return ModelInvalid(
            f"{self.name} unpacks to more than {self._limit >> 30} GiB.",
            remedy="Split the scene into linked libraries, or keep its caches outside of it.",
            cause="too-large",
        )


def _read_header(source: _Source) -> BlendHeader:
    data = source.read(_HEADER_BYTES)
    if new := _NEW.match(data):
        header = BlendHeader(
            version=(int(new[3]) // 100, int(new[3]) % 100),
            compression=source.compression,
            pointer_bytes=8,
            file_format=int(new[2]),
            header_bytes=_HEADER_BYTES,
        )
        if int(new[1]) != _HEADER_BYTES or header.file_format > _KNOWN_FORMAT:
            raise ModelInvalid(
                f"{source.name} was saved by Blender {header.blender_version} in a file format that this farm does not "
                "know.",
                remedy=f"Save it with Blender {SUPPORTED_VERSION[0]}.{SUPPORTED_VERSION[1]} or older.",
                blender_version=header.blender_version,
            )
        return header
    if old := _OLD.match(data):
        if old[2] == b"V":
            raise ModelInvalid(
                f"{source.name} was saved on a big-endian machine, which Blender no longer reads.", remedy=_SAVE_AGAIN
            )
        source.push_back(data[_OLD_HEADER_BYTES:])
        return BlendHeader(
            version=(int(old[3]) // 100, int(old[3]) % 100),
            compression=source.compression,
            pointer_bytes=8 if old[1] == b"-" else 4,
            file_format=0,
            header_bytes=_OLD_HEADER_BYTES,
        )
    if not data:
        raise ModelInvalid(f"{source.name} is empty.", remedy=_UPLOAD_AGAIN, cause="truncated")
    if b"BLENDER".startswith(data[:7]) or data.startswith(b"BLENDER"):
        raise source.too_short() if len(data) < _HEADER_BYTES else source.damaged("its header is not readable")
    raise ModelInvalid(
        f"{source.name} is not a Blender file: it does not begin as one.",
        remedy="Upload the .blend itself, not another file with that ending.",
        cause="not-a-blend",
    )


def _walk(source: _Source, header: BlendHeader, max_blocks: int) -> BlendSummary:
    layout, described = header.block_struct, False
    for number in range(1, max_blocks + 1):
        head = source.read(layout.size)
        if len(head) < layout.size:
            raise source.too_short()
        if head.startswith(b"ENDB"):
            if not described:
                raise source.damaged("it does not describe its own data (no DNA1 block)")
            end = source.position
            source.read(1)  # lets the unpacker check the end of its own stream
            return BlendSummary(header=header, blocks=number, unpacked_bytes=end)
        code, length = layout.unpack(head)
        if length < 0:
            raise source.damaged(f"block {number} has a negative length")
        if not code.rstrip(b"\0").isalnum():
            raise source.damaged(f"block {number} has no known kind")
        described = described or code == b"DNA1"
        source.skip(length)
    raise source.damaged(f"it has more than {max_blocks:,} blocks")
