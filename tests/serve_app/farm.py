"""What a test of the API starts from: uploads, models, jobs and rendered frames, each made in one call."""

from __future__ import annotations

import asyncio
import hashlib
import json
import tempfile
import threading
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import text

from db.bootstrap import ensure_project
from db.dispatch import apply_plan, lead, pin_job
from db.keys import create_key
from db.queue import (
    ClaimedChunk,
    FrameCommit,
    NewArtifact,
    claim_chunk,
    commit_frames,
    fail_frame,
    register_replica,
    start_chunk,
)
from db.session import Database
from jobs.access import ProjectRole
from jobs.limits import FarmLimits
from jobs.planning import Carve, Plan
from jobs.states import EndReason
from storage.base import Storage

CLUSTER = "api-test"
PASSWORD = "a horse that knows no battery"


def bearer(key: str, **others: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}", **others}


def digest_of(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def problem_of(answer: httpx.Response, status: int, code: str) -> Any:
    """The problem, after checking that it is one as every problem must be."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert body["type"] == f"https://rayfarm.dev/problems/{code}", body
    assert body["code"] == code
    assert body["status"] == status
    assert body["title"]
    assert body["detail"]
    assert body["request_id"] == answer.headers["x-request-id"]
    return body


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiFarm:
    """The API and what is behind it. ``http`` carries the key of the farm's administrator."""

    db: Database
    storage: Storage
    http: httpx.AsyncClient
    key: str
    project_id: UUID
    app: FastAPI

    async def new_key(self, slug: str, **options: Any) -> str:
        """A key of a project of its own."""
        async with self.db.transaction() as tx:
            project_id = await ensure_project(tx, slug=slug, name=slug)
            wishes = {"role": ProjectRole.MANAGER, **options}
            return (await create_key(tx, project_id=project_id, name=slug, **wishes)).key

    async def person(
        self, email: str, *, project: str | None = "default", role: str = "artist", password: str = PASSWORD
    ) -> Any:
        """The session of somebody who has taken up an invitation, into a project or (None) to run the farm."""
        invitations = f"/v1/projects/{project}/invitations" if project else "/v1/farm/invitations"
        invited = await self.http.post(invitations, json={"email": email, "role": role})
        assert invited.status_code == 201, invited.text
        offer = {"token": invited.json()["token"], "password": password, "name": email.split("@")[0]}
        answer = await self.http.post("/v1/auth/accept", json=offer, headers={"Authorization": ""})
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def upload(self, content: bytes = b"scene") -> str:
        digest = digest_of(content)
        answer = await self.http.put(f"/v1/blobs/{digest}", content=content)
        assert answer.is_success, answer.text
        return digest

    async def register(self, content: bytes | None = None, *, kind: str = "fake", name: str = "sphere") -> Any:
        """A model of one file, still to be probed."""
        content = uuid4().bytes if content is None else content
        digest = await self.upload(content)
        manifest = {
            "kind": kind,
            "main": "scene",
            "files": [{"path": "scene", "digest": digest, "size_bytes": len(content)}],
        }
        answer = await self.http.post("/v1/models", json={"name": name, "manifest": manifest})
        assert answer.is_success, answer.text
        return answer.json()

    async def set_model(self, model_id: str, state: str, *, probe: Any = None, problem: Any = None) -> None:
        """As the end of a probe would."""
        await self.execute(
            "update model set state = :state, probe = cast(:probe as jsonb), problem = cast(:problem as jsonb)"
            " where id = :id",
            id=model_id,
            state=state,
            probe=None if probe is None else json.dumps(probe),
            problem=None if problem is None else json.dumps(problem),
        )

    async def model(self, *, kind: str = "fake", probe: Any = None) -> str:
        """The id of a model that is ready."""
        registered = await self.register(kind=kind)
        await self.set_model(registered["id"], "ready", probe=probe)
        return str(registered["id"])

    async def submit(self, **overrides: Any) -> Any:
        """A queued job."""
        answer = await self.http.post("/v1/jobs", json=await self.spec(**overrides))
        assert answer.status_code == 202, answer.text
        return answer.json()

    async def spec(self, **overrides: Any) -> dict[str, Any]:
        values = {"pipeline": "fake", "frames": "1-4", "order": "sequential", "outputs": {"video": None}, **overrides}
        return values if "model" in values else {**values, "model": await self.model()}

    async def start(self, job_id: str) -> int:
        """Let the job run; returns the epoch of its dispatcher."""
        epoch = await self._lead()
        await pin_job(
            self.db,
            job_id=UUID(job_id),
            engine_version="fake 1",
            device_class="cpu",
            render_key=uuid4().hex * 2,
            epoch=epoch,
        )
        return epoch

    async def claim(self, job_id: str, *, frames: int, replica_id: UUID | None = None) -> tuple[UUID, ClaimedChunk]:
        """A replica that renders the next frames of a running job."""
        replica_id = await self.replica(replica_id=replica_id)
        carve = Carve(replica_id=replica_id, job_id=UUID(job_id), frames=frames)
        await apply_plan(self.db, cluster_id=CLUSTER, plan=Plan(placements=(carve,)), epoch=await self._lead())
        chunk = await claim_chunk(self.db, replica_id=replica_id, cluster_id=CLUSTER, lease=timedelta(seconds=30))
        assert chunk is not None
        assert await start_chunk(self.db, work_id=chunk.work_id, fence=chunk.fence, warm=False)
        return replica_id, chunk

    async def commit(self, replica_id: UUID, chunk: ClaimedChunk, *ordinals: int) -> None:
        """Frames whose files lie in storage."""
        commits = [await self._commit_of(chunk, ordinal) for ordinal in ordinals or chunk.ordinals]
        done = await commit_frames(
            self.db, work_id=chunk.work_id, fence=chunk.fence, replica_id=replica_id, frames=commits
        )
        assert done == sorted(commit.ordinal for commit in commits)

    async def render(self, job_id: str, *, frames: int) -> None:
        """Start the job where it is queued, and commit its next frames."""
        if (await self.http.get(f"/v1/jobs/{job_id}")).json()["state"] == "queued":
            await self.start(job_id)
        await self.commit(*await self.claim(job_id, frames=frames))

    async def fail(
        self,
        replica_id: UUID,
        chunk: ClaimedChunk,
        ordinal: int,
        *,
        reason: EndReason = EndReason.ENGINE_ERROR,
        message: str = "No such material.",
    ) -> None:
        await fail_frame(
            self.db,
            work_id=chunk.work_id,
            fence=chunk.fence,
            replica_id=replica_id,
            ordinal=ordinal,
            frame=chunk.frames[chunk.ordinals.index(ordinal)],
            attempt_id=uuid4(),
            reason=reason,
            message=message,
            log="Error: no such material",
            limits=FarmLimits(),
        )

    async def replica(self, *, replica_id: UUID | None = None, **offers: Any) -> UUID:
        replica_id = replica_id or uuid4()
        await register_replica(
            self.db,
            replica_id=replica_id,
            cluster_id=CLUSTER,
            pool="default",
            node="n1",
            serve_id=f"s-{replica_id.hex[:6]}",
            **{"labels": {}, "engines": {"fake": "fake 1"}, "device_class": "cpu", **offers},
        )
        return replica_id

    async def execute(self, command: str, **parameters: Any) -> None:
        async with self.db.transaction() as tx:
            await tx.execute(text(command), parameters)

    async def count(self, table: str) -> int:
        async with self.db.transaction() as tx:
            return int((await tx.execute(text(f"select count(*) from {table}"))).scalar_one())

    async def _lead(self) -> int:
        epoch = await lead(
            self.db, role="dispatcher", cluster_id=CLUSTER, holder=self.project_id, ttl=timedelta(minutes=5)
        )
        assert epoch is not None
        return epoch

    async def _commit_of(self, chunk: ClaimedChunk, ordinal: int) -> FrameCommit:
        attempt_id = uuid4()
        frame = chunk.frames[chunk.ordinals.index(ordinal)]
        content = b"picture %d of %s" % (frame, chunk.job_id.hex.encode())
        key = f"artifacts/{chunk.job_id}/{ordinal}/{attempt_id}/{frame:04}.png"
        stored = await self.store(key, content)
        return FrameCommit(
            ordinal=ordinal,
            frame=frame,
            attempt_id=attempt_id,
            started_at=0.0,
            engine_ms=12.5,
            timings_ms={"render": 12.5, "write": 1.0},
            metrics={"samples": 4},
            warm=ordinal > 0,
            artifacts=[
                NewArtifact(
                    kind="frame",
                    name=f"{frame:04}.png",
                    storage_key=key,
                    size_bytes=stored,
                    sha256=digest_of(content),
                    media_type="image/png",
                    width=8,
                    height=8,
                )
            ],
        )

    async def store(self, key: str, content: bytes, *, media_type: str = "image/png") -> int:
        """Put a file where artifacts lie; its size."""
        with tempfile.TemporaryDirectory() as folder:
            source = Path(folder) / "picture"
            source.write_bytes(content)
            return (await self.storage.put_artifact(key, source, media_type=media_type)).size_bytes


def beside_the_loop(monkeypatch: pytest.MonkeyPatch, owner: object, name: str) -> list[bool]:
    """Of each later call of ``owner``'s ``name``: whether it held the event loop up."""
    held: list[bool] = []
    call, loop_thread = getattr(owner, name), threading.get_ident()

    def noted(*args: Any, **kwargs: Any) -> Any:
        held.append(threading.get_ident() == loop_thread)
        return call(*args, **kwargs)

    monkeypatch.setattr(owner, name, noted)
    return held


async def pieces(*parts: bytes) -> AsyncIterator[bytes]:
    """A body in pieces, without an announced length."""
    for part in parts:
        yield part


async def until(holds: Callable[[], bool], *, seconds: float = 20) -> None:
    """Look again until it holds; a test that waits for ever fails instead."""
    async with asyncio.timeout(seconds):
        while not holds():
            await asyncio.sleep(0.01)
