"""Opens a ZIP archive without trusting its directory: it is bounded before it is read, and so is how it may be packed.

``zipfile`` makes an object of some 500 bytes for each entry of the directory, in 46 bytes of the file; and of bzip2 and
LZMA it unpacks as much at once as there is, where deflate stops at what was asked for.
"""

from __future__ import annotations

import io
import os
import zipfile
from pathlib import Path

MAX_DIRECTORY_BYTES = 16 << 20
"""Of an archive's list of files: 360,000 of them with short names."""
PLAIN = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})
"""Ways of packing that can be unpacked piece by piece."""


def open_zip(path: Path, *, directory_bytes: int = MAX_DIRECTORY_BYTES) -> zipfile.ZipFile:
    """The archive, to read what its members are called and claim. Raises what ``zipfile`` does for a damaged one, and
    ``BadZipFile`` for a directory of more than ``directory_bytes``.
    """
    file = _Directory(path, directory_bytes)
    try:
        return _Owner(file)
    except BaseException:
        file.close()
        raise


class _Owner(zipfile.ZipFile):
    """Closes the file that it was given, as if it had opened it."""

    def __init__(self, file: io.FileIO) -> None:
        self._own = file  # first: one that fails is closed too
        super().__init__(file)

    def close(self) -> None:
        super().close()
        self._own.close()


class _Directory(io.FileIO):
    """Gives no more than so many bytes at once: the directory is read by one call."""

    def __init__(self, path: Path, most_bytes: int) -> None:
        super().__init__(path, "rb")
        self._most_bytes = most_bytes

    def read(self, size: int | None = -1, /) -> bytes:
        wanted = size if size is not None and size >= 0 else os.fstat(self.fileno()).st_size - self.tell()
        if wanted > self._most_bytes:
            raise zipfile.BadZipFile(f"its directory has more than {self._most_bytes} bytes")
        return super().read(wanted)
