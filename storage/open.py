"""The one place that turns settings into a storage backend."""

from __future__ import annotations

from storage.base import Storage
from storage.local import LocalStorage
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
