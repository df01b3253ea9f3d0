"""Carries the files of jobs into customers' own buckets: each destination apart from every other.

A destination is served by a task of its own that outlives the tick which began it: a bucket that is slow keeps its own
place, and delays nobody else. What a crash leaves is put again under the same key. The durable half is
``db.loops.delivery``.
"""

from __future__ import annotations

import asyncio
import random
from collections import defaultdict
from uuid import UUID

import structlog

from cluster.loops.streams import pause_after
from db.dispatch import LostLeadership
from db.loops.delivery import (
    ClaimedDelivery,
    DestinationWithWork,
    claim_delivery,
    deliver_again,
    destinations_with_work,
    end_delivered,
    end_failed,
    fail_deliveries_to_nowhere,
    tell_delivered,
)
from db.session import Database
from jobs.delivery import DeliverySettings
from jobs.egress import Egress
from jobs.errors import RayfarmError, Unavailable
from jobs.sealed import CannotUnseal, Seals
from storage.base import BlobDamaged, ObjectNotFound, Storage
from storage.open_bucket import Bucket, BucketAddress, BucketRefused, open_bucket

_log = structlog.get_logger(__name__)

_FOREVER = 10**6


class Courier:
    """The one loop of all deliveries."""

    name = "delivery"

    def __init__(
        self, *, database: Database, storage: Storage, settings: DeliverySettings, seals: Seals, egress: Egress
    ) -> None:
        self.every = settings.every
        self._database = database
        self._storage = storage
        self._settings = settings
        self._seals = seals
        self._egress = egress
        self._places = asyncio.Semaphore(settings.at_once)
        self._places_of: defaultdict[UUID, asyncio.Semaphore] = defaultdict(
            lambda: asyncio.Semaphore(settings.at_once_per_project)
        )
        self._serving: dict[UUID, asyncio.Task[int]] = {}
        self._open: set[Bucket] = set()

    async def tick(self, epoch: int) -> int:
        """Begin to serve destinations that have work and are not served; how many files were delivered since the last
        tick."""
        delivered = self._reap()
        waiting, gone = await destinations_with_work(self._database)
        for destination_id in gone:
            await fail_deliveries_to_nowhere(self._database, destination_id=destination_id, epoch=epoch)
        random.shuffle(waiting)  # so that none is always the last when there are too many
        for destination in waiting:
            if destination.id not in self._serving:
                serving = self._serve(destination, epoch)
                self._serving[destination.id] = asyncio.create_task(serving, name=f"delivery-{destination.id}")
        await tell_delivered(self._database, epoch=epoch)
        return delivered

    async def close(self) -> None:
        """Stop serving; what was under way is put again by the next leader, once its lease is over."""
        for bucket in self._open:
            bucket.stop()
        for task in self._serving.values():
            task.cancel()
        await asyncio.gather(*self._serving.values(), return_exceptions=True)
        self._serving.clear()

    async def settle(self) -> int:
        """Wait until nothing is served any more; how many files were delivered."""
        await asyncio.gather(*self._serving.values(), return_exceptions=True)
        return self._reap()

    def _reap(self) -> int:
        delivered = 0
        for destination_id, task in list(self._serving.items()):
            if not task.done():
                continue
            del self._serving[destination_id]
            error = None if task.cancelled() else task.exception()
            if error is None:
                delivered += 0 if task.cancelled() else task.result()
            elif isinstance(error, Unavailable | OSError):  # lost leadership too: whoever leads goes on
                _log.warning("delivery_interrupted", destination_id=str(destination_id), error=str(error))
            else:
                _log.error("delivery_broke", destination_id=str(destination_id), exc_info=error)
        return delivered

    async def _serve(self, destination: DestinationWithWork, epoch: int) -> int:
        """Until nothing is due, or the bucket refuses; how many files it has taken. One at a time while it fails."""
        workers = 1 if destination.fails else self._settings.at_once_per_project
        outcomes = await asyncio.gather(
            *(self._work(destination, epoch) for _ in range(workers)), return_exceptions=True
        )
        for outcome in outcomes:
            if isinstance(outcome, BaseException):
                raise outcome
        return sum(count for count in outcomes if isinstance(count, int))

    async def _work(self, destination: DestinationWithWork, epoch: int) -> int:
        """One worker, with a client of its own, as a copy that takes too long takes its client down."""
        delivered = 0
        bucket: Bucket | None = None
        try:
            while True:
                async with self._places_of[destination.project_id], self._places:
                    claimed = await claim_delivery(
                        self._database, destination_id=destination.id, settings=self._settings, epoch=epoch
                    )
                    if claimed is None:
                        return delivered
                    try:
                        if bucket is None:
                            bucket = await self._opened(destination)
                        took = await self._carry(bucket, destination, claimed, epoch)
                    except (BucketRefused, CannotUnseal) as error:
                        await self._failed(destination, claimed, str(error), is_its_fault=True, epoch=epoch)
                        return delivered
                    delivered += took
        finally:
            if bucket is not None:
                self._open.discard(bucket)
                await bucket.close()

    async def _opened(self, destination: DestinationWithWork) -> Bucket:
        address = BucketAddress(
            bucket=destination.bucket,
            prefix=destination.prefix,
            region=destination.region,
            endpoint_url=destination.endpoint_url,
            access_key_id=destination.access_key_id,
            secret_access_key=self._seals.unseal(destination.sealed, owner=destination.id),
        )
        bucket = await asyncio.to_thread(open_bucket, address, egress=self._egress, settings=self._settings)
        self._open.add(bucket)
        return bucket

    async def _carry(
        self, bucket: Bucket, destination: DestinationWithWork, claimed: ClaimedDelivery, epoch: int
    ) -> bool:
        """Whether the bucket has the file. Raises ``BucketRefused``."""
        if claimed.storage_key is None:
            words = "The file had expired before it was delivered."
            await self._failed(destination, claimed, words, is_its_fault=False, epoch=epoch, for_good=True)
            return False
        try:
            await bucket.put(
                claimed.path,
                self._storage.stream(claimed.storage_key),
                size_bytes=claimed.size_bytes,
                sha256=claimed.sha256,
                media_type=claimed.media_type,
            )
        except (ObjectNotFound, BlobDamaged) as error:
            await self._failed(destination, claimed, str(error), is_its_fault=False, epoch=epoch, for_good=True)
            return False
        except RayfarmError as error:  # the farm's own storage: it is away, or gives other bytes than it took
            await self._failed(destination, claimed, str(error), is_its_fault=False, epoch=epoch)
            return False
        except BucketRefused:
            raise
        except Exception:  # a bug: the file behind this one is none the worse for it
            _log.exception("delivery_broke", job_id=str(claimed.job_id), delivery_id=claimed.id)
            words = "The farm met an error of its own; its log has the details."
            await self._failed(destination, claimed, words, is_its_fault=False, epoch=epoch)
            return False
        try:
            ended = await end_delivered(self._database, claimed, destination_id=destination.id, epoch=epoch)
        except LostLeadership:
            await deliver_again(self._database, claimed)
            raise
        if ended is None and await deliver_again(self._database, claimed):
            _log.warning("delivery_overtaken", job_id=str(claimed.job_id), delivery_id=claimed.id)
        return bool(ended)

    async def _failed(
        self,
        destination: DestinationWithWork,
        claimed: ClaimedDelivery,
        words: str,
        *,
        is_its_fault: bool,
        epoch: int,
        for_good: bool = False,
    ) -> None:
        settings = self._settings
        _log.warning(
            "file_not_delivered",
            destination_id=str(destination.id),
            job_id=str(claimed.job_id),
            delivery_id=claimed.id,
            attempts=claimed.attempts,
            error=words,
        )
        pause = pause_after(
            claimed.failures + 1, most=_FOREVER, first=settings.first_pause, longest=settings.longest_pause
        )
        await end_failed(
            self._database,
            claimed,
            destination=destination,
            error=words,
            pause=None if for_good else pause,
            settings=settings,
            is_its_fault=is_its_fault,
            epoch=epoch,
        )
