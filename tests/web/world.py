"""What the pages are visited with: people of every role, jobs in every state, one of ten thousand frames."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from jobs.access import FarmRole, ProjectRole, Role
from jobs.states import JobState
from loadtests.noop.filling import fill_half
from tests.serve_app.test_api_invoices import issued
from tests.web.pictured_farm import PicturedFarm

PROJECT = "default"
MANY = 10_000
NAMES: Mapping[Role, str] = {
    ProjectRole.VIEWER: "Vera",
    ProjectRole.ARTIST: "Arto",
    ProjectRole.MANAGER: "Mona",
    FarmRole.OPERATOR: "Otto",
    FarmRole.ADMIN: "Ada",
}
_PROBE = {
    "frames": {"start": 1, "end": 48},
    "fps": 24,
    "resolution": {"width": 320, "height": 180},
    "cameras": ["Camera"],
}


def email_of(role: Role) -> str:
    return f"{NAMES[role].lower()}@example.org"


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """Ids by what they are of."""

    jobs: Mapping[JobState, str]
    large_job: str
    model: str
    webhook: str
    replica: str


async def fill(farm: PicturedFarm) -> World:
    """One of everything that a page can show."""
    await _people(farm)
    model = await farm.model()
    jobs, replica = await _jobs(farm, model)
    large = await farm.submit(name="Flight over the ice", frames=f"1-{MANY}", model=model)
    await farm.start(large["id"])
    await fill_half(farm.db, UUID(large["id"]), MANY)
    webhook = await _made(farm, f"/v1/projects/{PROJECT}/webhooks", {"url": "https://hooks.example.org/farm"})
    await _made(farm, "/v1/keys", {"name": "Nightly build", "role": "artist"})
    await _made(farm, "/v1/farm/keys", {"name": "Monitor", "role": "operator"})
    await _made(farm, f"/v1/projects/{PROJECT}/service-accounts", {"name": "Ingest", "role": "artist"})
    await _made(farm, "/v1/farm/service-accounts", {"name": "Prober", "role": "operator"})
    bucket = {"bucket": "studio-renders", "access_key_id": "AKIDEXAMPLE", "secret_access_key": "a-secret-of-nobody"}
    await _made(farm, f"/v1/projects/{PROJECT}/destinations", {"name": "Studio", **bucket})
    await _made(farm, f"/v1/projects/{PROJECT}/invitations", {"email": "grace@example.org", "role": "artist"})
    await _made(farm, "/v1/farm/invitations", {"email": "grace@example.org", "role": "operator"})
    await _made(farm, "/v1/projects", {"slug": "northern", "name": "Northern"})
    await farm.register(name="Still to be opened")
    assert (await farm.http.put("/v1/licences/nuke", json={"capacity": 3})).is_success
    await issued(farm)
    return World(jobs=jobs, large_job=large["id"], model=model, webhook=webhook["id"], replica=replica)


async def _people(farm: PicturedFarm) -> None:
    for role in NAMES:
        project = PROJECT if isinstance(role, ProjectRole) else None
        await farm.person(email_of(role), project=project, role=role.value)


async def _jobs(farm: PicturedFarm, model: str) -> tuple[dict[JobState, str], str]:
    """One in each state, and the worker that renders one of them."""

    async def job(state: JobState, name: str, **spec: Any) -> str:
        ids[state] = (await farm.submit(name=name, model=model, **spec))["id"]
        return ids[state]

    ids: dict[JobState, str] = {}
    await farm.render(await job(JobState.SUCCEEDED, "Sunset", frames="1-48", show="Pilot", shot="s010"), frames=48)
    await farm.render(await job(JobState.AWAITING_APPROVAL, "Harbour at dawn", frames="1-24", approval=3), frames=3)
    failed = await job(JobState.FAILED, "Broken glass", frames="1-2", limits={"tries": 1})
    await farm.start(failed)
    replica, chunk = await farm.claim(failed, frames=2)
    for ordinal in chunk.ordinals:
        await farm.fail(replica, chunk, ordinal)
    running = await job(JobState.RUNNING, "Storm over the bay", frames="1-96", tags=["hero"], show="Pilot")
    await farm.render(running, frames=40)
    at_work, _ = await farm.claim(running, frames=4)
    paused = await job(JobState.PAUSED, "Lighthouse", frames="1-48")
    await _made(farm, f"/v1/jobs/{paused}/pause")
    await job(JobState.BLOCKED, "Lighthouse, graded", frames="1-6", depends_on=[{"job": paused}])
    await job(JobState.QUEUED, "Gulls", frames="1-250", labels={"gpu": "none-such"})
    await _made(farm, f"/v1/jobs/{await job(JobState.CANCELED, 'Old take', frames='1-48')}/cancel")
    canceling = await job(JobState.CANCELING, "Wrong camera", frames="1-8")
    await farm.start(canceling)
    await farm.claim(canceling, frames=4)
    await _made(farm, f"/v1/jobs/{canceling}/cancel")
    await farm.render(await job(JobState.FINISHING, "Trailer", frames="1-24", outputs={"video": {}}), frames=24)
    for state, job_id in ids.items():
        found = (await farm.http.get(f"/v1/jobs/{job_id}")).json()
        assert found["state"] == state, found
    return ids, str(at_work)


async def _made(farm: PicturedFarm, path: str, body: dict[str, Any] | None = None) -> Any:
    answer = await farm.http.post(path, json=body)
    assert answer.is_success, (path, answer.text)
    return answer.json()
