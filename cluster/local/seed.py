"""`make seed`: fills the farm of this machine with projects, people, keys, models and jobs in every state, over REST.

For whoever develops against the farm. What is there is left alone, so that it may be run again; a job that has left its
state is made anew. It makes accounts whose password stands here, so it refuses a farm that people work with: one that
is not on this machine, that runs with the production profile, or that has accounts of others.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from rayfarm._calls import Calls
from rayfarm._config import Connection, resolve
from rayfarm._ids import quoted
from rayfarm._transport import Transport
from rayfarm.cli import exit_code
from rayfarm.cli.output import Output
from rayfarm.errors import ClientError, FarmRefused, UsageError
from rayfarm.types import Json
from rayfarm.version import __version__

PASSWORD = "for development only"  # noqa: S105 - refused wherever it could open anything
DOMAIN = "@seed.example"
"""Of all people that are made here; RFC 2606 keeps it from being anybody's."""
TAG = "seed"
WAIT_S = 120.0
"""For jobs to reach their states: a worker may have to start first."""
_LOOK_S = 0.5
_ENDED = frozenset({"succeeded", "failed", "canceled"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    name: str
    roles: Mapping[str, str] = field(default_factory=dict)
    """Project -> role."""
    farm_role: str | None = None

    @property
    def email(self) -> str:
        return self.name.lower() + DOMAIN


@dataclass(frozen=True, slots=True, kw_only=True)
class SeedJob:
    """A job that shall be seen in one state."""

    state: str
    spec: Mapping[str, Any]
    command: str | None = None
    """Sent once it is submitted."""
    behind: str | None = None
    """State of the seeded job that it depends on."""


PROJECTS = {"aurora": "Aurora", "borealis": "Borealis"}
PEOPLE = (
    Person(name="Ada", roles={"aurora": "manager", "borealis": "viewer"}),
    Person(name="Bo", roles={"aurora": "artist"}),
    Person(name="Cy", roles={"aurora": "viewer"}),
    Person(name="Dee", roles={"borealis": "manager"}),
    Person(name="Oz", farm_role="operator"),
)
MODELS: Mapping[str, Mapping[str, Any]] = {
    "Gradient": {"load_ms": 100},
    "Gradient, slow to load": {"load_ms": 1500},
}
READY = "Gradient"
_SHOWN = {"width": 320, "height": 180}
JOBS = (
    SeedJob(state="succeeded", spec={"frames": "1-12", "settings": {**_SHOWN, "render_ms": 50}, "show": "Pilot"}),
    SeedJob(
        state="failed",
        spec={
            "frames": "1-4",
            "settings": {**_SHOWN, "fail_frames": [2, 3]},
            "limits": {"tries": 1},
            "show": "Pilot",
            "shot": "s010",
        },
    ),
    SeedJob(state="awaiting_approval", spec={"frames": "1-24", "settings": _SHOWN, "approval": 3, "show": "Pilot"}),
    SeedJob(state="canceled", spec={"frames": "1-48", "settings": {**_SHOWN, "render_ms": 4000}}, command="cancel"),
    SeedJob(state="paused", spec={"frames": "1-48", "settings": {**_SHOWN, "render_ms": 4000}}, command="pause"),
    SeedJob(state="blocked", spec={"frames": "1-6", "settings": _SHOWN}, behind="paused"),
    SeedJob(state="queued", spec={"frames": "1-6", "settings": _SHOWN, "labels": {"seed": "no-such-worker"}}),
    SeedJob(
        state="running",
        spec={"frames": "1-450", "settings": {**_SHOWN, "render_ms": 4000}, "priority": "batch", "max_replicas": 1},
    ),
)
"""The last one holds one worker for half an hour. `canceling` and `finishing` pass within moments."""


class NotForProduction(UsageError):
    """This farm is in use; development data does not belong there."""

    code = "not-for-production"


def main() -> int:
    """Seed the farm of this folder, or of RAYFARM_URL; the process's exit code."""
    output = Output(as_json="--json" in sys.argv[1:])
    try:
        connection = resolve()
        refuse_production(connection, os.environ)
        with Seeder(connection) as seeder:
            return seeder.run(output)
    except ClientError as error:
        output.error(error)
        return exit_code(error)
    except KeyboardInterrupt:
        return 130


def refuse_production(connection: Connection, environ: Mapping[str, str]) -> None:
    """Raises ``NotForProduction`` for what can be told without asking the farm."""
    if environ.get("RAYFARM_PROFILE", "").lower() == "production":
        raise NotForProduction("RAYFARM_PROFILE is production.", remedy="Seed a farm for development: make up seed.")
    host = urlsplit(connection.url).hostname or ""
    try:
        is_here = ip_address(host).is_loopback
    except ValueError:
        is_here = host == "localhost"
    if not is_here:
        raise NotForProduction(
            f"{connection.url} is not on this machine.", remedy="Only a farm that listens on loopback is seeded."
        )


class Seeder(Calls):
    """Makes what is not there yet."""

    def __init__(self, connection: Connection, *, wait_s: float = WAIT_S) -> None:
        self._transport = Transport(
            base_url=connection.url,
            api_key=connection.api_key,
            auth=connection.auth(),
            user_agent=f"rayfarm-seed/{__version__}",
        )
        self._wait_s = wait_s

    def __enter__(self) -> Seeder:
        return self

    def __exit__(self, *_: object) -> None:
        self._transport.close()

    def run(self, output: Output) -> int:
        """0 when everything is as it shall be; 1 when jobs have not come to their states."""
        self._refuse_people()
        for slug, name in PROJECTS.items():
            self._project(slug, name)
        for person in PEOPLE:
            self._person(person)
        secrets = {slug: made for slug in PROJECTS if (made := self._key(slug)) is not None}
        main_project = next(iter(PROJECTS))
        models = {name: self._model(main_project, name, wishes) for name, wishes in MODELS.items()}
        self._until_probed(main_project, models)
        wanted = self._jobs(main_project, models[READY])
        states = self._until_there(main_project, wanted)
        rows = [(wanted[job_id], states[job_id], job_id) for job_id in wanted]
        output.table(("wanted", "state", "job"), rows, empty="")
        for person in PEOPLE:
            output.say(f"{person.email}  password: {PASSWORD}")
        for slug, key in secrets.items():
            output.say(f"key of {slug}: {key}")
        output.say(f"Look at it: rayfarm jobs --project {main_project}")
        output.record(
            projects=list(PROJECTS),
            people=[person.email for person in PEOPLE],
            models=models,
            keys=secrets,
            jobs={wanted[job_id]: {"id": job_id, "state": states[job_id]} for job_id in wanted},
        )
        late = [wanted[job_id] for job_id in wanted if states[job_id] != wanted[job_id]]
        if late:
            output.say(f"Not there yet: {', '.join(late)}. Is a worker up (`rayfarm workers`)? Then run it again.")
        return 1 if late else 0

    def _refuse_people(self) -> None:
        others = [
            account["email"]
            for account in self._pages("/v1/accounts")
            if not account["email"].endswith(DOMAIN) and account.get("kind") != "service"
        ]
        if others:
            raise NotForProduction(
                f"This farm has accounts of others ({others[0]}): people work with it.",
                remedy="Seed a fresh farm: RAYFARM_HOME=/tmp/seeded make up seed.",
            )

    def _project(self, slug: str, name: str) -> None:
        try:
            self._transport.json("POST", "/v1/projects", json={"slug": slug, "name": name}, repeatable=True)
        except FarmRefused as error:
            if error.status != 409:  # it is there
                raise

    def _person(self, person: Person) -> None:
        for slug, role in person.roles.items():
            members = self._pages(f"/v1/projects/{quoted(slug)}/members")
            if all(member["email"] != person.email for member in members):
                self._invite(f"/v1/projects/{quoted(slug)}/invitations", person, role)
        if person.farm_role is not None:
            accounts = {account["email"] for account in self._pages("/v1/accounts")}
            if person.email not in accounts:
                self._invite("/v1/farm/invitations", person, person.farm_role)

    def _invite(self, path: str, person: Person, role: str) -> None:
        made = self._transport.json("POST", path, json={"email": person.email, "role": role}, repeatable=False)
        offer = {"token": made["token"], "password": PASSWORD, "name": person.name}
        self._transport.json("POST", "/v1/auth/accept", json=offer, repeatable=False)

    def _key(self, slug: str) -> str | None:
        """Its secret, which is told once; None: it is there."""
        headers = _in(slug)
        there = self._pages("/v1/keys", headers=headers)
        if any(key["name"] == TAG for key in there):
            return None
        asked = {"name": TAG, "role": "artist"}
        return str(self._transport.json("POST", "/v1/keys", json=asked, headers=headers, repeatable=False)["key"])

    def _model(self, slug: str, name: str, wishes: Mapping[str, Any]) -> str:
        content = json.dumps({"name": name, **wishes}, sort_keys=True).encode()
        digest = hashlib.sha256(content).hexdigest()
        self._transport.request("PUT", f"/v1/blobs/{digest}", body=lambda: [content], headers=_in(slug))
        files = [{"path": "scene.json", "digest": digest, "size_bytes": len(content)}]
        asked = {"name": name, "manifest": {"kind": "fake", "main": "scene.json", "files": files}}
        made = self._transport.json("POST", "/v1/models", json=asked, headers=_in(slug), repeatable=True)
        return str(made["id"])

    def _until_probed(self, slug: str, models: Mapping[str, str]) -> None:
        """Every model has been opened once, and the one that jobs need is ready."""
        end = time.monotonic() + self._wait_s
        while True:
            states = {
                name: self._transport.json("GET", f"/v1/models/{quoted(model)}", headers=_in(slug))["state"]
                for name, model in models.items()
            }
            if all(state in ("ready", "invalid") for state in states.values()) or time.monotonic() > end:
                break
            time.sleep(_LOOK_S)
        if states[READY] != "ready":
            raise ClientError(
                f"The model {READY!r} is {states[READY]} and not ready.",
                remedy="Is the farm well (`rayfarm status`)? Models are probed by its dispatcher.",
            )

    def _jobs(self, slug: str, model: str) -> dict[str, str]:
        """Job -> the state that it shall come to."""
        wanted: dict[str, str] = {}
        by_state: dict[str, str] = {}
        there = list(self._job_pages(slug))
        for each in JOBS:
            name = f"Seed: {each.state}"
            of_name = [job for job in there if job["name"] == name]
            usable = [job for job in of_name if job["state"] == each.state or job["state"] not in _ENDED]
            if usable:
                job_id, state = str(usable[0]["id"]), usable[0]["state"]
            else:
                job_id, state = self._submit(slug, model, each, name, len(of_name), by_state), None
            if each.command is not None and state != each.state:
                self._transport.json("POST", f"/v1/jobs/{job_id}/{each.command}", headers=_in(slug), repeatable=True)
            wanted[job_id] = each.state
            by_state[each.state] = job_id
        return wanted

    def _job_pages(self, slug: str) -> Sequence[Json]:
        jobs: list[Json] = []
        cursor: str | None = None
        while True:
            params = {"tag": TAG, "limit": 100, "cursor": cursor}
            page = self._transport.json("GET", "/v1/jobs", params=params, headers=_in(slug))
            jobs += page["items"]
            cursor = page.get("next_cursor")
            if cursor is None:
                return jobs

    def _submit(
        self, slug: str, model: str, job: SeedJob, name: str, generation: int, by_state: Mapping[str, str]
    ) -> str:
        spec = {
            "name": name,
            "model": model,
            "pipeline": "fake",
            "outputs": {"video": None},
            "reuse": False,
            "tags": [TAG],
            **job.spec,
        }
        if job.behind is not None:
            spec["depends_on"] = [{"job": by_state[job.behind]}]
        headers = {**_in(slug), "Idempotency-Key": f"seed-{job.state}-{generation}"}
        made = self._transport.json("POST", "/v1/jobs", json=spec, headers=headers, repeatable=True)
        return str(made["id"])

    def _until_there(self, slug: str, wanted: Mapping[str, str]) -> dict[str, str]:
        end = time.monotonic() + self._wait_s
        while True:
            states = {
                job_id: str(self._transport.json("GET", f"/v1/jobs/{job_id}", headers=_in(slug))["state"])
                for job_id in wanted
            }
            if states == wanted or time.monotonic() > end:
                return states
            time.sleep(_LOOK_S)


def _in(slug: str) -> dict[str, str]:
    return {"X-Rayfarm-Project": slug}


if __name__ == "__main__":
    sys.exit(main())
