# SPDX-License-Identifier: GPL-3.0-or-later
"""From a bundle on this disk to a job on the farm: upload, register, let the farm open it, submit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .errors import SceneProblem, Stopped
from .gathering import Bundle
from .http import Farm
from .uploads import Blob, Digests, Tell, upload

PROBE_WAIT_S = 5
"""How long one request waits for the farm to open the scene; short, so that Cancel is heard."""
MAX_ROUNDS = 8
"""Each round can add what only the farm saw that the scene needs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """What an artist asked for with one click."""

    bundle: Bundle
    name: str
    spec: Mapping[str, Any]
    """Fields of a job spec, all but the model."""
    key: str
    """Idempotency-Key: however often the request is repeated, it makes one job."""


def submit(farm: Farm, wish: Submission, *, digests: Digests, tell: Tell) -> Mapping[str, Any]:
    """The job, as the farm answers with it."""
    model = _register(farm, wish, digests=digests, tell=tell)
    tell("Submitting", 1.0)
    if farm.stop.is_set():
        raise Stopped
    body = {**wish.spec, "name": wish.name, "model": model["id"]}
    job: Mapping[str, Any] = farm.json("POST", "/v1/jobs", body=body, headers={"Idempotency-Key": wish.key})
    return job


def _register(farm: Farm, wish: Submission, *, digests: Digests, tell: Tell) -> Mapping[str, Any]:
    bundle = wish.bundle
    blobs: dict[Any, Blob] = {}
    for _ in range(MAX_ROUNDS):
        new = [path for path in bundle.files.values() if path not in blobs]
        blobs |= upload(farm, new, digests=digests, tell=tell)
        model = _opened(farm, wish.name, _manifest(bundle, blobs), tell=tell)
        if model["state"] == "ready":
            return model
        if model["state"] != "incomplete":
            problem = model.get("problem") or {}
            raise SceneProblem(
                str(problem.get("detail") or problem.get("message") or "The farm could not open the scene."),
                remedy=model.get("remedy") or problem.get("remedy"),
            )
        missing = model.get("missing") or (model.get("probe") or {}).get("missing") or ()
        if not _add(bundle, missing):
            raise SceneProblem(
                "The scene needs files that the farm did not get:",
                details=[
                    f"{item.get('kind', 'file')} of {item.get('owner', '?')}: {item.get('raw')}" for item in missing
                ],
                remedy="Make their paths relative or pack them (File > External Data), then submit again.",
            )
    raise SceneProblem(f"The scene links libraries more than {MAX_ROUNDS} levels deep.")


def _add(bundle: Bundle, missing: Sequence[Mapping[str, Any]]) -> bool:
    """What Blender did not load here, but the farm would (a library's library): by where it looks for it."""
    before = len(bundle.files)
    for item in missing:
        place = item.get("resolved")
        path = bundle.here(place) if isinstance(place, str) else None
        if path is not None and path.is_file() and bundle.may_send(path):
            bundle.files.setdefault(str(place), path)
    return len(bundle.files) > before


def _manifest(bundle: Bundle, blobs: Mapping[Any, Blob]) -> dict[str, Any]:
    return {
        "kind": "blender",
        "main": bundle.main,
        "files": [
            {"path": place, "digest": blobs[path].digest, "size_bytes": blobs[path].size_bytes}
            for place, path in sorted(bundle.files.items())
        ],
        "remap": bundle.remap,
    }


def _opened(farm: Farm, name: str, manifest: Mapping[str, Any], *, tell: Tell) -> Mapping[str, Any]:
    body = {"name": name, "kind": manifest["kind"], "manifest": manifest}
    model: Mapping[str, Any] = farm.json("POST", "/v1/models", body=body)
    while model["state"] == "probing":
        tell("The farm opens the scene", 1.0)
        if farm.stop.is_set():
            raise Stopped
        model = farm.json("GET", f"/v1/models/{model['id']}", query={"wait": PROBE_WAIT_S})
    return model
