"""Errors about models.

InvalidInput
└── ModelInvalid       the model itself is damaged, too new, or does something that the farm refuses
Conflict
└── ModelUnusable      the model is registered, and no job can render it
Unavailable
└── ResidencyFull      everything resident is in use
RayfarmError
└── BlobMismatch       what was fetched is not what the manifest names
    └── FileMismatch   the chunks of a file are whole, and do not make the file
"""

from __future__ import annotations

from jobs.errors import Conflict, InvalidInput, RayfarmError, Unavailable

UPLOAD_AGAIN = "Upload the file once more and register the model again."


class ModelInvalid(InvalidInput):
    """The model's file cannot be used."""

    code = "model-invalid"


class ModelUnusable(Conflict):
    """The model was registered, and no job can render it."""

    code = "model-invalid"


class ResidencyFull(Unavailable):
    """Every resident model is in use, and there is no room for another."""

    code = "residency-full"


class BlobMismatch(RayfarmError):
    """What was fetched is not what the manifest names."""

    code = "blob-mismatch"


class FileMismatch(BlobMismatch):
    """The chunks of a file make another file than the manifest names."""

    code = "file-mismatch"
