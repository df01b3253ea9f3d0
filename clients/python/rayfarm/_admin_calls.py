"""What operators and administrators ask of the farm: maintenance, queues, schedules, people, projects, keys."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence

from rayfarm._calls import Calls
from rayfarm._ids import quoted, require_id
from rayfarm.errors import UsageError
from rayfarm.types import Json

_PROJECT = "X-Rayfarm-Project"


class AdminCalls(Calls):
    """Calls that need a role on the whole farm, save those of one project's keys."""

    def status(self) -> Json:
        """What of the farm is up, by dependency, and whether it is under maintenance."""
        answer: Json = self._transport.json("GET", "/v1/status")
        return answer

    def maintenance(self) -> Json:
        answer: Json = self._transport.json("GET", "/v1/maintenance")
        return answer

    def set_maintenance(self, *, active: bool, drain: bool = False, message: str = "") -> Json:
        """Make the farm read-only, or end that; ``drain``: hand out no work either."""
        asked = {"active": active, "drain": drain, "message": message}
        answer: Json = self._transport.json("PUT", "/v1/maintenance", json=asked)
        return answer

    def queues(self) -> Json:
        """The queue in counts: classes with their reasons for waiting, pools, projects with their shares, tasks."""
        answer: Json = self._transport.json("GET", "/v1/queues")
        return answer

    def blocklists(self, *, node: str | None = None) -> list[Json]:
        """Machines that have failed jobs of any project."""
        answer = self._transport.json("GET", "/v1/blocklists", params={"node": node})
        return list(answer["items"])

    def reset_blocklists(self, node: str) -> int:
        """Forget a machine's failures for the jobs of all projects; how many jobs may use it again."""
        jobs = 0
        while True:
            done = self._transport.json("POST", "/v1/blocklists/reset", json={"node": node}, repeatable=True)
            jobs += int(done["jobs"])
            if not done["more"]:
                return jobs

    def restart(self, worker: str, *, reason: str | None = None) -> Json:
        """Let a replica (by id) or all replicas of a machine (by name) finish their frames and be replaced."""
        return self._tell(worker, "restart", {"reason": reason})

    def schedules(self) -> list[Json]:
        """When machines may render."""
        return list(self._pages("/v1/schedules"))

    def set_schedule(self, name: str, schedule: Json) -> Json:
        """Make one, or replace it: node or labels, time_zone, windows, only_when_idle_min, give_back, enabled."""
        answer: Json = self._transport.json("PUT", f"/v1/schedules/{quoted(name)}", json=schedule)
        return answer

    def drop_schedule(self, name: str) -> None:
        self._transport.request("DELETE", f"/v1/schedules/{quoted(name)}")

    def flags(self) -> list[Json]:
        """Features that can be turned off, as they are now."""
        return list(self._pages("/v1/flags"))

    def set_flag(
        self,
        name: str,
        *,
        enabled: bool,
        projects: Sequence[str] = (),
        percent: int | None = None,
        note: str = "",
    ) -> Json:
        """Turn a feature on or off: for all, for these projects, or for so many percent of all; ``note``: why."""
        asked = {"enabled": enabled, "projects": list(projects), "percent": percent, "note": note}
        answer: Json = self._transport.json("PUT", f"/v1/flags/{quoted(name)}", json=asked)
        return answer

    def reset_flag(self, name: str) -> None:
        """Back to its default."""
        self._transport.request("DELETE", f"/v1/flags/{quoted(name)}")

    def accounts(self) -> list[Json]:
        return list(self._pages("/v1/accounts"))

    def change_account(self, email: str, **changes: object) -> Json:
        """Name, farm_role or disabled, of the account with this address. ``UsageError`` where there is none."""
        found = next((each["id"] for each in self.accounts() if each["email"] == email.lower()), None)
        if found is None:
            raise UsageError(f"No account has the address {email!r}.", remedy="`rayfarm admin users` lists them.")
        path = f"/v1/accounts/{require_id(str(found), what='account')}"
        answer: Json = self._transport.json("PATCH", path, json=changes)
        return answer

    def create_project(self, slug: str, *, name: str) -> Json:
        answer: Json = self._transport.json("POST", "/v1/projects", json={"slug": slug, "name": name}, repeatable=False)
        return answer

    def invite(self, email: str, *, role: str, project: str | None = None) -> Json:
        """Into a project, or (None) to run the farm; the answer holds the token, which is shown once."""
        path = f"/v1/projects/{quoted(project)}/invitations" if project else "/v1/farm/invitations"
        answer: Json = self._transport.json("POST", path, json={"email": email, "role": role}, repeatable=False)
        return answer

    def keys(self, *, project: str | None = None) -> list[Json]:
        """Of a project, or (None) of the whole farm; without their secrets."""
        path, headers = _keys_of(project)
        return list(self._pages(path, headers=headers))

    def create_key(self, name: str, *, role: str, project: str | None = None) -> Json:
        """The answer holds the secret, which is shown once."""
        path, headers = _keys_of(project)
        asked = {"name": name, "role": role}
        answer: Json = self._transport.json("POST", path, json=asked, headers=headers, repeatable=False)
        return answer

    def revoke_key(self, key_id: str, *, project: str | None = None) -> None:
        path, headers = _keys_of(project)
        self._transport.request("DELETE", f"{path}/{require_id(key_id, what='key')}", headers=headers)

    def _tell(self, worker: str, verb: str, notice: Json | None) -> Json:
        """A replica's id is a UUID; anything else names a machine."""
        try:
            path = f"/v1/replicas/{uuid.UUID(worker)}/{verb}"
        except ValueError:
            path = f"/v1/nodes/{quoted(worker)}/{verb}"
        body = {key: value for key, value in (notice or {}).items() if value is not None}
        answer = self._transport.json("POST", path, json=body or None, repeatable=True)
        return answer if isinstance(answer, Mapping) else {"nodes": answer}


def _keys_of(project: str | None) -> tuple[str, dict[str, str]]:
    return ("/v1/farm/keys", {}) if project is None else ("/v1/keys", {_PROJECT: project})
