"""One project attacks another: every route with every id of the victim, bodies, cursors and keys of requests."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy import text

from db.keys import create_key
from jobs.access import FarmRole, Permission
from serve_app.permissions import IN_A_PROJECT, REQUIRED
from tests.serve_app.audited import BUCKET_KEY, DESTINATIONS, NEW_DESTINATION, NEW_WEBHOOK, WEBHOOKS
from tests.serve_app.farm import ApiFarm, bearer, digest_of, problem_of
from tests.serve_app.routes import OPEN
from tests.serve_app.test_api_invoices import issued, unclear

_OF_WORK = "artifact_id digest job_id model_id upload_id"
_OF_PEOPLE = "account_id delivery_id destination_id invitation_id key_id number report_id webhook_id"
PRIVATE = frozenset((*_OF_WORK.split(), *_OF_PEOPLE.split()))
"""What an id in a path names belongs to one project."""

SHARED = frozenset({"frame", "name", "node", "replica_id", "slug", "step_id", "token"})
"""What belongs to the farm, or counts within something private."""

OWN = frozenset({"upload_blob"})
"""Whoever has the bytes may upload them: that they are there already gives nothing away and nothing to anybody."""

BODIES: dict[str, Any] = {
    "change_destination": {"prefix": "other"},
    "set_destination_key": BUCKET_KEY,
    "add_credit_note": {"amount": "1", "reference": "r", "reason": "r"},
    "resolve_usage_report": {"arrived": True},
    "act_on_frames": {"action": "skip", "frames": "1-2"},
    "add_job_step": {"step": "denoise"},
    "change_account": {"disabled": True},
    "change_job": {"weight": 7},
    "change_model": {"keep_warm": True},
    "change_webhook": {"enabled": False},
    "clone_job": {"frames": "5-6"},
    "create_service_key": {"name": "stolen"},
    "create_farm_service_key": {"name": "stolen"},
    "retry_job": {},
    "set_member": {"role": "viewer"},
}
"""Bodies that are valid, so that a refusal is for the id and nothing else."""

MUTABLE = ("job", "work", "model", "artifact", "member", "account", "invitation", "webhook", "outbox", "project_blob")


@dataclass(frozen=True, slots=True, kw_only=True)
class Victim:
    """One of everything, in the project ``default``."""

    ids: dict[str, str]
    step: int

    @property
    def secrets(self) -> set[str]:
        """What nobody of another project may ever be shown."""
        return set(self.ids.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class Attack:
    name: str
    method: str
    address: str
    body: Any


async def furnish(farm: ApiFarm) -> Victim:
    """A victim with one of everything that a path can name."""
    digest = await farm.upload(b"the secret scene")
    job = await farm.submit(frames="1-2", name="Project Nightfall")
    await farm.render(job["id"], frames=2)
    [artifact, _] = (await farm.http.get(job["links"]["artifacts"])).json()["items"]
    step = (await farm.http.post(f"/v1/jobs/{job['id']}/steps", json={"step": "denoise"})).json()
    webhook = (await farm.http.post(WEBHOOKS, json=NEW_WEBHOOK)).json()
    delivery = (await farm.http.post(f"{WEBHOOKS}/{webhook['id']}:test")).json()
    destination = (await farm.http.post(DESTINATIONS, json=NEW_DESTINATION)).json()
    key = (await farm.http.post("/v1/keys", json={"name": "victim's key"})).json()
    account = (await farm.http.post("/v1/projects/default/service-accounts", json={"name": "victim's robot"})).json()
    new = {"email": "eve@victim.example", "role": "artist"}
    invitation = (await farm.http.post("/v1/projects/default/invitations", json=new)).json()
    new = {"digest": digest_of(b"not here yet"), "size_bytes": 12}
    upload = (await farm.http.post("/v1/uploads", json=new)).json()
    ids = {
        "account_id": account["id"],
        "artifact_id": artifact["id"],
        "delivery_id": delivery["id"],
        "destination_id": destination["id"],
        "digest": digest,
        "invitation_id": invitation["id"],
        "job_id": job["id"],
        "key_id": key["id"],
        "model_id": job["model"],
        "number": await issued(farm),
        "report_id": await unclear(farm),
        "upload_id": upload["id"],
        "webhook_id": webhook["id"],
    }
    return Victim(ids=ids, step=step["id"])


def attacks(farm: ApiFarm, victim: Victim, *, slug: str) -> list[Attack]:
    """Every route that takes a private id, with the victim's; ``slug``: the project in whose name it is tried."""
    found = []
    for path, operations in farm.app.openapi()["paths"].items():
        for method, operation in operations.items():
            taken = {each["name"] for each in operation.get("parameters", ()) if each["in"] == "path"}
            assert taken <= PRIVATE | SHARED, f"say of {taken - PRIVATE - SHARED} whether it is one project's"
            name = operation["operationId"]
            if not taken & PRIVATE or name in OWN:
                continue
            assert ("requestBody" in operation) <= (name in BODIES) or not _needs_body(operation), name
            address = path.format(**victim.ids, slug=slug, frame=1, step_id=victim.step, node="n1", name="n1")
            found.append(Attack(name=name, method=method, address=address, body=BODIES.get(name)))
    return found


def _needs_body(operation: Any) -> bool:
    return bool(operation.get("requestBody", {}).get("required"))


async def attackers(farm: ApiFarm) -> dict[str, dict[str, str]]:
    """Headers of a manager's key, a manager, and somebody who runs the farm, each acting in ``other``."""
    key = await farm.new_key("other")
    person = await farm.person("mallory@example.org", project="other", role="manager")
    async with farm.db.transaction() as tx:
        operator = (await create_key(tx, project_id=None, name="op", role=FarmRole.OPERATOR)).key
    return {
        "key": bearer(key),
        "person": bearer(person["access_token"]),
        "operator": bearer(operator, **{"X-Rayfarm-Project": "other"}),
    }


async def state_of(farm: ApiFarm) -> dict[str, str]:
    """Every row that an attack might change."""
    query = "select coalesce(md5(string_agg(t::text, ',' order by t::text)), '') from {} t"
    async with farm.db.transaction() as tx:
        return {table: (await tx.execute(text(query.format(table)))).scalar_one() for table in MUTABLE}


class TestIds:
    async def test_no_id_of_another_project_opens_anything_on_any_route(self, farm: ApiFarm) -> None:
        victim = await furnish(farm)
        who = await attackers(farm)
        before = await state_of(farm)
        for slug in ("other", "default"):
            for attack in attacks(farm, victim, slug=slug):
                for attacker, headers in who.items():
                    if attacker == "operator" and slug == "default":
                        continue  # whoever runs the farm may act in any project by naming it
                    answer = await farm.http.request(attack.method, attack.address, headers=headers, json=attack.body)
                    told = (attacker, attack.name, answer.status_code, answer.text[:300])
                    right = REQUIRED[attack.name]
                    if right in IN_A_PROJECT:
                        refusals = {404} if attacker != "operator" or right is Permission.PROJECT_READ else {403, 404}
                    else:
                        refusals = {403, 404}  # a right on the farm, which tells nothing of the id
                    assert answer.status_code in refusals, told
                    assert "Nightfall" not in answer.text, told
        assert await state_of(farm) == before

    async def test_the_same_ids_are_there_for_their_owner(self, farm: ApiFarm) -> None:
        victim = await furnish(farm)
        owner = bearer(await farm.new_key("default"))
        for attack in attacks(farm, victim, slug="default"):
            if attack.method not in ("get", "head") or REQUIRED[attack.name] not in IN_A_PROJECT:
                continue
            if attack.name in ("read_preview", "read_log"):
                continue  # what these frames have not
            answer = await farm.http.request(attack.method, attack.address, headers=owner)
            assert answer.status_code in (200, 307), (attack, answer.text)

    async def test_what_is_not_there_and_what_is_anothers_are_told_in_the_same_words(self, farm: ApiFarm) -> None:
        victim = await furnish(farm)
        headers = bearer(await farm.new_key("other"))
        nothing = Victim(ids={**{name: str(uuid4()) for name in victim.ids}, "digest": "0" * 64}, step=1)
        real, unreal = (attacks(farm, each, slug="other") for each in (victim, nothing))
        for one, other in zip(real, unreal, strict=True):
            answers = [
                await farm.http.request(each.method, each.address, headers=headers, json=each.body)
                for each in (one, other)
            ]
            assert len({answer.status_code for answer in answers}) == 1, one
            assert len({_without_ids(answer, victim, nothing) for answer in answers}) == 1, one

    async def test_no_list_tells_of_another_project(self, farm: ApiFarm) -> None:
        victim = await furnish(farm)
        who = await attackers(farm)
        for headers in (who["key"], who["person"]):
            for path, operations in farm.app.openapi()["paths"].items():
                if "get" not in operations or "{" in path.replace("{slug}", "") or path.startswith(OPEN):
                    continue
                if path.endswith("/events"):
                    continue  # no list but a stream without an end
                answer = await farm.http.get(path.format(slug="other"), headers=headers)
                assert answer.status_code in (200, 403, 409, 422, 503), (path, answer.text)
                for secret in (*victim.secrets, "Nightfall", "eve@victim.example", "victim's"):
                    assert secret not in answer.text, (path, secret)


def _without_ids(answer: httpx.Response, *victims: Victim) -> str:
    if not answer.content:
        return ""
    words = json.dumps({**answer.json(), "request_id": ""})
    for victim in victims:
        words = words.replace(f"/steps/{victim.step}", "/steps/step_id")
        for name, value in victim.ids.items():
            words = words.replace(value, name)
    return words


class TestBodies:
    @pytest.fixture
    async def mine(self, farm: ApiFarm) -> dict[str, str]:
        return bearer(await farm.new_key("other"))

    async def own_job(self, farm: ApiFarm, mine: dict[str, str]) -> Any:
        """A rendered job of the attacker."""
        model = await self.own_model(farm, mine)
        spec = await farm.spec(model=model, frames="1-2")
        job = (await farm.http.post("/v1/jobs", json=spec, headers=mine)).json()
        await farm.start(job["id"])
        await farm.commit(*await farm.claim(job["id"], frames=2))
        return job

    async def own_model(self, farm: ApiFarm, mine: dict[str, str]) -> str:
        content = uuid4().bytes
        digest = digest_of(content)
        assert (await farm.http.put(f"/v1/blobs/{digest}", content=content, headers=mine)).is_success
        file = {"path": "scene", "digest": digest, "size_bytes": len(content)}
        body = {"name": "mine", "manifest": {"kind": "fake", "main": "scene", "files": [file]}}
        made = (await farm.http.post("/v1/models", json=body, headers=mine)).json()
        await farm.set_model(made["id"], "ready")
        return str(made["id"])

    @pytest.mark.parametrize("path", ["/v1/jobs", "/v1/jobs/estimate"])
    async def test_a_job_of_another_projects_model_is_refused(
        self, farm: ApiFarm, mine: dict[str, str], path: str
    ) -> None:
        victim = await furnish(farm)
        spec = await farm.spec(model=victim.ids["model_id"])
        problem_of(await farm.http.post(path, json=spec, headers=mine), 404, "not-found")

    async def test_a_job_may_not_wait_for_another_projects(self, farm: ApiFarm, mine: dict[str, str]) -> None:
        victim = await furnish(farm)
        model = await self.own_model(farm, mine)
        spec = await farm.spec(model=model)
        answers = [
            await farm.http.post("/v1/jobs", json={**spec, "depends_on": [{"job": job}]}, headers=mine)
            for job in (victim.ids["job_id"], str(uuid4()))
        ]
        assert [answer.status_code for answer in answers] == [422, 422], answers[0].text
        assert answers[0].json()["title"] == answers[1].json()["title"]
        assert "Nightfall" not in answers[0].text

    async def test_a_step_takes_no_frame_and_no_table_of_another_project(
        self, farm: ApiFarm, mine: dict[str, str]
    ) -> None:
        victim = await furnish(farm)
        job = await self.own_job(farm, mine)
        there = f"/v1/jobs/{job['id']}/steps"
        compare = {"step": "compare", "with_job": victim.ids["job_id"]}
        problem_of(await farm.http.post(there, json=compare, headers=mine), 404, "not-found")
        tone = {"step": "tonemap", "lut": victim.ids["digest"]}
        problem = problem_of(await farm.http.post(there, json=tone, headers=mine), 422, "invalid-input")
        assert problem["detail"] == "The project has no blob of this digest."

    async def test_a_manifest_names_no_blob_that_only_another_project_has(
        self, farm: ApiFarm, mine: dict[str, str]
    ) -> None:
        victim = await furnish(farm)
        file = {"path": "scene", "digest": victim.ids["digest"], "size_bytes": len(b"the secret scene")}
        body = {"name": "stolen", "manifest": {"kind": "fake", "main": "scene", "files": [file]}}
        problem = problem_of(await farm.http.post("/v1/models", json=body, headers=mine), 422, "invalid-input")
        assert problem["lacking"] == [victim.ids["digest"]]
        asked = await farm.http.post("/v1/blobs/lacking", json={"digests": [victim.ids["digest"]]}, headers=mine)
        assert asked.json()["lacking"] == [victim.ids["digest"]]

    async def test_a_digest_without_its_bytes_gives_no_share_of_a_blob(
        self, farm: ApiFarm, mine: dict[str, str]
    ) -> None:
        """Storage has these bytes already: whoever knows their name alone must not come by them."""
        victim = await furnish(farm)
        there = f"/v1/blobs/{victim.ids['digest']}"
        for guess in (b"", b"x" * len(b"the secret scene")):
            assert (await farm.http.put(there, content=guess, headers=mine)).is_client_error
        assert (await farm.http.head(there, headers=mine)).status_code == 404

    async def test_a_key_of_a_request_is_one_projects_own(self, farm: ApiFarm, mine: dict[str, str]) -> None:
        theirs = await farm.spec()
        named = {"Idempotency-Key": "nightly-1"}
        first = await farm.http.post("/v1/jobs", json=theirs, headers=named)
        spec = await farm.spec(model=await self.own_model(farm, mine))
        second = await farm.http.post("/v1/jobs", json=spec, headers={**mine, **named})
        assert (first.status_code, second.status_code) == (202, 202), second.text
        assert first.json()["id"] != second.json()["id"]

    async def test_a_cursor_of_another_project_pages_through_ones_own(
        self, farm: ApiFarm, mine: dict[str, str]
    ) -> None:
        await farm.submit()
        await farm.submit()
        cursor = (await farm.http.get("/v1/jobs?limit=1")).json()["next_cursor"]
        assert cursor
        answer = await farm.http.get("/v1/jobs", params={"cursor": cursor}, headers=mine)
        assert (answer.status_code, answer.json()["items"]) == (200, [])

    @pytest.mark.parametrize(
        "extra",
        [
            {"project_id": str(UUID(int=1))},
            {"project": "default"},
            {"id": str(UUID(int=2))},
            {"state": "succeeded"},
            {"cloned_from": str(UUID(int=3))},
            {"approved_at": "2026-01-01T00:00:00Z"},
        ],
        ids=lambda extra: next(iter(extra)),
    )
    async def test_no_field_that_the_farm_keeps_is_taken_from_a_body(
        self, farm: ApiFarm, mine: dict[str, str], extra: dict[str, str]
    ) -> None:
        """Mass assignment: what a body may not hold is refused, never ignored."""
        spec = await farm.spec(model=await self.own_model(farm, mine))
        answer = await farm.http.post("/v1/jobs", json={**spec, **extra}, headers=mine)
        assert answer.status_code == 422, answer.text

    def test_every_body_refuses_fields_that_it_does_not_know(self, farm: ApiFarm) -> None:
        schemas = farm.app.openapi()["components"]["schemas"]
        loose = set()
        for operations in farm.app.openapi()["paths"].values():
            for operation in operations.values():
                content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
                for name in _named(content.get("schema", {}), schemas):
                    if schemas[name].get("type") == "object" and schemas[name].get("additionalProperties") is not False:
                        loose.add(f"{operation['operationId']}: {name}")
        assert not loose

    async def test_a_narrowed_key_makes_no_key_beyond_its_rights(self, farm: ApiFarm, mine: dict[str, str]) -> None:
        weak = await farm.http.post(
            "/v1/keys", json={"name": "weak", "role": "manager", "scopes": ["project:manage"]}, headers=mine
        )
        assert weak.status_code == 201, weak.text
        answer = await farm.http.post(
            "/v1/keys", json={"name": "strong", "role": "manager"}, headers=bearer(weak.json()["key"])
        )
        problem_of(answer, 403, "forbidden")


def _named(schema: Any, schemas: Any, seen: frozenset[str] = frozenset()) -> set[str]:
    """Schemas that one is made of."""
    found: set[str] = set()
    stack = [schema]
    while stack:
        one = stack.pop()
        if isinstance(one, list):
            stack.extend(one)
        elif isinstance(one, dict):
            if ref := one.get("$ref"):
                name = ref.rsplit("/", 1)[1]
                if name not in found:
                    found.add(name)
                    stack.append(schemas[name])
            stack.extend(value for key, value in one.items() if key != "example")
    return found
