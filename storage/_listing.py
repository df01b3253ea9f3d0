"""Walks local storage in the order of keys, from any key on, without reading more folders than it must."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

from storage.base import ListedObject


def list_folder(root: Path, prefix: str, *, after: str, limit: int) -> list[ListedObject]:
    """See ``Storage.list_objects``."""
    return list(islice(_walk(root, prefix, after), limit))


def _walk(root: Path, prefix: str, after: str) -> Iterator[ListedObject]:
    for name in _names(root / prefix):
        key = prefix + name
        if name.endswith("/"):
            if key > after or after.startswith(key):
                yield from _walk(root, key, after)
        elif key > after:
            with suppress(FileNotFoundError):  # removed since the folder was read
                status = os.lstat(root / key)
                # Not mtime: a file that was moved here keeps the time at which an engine wrote it.
                stored_at = datetime.fromtimestamp(status.st_ctime, UTC)
                yield ListedObject(key=key, size_bytes=status.st_size, stored_at=stored_at)


def _names(folder: Path) -> list[str]:
    """Entries as they stand in keys, a folder with its slash, so that sorting them sorts the keys below them."""
    try:
        with os.scandir(folder) as entries:
            found = [
                f"{entry.name}/" if entry.is_dir(follow_symlinks=False) else entry.name
                for entry in entries
                if entry.is_dir(follow_symlinks=False) or entry.is_file(follow_symlinks=False)
            ]
    except (FileNotFoundError, NotADirectoryError):
        return []
    return sorted(found)
