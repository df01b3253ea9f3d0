"""Storing the output files of a frame on local disk: all in one thread, each folder flushed once, all or none."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from jobs.errors import InvalidInput
from storage import files
from storage.base import ArtifactUpload, StoredObject
from storage.keys import require_key, require_media_type
from storage.labels import write_label


@dataclass(slots=True, kw_only=True)
class _Pending:
    upload: ArtifactUpload
    path: Path
    """Where the flushed file waits: the source itself, or a copy in the incoming folder."""
    target: Path
    inode: int
    stored: StoredObject
    placed: bool = False

    @property
    def is_copy(self) -> bool:
        return self.path != self.upload.source


class ArtifactBatch:
    """One call of ``put_artifacts``; ``store`` blocks."""

    def __init__(
        self, *, root: Path, incoming: Path, reserve_bytes: int, uploads: Sequence[ArtifactUpload], consume: bool
    ) -> None:
        self._root = root
        self._incoming = incoming
        self._reserve_bytes = reserve_bytes
        self._uploads = uploads
        self._consume = consume
        self._pending: list[_Pending] = []
        for upload in uploads:
            require_key(upload.key)
            require_media_type(upload.media_type)

    def store(self) -> list[StoredObject]:
        """Flush every file, then rename them all, then flush the folders."""
        try:
            changed: set[Path] = set()
            with files.disk_errors(self._root):
                for upload in self._uploads:
                    self._pending.append(self._prepare(upload))
                for pending in self._pending:
                    changed |= self._place(pending)
                files.sync_folders(changed)
        except BaseException:
            self.undo()
            raise
        for pending in self._pending:
            if self._consume and pending.is_copy:
                pending.upload.source.unlink(missing_ok=True)
        return [pending.stored for pending in self._pending]

    def _prepare(self, upload: ArtifactUpload) -> _Pending:
        with files.open_source(upload.source) as source:
            status = os.fstat(source.fileno())
            # A second name for the file, or another owner, would keep a hand on what is stored: such a file is copied.
            may_move = self._consume and status.st_nlink == 1 and status.st_uid == os.geteuid()
            if may_move and status.st_dev == self._incoming.stat().st_dev:
                return self._seal(upload, source, upload.source)
            return self._copy(upload, source, status.st_size)

    def _copy(self, upload: ArtifactUpload, source: BinaryIO, size_bytes: int) -> _Pending:
        files.require_free(self._root, wanted_bytes=size_bytes, reserve_bytes=self._reserve_bytes)
        target, path = files.create_temporary(self._incoming)
        try:
            with target:
                files.copy_bytes(source, target)
            with path.open("rb", buffering=0) as copy:
                return self._seal(upload, copy, path)
        except BaseException:
            path.unlink(missing_ok=True)
            raise

    def _seal(self, upload: ArtifactUpload, file: BinaryIO, path: Path) -> _Pending:
        """Digest, label and flush the file."""
        sha256 = files.sha256_of(file)
        os.fchmod(file.fileno(), files.PRIVATE_FILE)
        write_label(file, sha256=sha256, media_type=upload.media_type)
        os.fsync(file.fileno())
        status = os.fstat(file.fileno())
        stored = StoredObject(key=upload.key, size_bytes=status.st_size, sha256=sha256, media_type=upload.media_type)
        return _Pending(upload=upload, path=path, target=self._root / upload.key, inode=status.st_ino, stored=stored)

    def _place(self, pending: _Pending) -> set[Path]:
        changed = files.move_into_place(pending.path, pending.target, root=self._root)
        pending.placed = True
        if pending.target.stat(follow_symlinks=False).st_ino != pending.inode:
            raise InvalidInput(
                f"The output {pending.upload.source.name!r} was replaced while it was being stored.",
                field="source",
                remedy="A renderer must not touch its outputs after it has reported them.",
            )
        return changed

    def undo(self) -> None:
        """Take everything back; a moved source returns to where it was. Harmless where nothing is left to undo."""
        for pending in self._pending:
            with suppress(OSError):
                if not pending.is_copy:
                    if pending.placed:
                        pending.target.rename(pending.upload.source)
                elif pending.placed:
                    pending.target.unlink()
                else:
                    pending.path.unlink()
        for upload in self._uploads:
            files.prune_empty_folders((self._root / upload.key).parent, root=self._root / "artifacts")
        self._pending.clear()
