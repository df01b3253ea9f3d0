"""Blobs and artifacts, on local disk or S3, behind one contract."""

from storage.base import (
    ArtifactUpload,
    BlobDamaged,
    DigestMismatch,
    LinkExpired,
    LinkInvalid,
    ListedObject,
    ObjectNotFound,
    Storage,
    StorageFull,
    StoredObject,
    UploadIncomplete,
    UploadTooLarge,
)
from storage.disposition import content_disposition
from storage.keys import artifact_key, blob_key, safe_filename
from storage.open import open_parts, open_storage
from storage.part_links import PartSigner
from storage.parts import PartUploads, StagedUpload
from storage.settings import StorageSettings
from storage.signing import FileSigner, SignedFile

__all__ = [
    "ArtifactUpload",
    "BlobDamaged",
    "DigestMismatch",
    "FileSigner",
    "LinkExpired",
    "LinkInvalid",
    "ListedObject",
    "ObjectNotFound",
    "PartSigner",
    "PartUploads",
    "SignedFile",
    "StagedUpload",
    "Storage",
    "StorageFull",
    "StorageSettings",
    "StoredObject",
    "UploadIncomplete",
    "UploadTooLarge",
    "artifact_key",
    "blob_key",
    "content_disposition",
    "open_parts",
    "open_storage",
    "safe_filename",
]
