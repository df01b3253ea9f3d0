"""Looks at a USD file (text, crate, package) without trusting it: what it is, and whether its own numbers can be true.

Source: the public descriptions of the crate file's layout and of the USDZ package (openusd.org). What layers refer to
is composed in the sandbox alone, where no file but the model's own can be opened.
"""

from __future__ import annotations

import posixpath
import struct
import zipfile
from pathlib import Path
from typing import BinaryIO

from models.errors import ModelInvalid
from models.formats.zips import open_zip

MAX_TEXT_BYTES = 2 << 30
"""Of a text layer, which is parsed in memory at some ten times its size; crates are mapped."""
MAX_SECTIONS = 64
"""Of a crate; it has six."""
MAX_MEMBERS = 10_000
"""Files in one package."""
MAX_TOKENS_RATIO = 255
"""LZ4 makes at most this many bytes of one."""
MAX_COUNT_RATIO = 1024
"""Numbers in a byte: two bits each, then LZ4."""

_TEXT, _CRATE, _PACKAGE = b"#usda ", b"PXR-USDC", b"PK\x03\x04"
_ALLOWED = {
    ".usda": (_TEXT,),
    ".usdc": (_CRATE,),
    ".usdz": (_PACKAGE,),
    ".usd": (_TEXT, _CRATE),
}
_LAYERS = (".usd", ".usda", ".usdc")
_COUNTED = ("FIELDS", "FIELDSETS", "PATHS", "SPECS")
_EXPORT_AGAIN = "Export the scene again as USD, and upload that file."
_UPLOAD_AGAIN = "Copy it again from where it is whole, and upload it again."


def inspect_usd(path: Path) -> None:
    """Check a main file alone; raises ``ModelInvalid``."""
    size = path.stat().st_size
    with path.open("rb") as file:
        magic = file.read(8)
        allowed = _ALLOWED.get(path.suffix.lower(), ())
        if not any(magic.startswith(each) for each in allowed):
            raise ModelInvalid(
                f"{path.name} is not a USD file of that kind: it does not begin as one.",
                remedy="Give the file the ending of what it is (.usda text, .usdc crate, .usdz package), "
                "or export the scene again.",
                cause="not-a-usd",
            )
        if magic.startswith(_TEXT) and size > MAX_TEXT_BYTES:
            raise ModelInvalid(
                f"{path.name} is a text of {size} bytes; at most {MAX_TEXT_BYTES} are allowed.",
                remedy="Save it as .usdc (usdcat -o scene.usdc scene.usda), which is not read into memory whole.",
            )
        if magic.startswith(_CRATE):
            _check_crate(file, size, path.name)
    if magic.startswith(_PACKAGE):
        _check_package(path, size)


def _check_crate(file: BinaryIO, size: int, name: str) -> None:
    """The table of contents, and the counts that stand at the head of its sections."""
    head = file.read(16)
    if len(head) < 16:
        raise _damaged(name, "it is cut off")
    version, contents = tuple(head[:3]), struct.unpack_from("<q", head, 8)[0]
    if not 0 < contents <= size - 8:
        raise _damaged(name, "its table of contents lies outside of it")
    file.seek(contents)
    count = struct.unpack("<Q", file.read(8))[0]
    table = file.read(32 * min(count, MAX_SECTIONS))
    if count > MAX_SECTIONS or len(table) < 32 * count:
        raise _damaged(name, f"it claims {count} sections")
    for entry in range(count):
        title, start, length = struct.unpack_from("<16sqq", table, 32 * entry)
        word = title.rstrip(b"\0").decode("ascii", "replace")
        if start < 0 or length < 0 or start + length > size:
            raise _damaged(name, f"its section {word} lies outside of it")
        _check_section(file, word, start, length, version, name)


def _check_section(file: BinaryIO, word: str, start: int, length: int, version: tuple[int, ...], name: str) -> None:
    file.seek(start)
    head = file.read(min(length, 24))
    if word == "TOKENS" and version >= (0, 4, 0):
        if len(head) < 24:
            raise _damaged(name, "its section TOKENS is cut off")
        tokens, unpacked, packed = struct.unpack("<QQQ", head)
        if packed > length or unpacked > packed * MAX_TOKENS_RATIO or tokens > unpacked:
            raise _damaged(name, f"it claims {tokens} names in {packed} bytes")
    elif word in _COUNTED and len(head) >= 8:
        claimed = struct.unpack_from("<Q", head)[0]
        if claimed > length * MAX_COUNT_RATIO:
            raise _damaged(name, f"it claims {claimed} {word.lower()} in {length} bytes")


def _check_package(path: Path, size: int) -> None:
    """Stored and not packed, so no bomb; every name stays inside."""
    try:
        with open_zip(path) as package:
            members = package.infolist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError, EOFError, OSError) as error:
        raise _damaged(path.name, str(error) or "its directory cannot be read") from error
    if not members or not members[0].filename.lower().endswith(_LAYERS):
        raise ModelInvalid(f"{path.name} does not begin with a USD layer.", remedy=_EXPORT_AGAIN)
    if len(members) > MAX_MEMBERS:
        raise ModelInvalid(
            f"{path.name} holds {len(members)} files; at most {MAX_MEMBERS} are allowed.", remedy=_EXPORT_AGAIN
        )
    for member in members:
        if member.compress_type != zipfile.ZIP_STORED or member.flag_bits & 1:
            raise ModelInvalid(
                f"{path.name} holds {member.filename[:80]!r} compressed, which a USDZ package never is.",
                remedy="Make it with usdzip, or export the scene again.",
            )
        plain = posixpath.normpath(member.filename.replace("\\", "/"))
        if plain.startswith(("../", "/")) or plain == "..":
            raise ModelInvalid(
                f"{path.name} holds {member.filename[:80]!r}, which leads out of it.", remedy=_EXPORT_AGAIN
            )
    if sum(member.file_size for member in members) > size:
        raise _damaged(path.name, "its files claim more bytes than it has")


def _damaged(name: str, what: str) -> ModelInvalid:
    return ModelInvalid(f"{name} is damaged: {what}.", remedy=_UPLOAD_AGAIN, cause="damaged")
