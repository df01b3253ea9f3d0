"""A project with a bucket of its own, on a server on loopback that speaks S3, and the courier that fills it."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import boto3
import pytest
from moto.server import ThreadedMotoServer
from sqlalchemy import text

from cluster.loops.courier import Courier
from db._query import as_json, run
from jobs.delivery import DeliverySettings
from jobs.egress import Egress, EgressSettings
from storage.base import Storage
from tests.serve_app.farm import ApiFarm, digest_of

DESTINATIONS = "/v1/projects/default/destinations"
SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"  # gitleaks:allow - of AWS's own documentation
LOOPBACK = EgressSettings(allow_http=True, allowed_networks=("127.0.0.0/8",))  # type: ignore[arg-type]


@pytest.fixture(scope="session")
def s3_server() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@dataclass(kw_only=True)
class Yard:
    """What a test of delivery works with."""

    farm: ApiFarm
    endpoint: str
    bucket: str
    courier: Courier
    couriers: list[Courier]

    @property
    def s3(self) -> Any:
        return boto3.client(
            "s3",
            region_name="us-east-1",
            endpoint_url=self.endpoint,
            aws_access_key_id="testing",
            aws_secret_access_key="testing",
        )

    async def destination(self, **wishes: Any) -> Any:
        answer = await self.farm.http.post(DESTINATIONS, json=self.wish(**wishes))
        assert answer.status_code == 201, answer.text
        return answer.json()

    def wish(self, **wishes: Any) -> dict[str, Any]:
        return {
            "name": "studio",
            "bucket": self.bucket,
            "prefix": "renders",
            "endpoint_url": self.endpoint,
            "access_key_id": "AKIDEXAMPLE",
            "secret_access_key": SECRET,
            **wishes,
        }

    def new_courier(
        self, *, storage: Storage | None = None, egress: EgressSettings = LOOPBACK, **changes: Any
    ) -> Courier:
        """Another process that delivers."""
        destinations = self.farm.app.state.services.destinations
        made = Courier(
            database=self.farm.db,
            storage=storage or self.farm.storage,
            settings=DeliverySettings(**changes),
            seals=destinations.seals,
            egress=Egress(egress),
        )
        self.couriers.append(made)
        return made

    async def deliver(self, courier: Courier | None = None) -> int:
        """Deliver what is due, to its end. Two may at once, so logs are left alone: capturing them side by side would
        take them from every later test of the process."""
        courier = courier or self.courier
        await courier.tick(await self.farm._lead())
        delivered = await courier.settle()
        await courier.tick(await self.farm._lead())
        return delivered + await courier.settle()

    async def wake(self) -> None:
        """As if every pause, rest and lease were over."""
        await self.farm.execute("update delivery set not_before = now() where state = 'queued'")
        await self.farm.execute("update destination set rests_until = null")

    def objects(self) -> dict[str, bytes]:
        listed = self.s3.list_objects_v2(Bucket=self.bucket).get("Contents", [])
        return {each["Key"]: self.s3.get_object(Bucket=self.bucket, Key=each["Key"])["Body"].read() for each in listed}

    def history(self, key: str) -> list[bytes]:
        """Everything that was ever put under a key, oldest first."""
        versions = self.s3.list_object_versions(Bucket=self.bucket, Prefix=key)["Versions"]
        ids = [each["VersionId"] for each in reversed(versions)]  # S3 lists the newest first
        return [self.s3.get_object(Bucket=self.bucket, Key=key, VersionId=each)["Body"].read() for each in ids]

    async def deliveries(self, job_id: str, **query: Any) -> list[Any]:
        answer = await self.farm.http.get(f"/v1/jobs/{job_id}/deliveries", params=query)
        assert answer.status_code == 200, answer.text
        return list(answer.json()["items"])

    async def rows(self, command: str, **parameters: Any) -> list[Any]:
        async with self.farm.db.transaction() as tx:
            return list((await tx.execute(text(command), parameters)).all())

    async def commit_file(
        self,
        job_id: str,
        content: bytes,
        *,
        ordinal: int | None = 0,
        generation: int = 1,
        kind: str = "frame",
        name: str = "0001.png",
    ) -> None:
        """A file of the job becomes its artifact, as a commit writes it."""
        key = f"artifacts/{job_id}/{ordinal or 0}/{uuid4()}/{name}"
        with tempfile.TemporaryDirectory() as folder:
            source = Path(folder) / "file"
            source.write_bytes(content)
            await self.farm.storage.put_artifact(key, source, media_type="image/png")
        file = {
            "id": uuid4(),
            "ordinal": ordinal,
            "kind": kind,
            "name": name,
            "storage_key": key,
            "size_bytes": len(content),
            "sha256": digest_of(content),
            "media_type": "image/png",
        }
        async with self.farm.db.transaction() as tx:
            await run(tx, "lock_job", job_id=UUID(job_id))
            await run(
                tx,
                "insert_artifacts",
                project_id=self.farm.project_id,
                job_id=UUID(job_id),
                generation=generation,
                artifacts=as_json([file]),
            )


@pytest.fixture
async def yard(farm: ApiFarm, s3_server: str) -> AsyncIterator[Yard]:
    destinations = farm.app.state.services.destinations
    destinations.egress.settings = LOOPBACK
    bucket = f"studio-{uuid4().hex}"
    made = Yard(farm=farm, endpoint=s3_server, bucket=bucket, courier=None, couriers=[])  # type: ignore[arg-type]
    made.courier = made.new_courier()
    made.s3.create_bucket(Bucket=bucket)
    made.s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    yield made
    for courier in made.couriers:
        await courier.close()


__all__ = ["DESTINATIONS", "LOOPBACK", "SECRET", "Yard", "s3_server", "yard"]
