"""A project's own buckets, and what of a job was put into one."""

from __future__ import annotations

from collections.abc import Iterator

from rayfarm._calls import Calls, id_of
from rayfarm._ids import quoted
from rayfarm.errors import UsageError
from rayfarm.types import Job, Json


class DestinationCalls(Calls):
    """``project``: its slug. Making, changing and removing one needs the role of a manager."""

    def destinations(self, project: str = "default") -> Iterator[Json]:
        """The buckets that jobs of the project can be delivered into."""
        return self._pages(_path(project))

    def destination(self, name: str, project: str = "default") -> Json:
        """The one of this name. Raises ``UsageError`` where there is none."""
        known = list(self.destinations(project))
        for each in known:
            if each["name"] == name:
                return each
        names = ", ".join(sorted(str(each["name"]) for each in known)) or "none yet"
        raise UsageError(f"Project {project} has no destination {name!r}.", remedy=f"It has: {names}.")

    def add_destination(
        self,
        name: str,
        *,
        bucket: str,
        access_key_id: str,
        secret_access_key: str,
        project: str = "default",
        prefix: str = "",
        region: str = "us-east-1",
        endpoint_url: str | None = None,
        is_default: bool = False,
    ) -> Json:
        """Make one; the farm keeps the secret key sealed and shows it to nobody."""
        asked = {
            "name": name,
            "bucket": bucket,
            "prefix": prefix,
            "region": region,
            "endpoint_url": endpoint_url,
            "is_default": is_default,
            "access_key_id": access_key_id,
            "secret_access_key": secret_access_key,
        }
        answer: Json = self._transport.json("POST", _path(project), json=asked, repeatable=False)
        return answer

    def test_destination(self, destination_id: str, project: str = "default") -> Json:
        """Write a small object there, and delete it if the key may. ``FarmRefused`` says what S3 said."""
        path = f"{_path(project)}/{quoted(destination_id)}:test"
        answer: Json = self._transport.json("POST", path, json={}, repeatable=True)
        return answer

    def remove_destination(self, destination_id: str, project: str = "default") -> None:
        """Nothing more is put there; what was delivered stays."""
        self._transport.request("DELETE", f"{_path(project)}/{quoted(destination_id)}")

    def deliveries(self, job: Job | str, *, state: str | None = None) -> Iterator[Json]:
        """Files of a job on their way into its bucket, with how the last attempt ended."""
        return self._pages(f"/v1/jobs/{id_of(job)}/deliveries", params={"state": state})


def _path(project: str) -> str:
    return f"/v1/projects/{quoted(project)}/destinations"
