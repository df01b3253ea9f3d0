"""Links to the files of a model, for whoever looks at it: each piece of a file as it is stored, in their order."""

from __future__ import annotations

import asyncio
from uuid import UUID

from jobs.errors import NotFound, TooLarge
from models.manifest import FileChunk, Manifest, ManifestFile
from serve_app.models.schemas import ModelFileView, ModelPieceView
from serve_app.models.service import require_model
from serve_app.services import ApiServices
from serve_app.unit_of_work import UnitOfWork
from storage.keys import blob_key

MOST_PIECES = 600
"""A file of 600 MiB in chunks of the client's mean; what looks at models in a browser takes no more, and each link to
S3 costs 3.5 ms."""

_MEDIA_TYPE = "application/octet-stream"
"""Whatever it is: a scene's HTML or SVG must not be shown as a page."""


async def read(
    unit: UnitOfWork, services: ApiServices, *, project_id: UUID, model_id: UUID, path: str | None, public_url: str
) -> ModelFileView:
    """One file of the model, the main one where no path is given. Raises ``NotFound``, and ``TooLarge`` for one in
    too many pieces. Links are signed when no connection is held any more: presigning may ask for credentials."""
    row = await require_model(await unit.begin(), project_id=project_id, model_id=model_id)
    await unit.end()
    manifest = Manifest.model_validate(row.manifest)
    wanted = manifest.main if path is None else path
    file = next((each for each in manifest.files if each.path == wanted), None)
    if file is None:
        raise NotFound("The model has no such file.", remedy="GET /v1/models/{id} lists its files in manifest.files.")
    pieces: tuple[ManifestFile | FileChunk, ...] = file.chunks or (file,)
    if len(pieces) > MOST_PIECES:
        raise TooLarge(
            f"{file.path} is stored in {len(pieces)} pieces; links are given to {MOST_PIECES} at most.",
            remedy="Open the scene on the machine that it came from.",
            limit=MOST_PIECES,
        )

    def link(piece: ManifestFile | FileChunk) -> ModelPieceView:
        url = services.storage.download_url(
            blob_key(piece.digest),
            expires_in=services.settings.link_lifetime,
            filename=file.path.rpartition("/")[2],
            media_type=_MEDIA_TYPE,
        )
        return ModelPieceView(url=f"{public_url}{url}" if url.startswith("/") else url, size_bytes=piece.size_bytes)

    links = await asyncio.to_thread(lambda: [link(piece) for piece in pieces])
    return ModelFileView(path=file.path, digest=file.digest, size_bytes=file.size_bytes, pieces=links)
