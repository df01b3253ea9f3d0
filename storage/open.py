"""The one place that turns settings into a storage backend, and into where parts of uploads go."""

from __future__ import annotations

from storage.base import Storage
from storage.local import LocalStorage
from storage.local_parts import LocalParts
from storage.parts import PartUploads
from storage.settings import StorageSettings
from storage.signing import FileSigner


def open_storage(settings: StorageSettings) -> Storage:
    """Open the storage that the settings name. Raises Unavailable where a local folder cannot be made."""
    if settings.is_s3:
        # Imported here: boto3 takes 0.5 s to import, which each process of a one-machine farm would pay for nothing.
        from storage.s3 import S3Storage

        return S3Storage(settings=settings)
    signer = FileSigner(keys=settings.signing_keys) if settings.signing_keys else None
    return LocalStorage(settings=settings, signer=signer)


def open_parts(settings: StorageSettings, storage: Storage) -> PartUploads:
    """Where parts of uploads go, beside the ``storage`` of the same settings."""
    if settings.is_s3:
        from storage.s3_parts import S3Parts

        return S3Parts(settings=settings)
    return LocalParts(settings=settings, storage=storage)
