"""What the routes of destinations do."""

from __future__ import annotations

import asyncio
from dataclasses import asdict, dataclass
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID, uuid4

from db import destinations
from db.destinations import DestinationRow
from db.session import Transaction
from jobs.delivery import TEST_KEY, DeliverySettings
from jobs.egress import Egress
from jobs.errors import Conflict, InvalidInput
from jobs.sealed import Seals
from serve_app.destinations.schemas import (
    DestinationChange,
    DestinationKey,
    DestinationTest,
    DestinationView,
    NewDestination,
)
from serve_app.places import Places
from serve_app.unit_of_work import UnitOfWork
from storage.open_bucket import BucketAddress, BucketRefused, open_bucket


class DestinationRefused(Conflict):
    """The bucket did not take the object."""

    code = "destination-refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Destinations:
    """One per process."""

    settings: DeliverySettings
    seals: Seals
    egress: Egress
    tests: Places

    async def create(
        self, tx: Transaction, new: NewDestination, *, project_id: UUID, created_by: str
    ) -> DestinationRow:
        """Raises ``EgressRefused``, ``InvalidInput``, ``NoSealingKey``, ``Conflict`` where there are as many as may be,
        or another has the name."""
        destination_id = uuid4()
        values = new.model_dump(exclude={"secret_access_key"})
        values |= {"endpoint_url": self._endpoint(new.endpoint_url), "created_by": created_by}
        sealed = self.seals.seal(new.secret_access_key.get_secret_value(), owner=destination_id)
        made = await destinations.create_destination(
            tx,
            destination_id=destination_id,
            project_id=project_id,
            values=values,
            sealed=sealed,
            limit=self.settings.max_per_project,
        )
        if made == "full":
            raise Conflict(
                f"This project has {self.settings.max_per_project} destinations, as many as one may have.",
                remedy="Delete one; the limit is RAYFARM_DELIVERY_MAX_PER_PROJECT.",
                limit=self.settings.max_per_project,
            )
        return made if isinstance(made, DestinationRow) else _name_taken(new.name)

    async def change(
        self, tx: Transaction, change: DestinationChange, *, project_id: UUID, destination_id: UUID
    ) -> tuple[DestinationRow, DestinationRow]:
        """Before and after. Raises ``NotFound``, ``EgressRefused``, ``InvalidInput``, ``Conflict``."""
        before = await destinations.require_destination(tx, project_id=project_id, destination_id=destination_id)
        changes = change.model_dump(exclude_unset=True)
        empty = sorted(name for name, value in changes.items() if value is None and name != "endpoint_url")
        if empty:
            raise InvalidInput(f"{empty[0]} cannot be null.", field=empty[0], remedy="Leave it out to keep it.")
        if "endpoint_url" in changes:
            changes["endpoint_url"] = self._endpoint(changes["endpoint_url"])
        after = await destinations.change_destination(
            tx, project_id=project_id, destination_id=destination_id, changes=changes
        )
        return before, after or _name_taken(changes["name"])

    async def set_key(
        self, tx: Transaction, key: DestinationKey, *, project_id: UUID, destination_id: UUID
    ) -> DestinationRow:
        """Raises ``NotFound``, ``NoSealingKey``."""
        await destinations.require_destination(tx, project_id=project_id, destination_id=destination_id)
        sealed = self.seals.seal(key.secret_access_key.get_secret_value(), owner=destination_id)
        return await destinations.set_destination_key(
            tx,
            project_id=project_id,
            destination_id=destination_id,
            access_key_id=key.access_key_id,
            sealed=sealed,
        )

    async def test(self, unit: UnitOfWork, *, project_id: UUID, destination_id: UUID) -> DestinationTest:
        """Raises ``NotFound``, ``DestinationRefused``, ``CannotUnseal``, ``TooManyAtOnce``."""
        with self.tests.take(project_id):
            tx = await unit.begin()
            row = await destinations.require_destination(tx, project_id=project_id, destination_id=destination_id)
            sealed = await destinations.sealed_key(tx, project_id=project_id, destination_id=destination_id)
            await unit.end()  # no transaction waits for a server elsewhere
            secret = self.seals.unseal(sealed, owner=destination_id)
            deleted = await self._try(row, secret)
        await destinations.found_well(await unit.begin(), project_id=project_id, destination_id=destination_id)
        return DestinationTest(key=row.prefix + TEST_KEY, deleted=deleted)

    async def _try(self, row: DestinationRow, secret: str) -> bool:
        address = BucketAddress(
            bucket=row.bucket,
            prefix=row.prefix,
            region=row.region,
            endpoint_url=row.endpoint_url,
            access_key_id=row.access_key_id,
            secret_access_key=secret,
        )
        try:
            bucket = await asyncio.to_thread(open_bucket, address, egress=self.egress, settings=self.settings)
            try:
                return await bucket.test()
            finally:
                await bucket.close()
        except BucketRefused as error:
            raise DestinationRefused(error.words, remedy=error.remedy, s3_code=error.code) from error

    def _endpoint(self, url: str | None) -> str | None:
        if url is None:
            return None
        parsed = self.egress.parse(url, field="endpoint_url")
        parts = urlsplit(parsed.url)
        if parts.path != "/" or parts.query:
            raise InvalidInput(
                "The endpoint has a path or a query.",
                field="endpoint_url",
                remedy="Give the server's address alone; the bucket and the prefix have fields of their own.",
            )
        return f"{parts.scheme}://{parts.netloc}"


def view_of(row: DestinationRow) -> DestinationView:
    values = asdict(row)
    return DestinationView.model_validate({**values, "next_attempt_at": values.pop("rests_until")})


def facts_of(row: DestinationRow) -> dict[str, Any]:
    """What the audit log keeps."""
    names = ("name", "bucket", "prefix", "region", "endpoint_url", "access_key_id", "is_default")
    return {name: getattr(row, name) for name in names}


def _name_taken(name: str) -> DestinationRow:
    raise Conflict(f"This project has a destination {name!r} already.", remedy="Choose another name.", field="name")
