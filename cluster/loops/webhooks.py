"""Tells projects' webhooks their events: signed (Standard Webhooks), guarded, each apart from every other.

A webhook is served by a task of its own that outlives the tick which began it: a receiver that hangs keeps its webhook,
and a place among those of its project, and delays nobody else. The durable half is ``db.loops.webhooks``.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any
from uuid import UUID

import structlog

from cluster.loops.streams import follow_streams, pause_after
from cluster.outbound import NotReached, Outbound
from db.loops import Delivery, Tried, WebhookWithWork, end_webhook_delivery, webhooks_with_work
from db.session import Database
from jobs.chat import chat_body
from jobs.errors import Unavailable
from jobs.notices import NoticeSettings, notice_of
from jobs.webhooks import PING, NoWebhookKey, WebhookSecrets, WebhookSettings, body_of, signed_headers

_log = structlog.get_logger(__name__)


class WebhookSender:
    """The one loop of all webhooks."""

    name = "webhooks"

    def __init__(
        self, *, database: Database, settings: WebhookSettings, notices: NoticeSettings, outbound: Outbound
    ) -> None:
        self.every = settings.every
        self._notices = notices
        self._database = database
        self._settings = settings
        self._outbound = outbound
        self._secrets = WebhookSecrets(settings)
        self._lease = 2 * settings.timeout + timedelta(seconds=5)
        """How long a claimed event is left to its sender: above the time-out, so that nobody posts it beside him."""
        self._serving: dict[UUID, tuple[UUID, asyncio.Task[int]]] = {}
        """By webhook: its project, and the task that serves it."""

    async def tick(self, epoch: int) -> int:
        """Begin to serve webhooks that have work and are not served; how many events were told since the last tick."""
        told = self._reap()
        waiting = [each for each in await webhooks_with_work(self._database) if each.id not in self._serving]
        random.shuffle(waiting)  # so that none is always the last when there are too many
        of_project = Counter(project_id for project_id, _ in self._serving.values())
        for webhook in waiting:
            if len(self._serving) >= self._settings.at_once:
                break
            if of_project[webhook.project_id] >= self._settings.at_once_per_project:
                continue
            of_project[webhook.project_id] += 1
            task = asyncio.create_task(self._serve(webhook, epoch), name=f"webhook-{webhook.id}")
            self._serving[webhook.id] = (webhook.project_id, task)
        return told

    async def close(self) -> None:
        """Stop serving; what was under way is told again by the next leader."""
        tasks = [task for _, task in self._serving.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._serving.clear()

    async def settle(self) -> int:
        """Wait until nothing is served any more; how many events were told."""
        await asyncio.gather(*(task for _, task in self._serving.values()), return_exceptions=True)
        return self._reap()

    def _reap(self) -> int:
        told = 0
        for webhook_id, (_, task) in list(self._serving.items()):
            if not task.done():
                continue
            del self._serving[webhook_id]
            error = None if task.cancelled() else task.exception()
            if error is None:
                told += 0 if task.cancelled() else task.result()
            elif isinstance(error, Unavailable | OSError):  # lost leadership too: whoever leads goes on
                _log.warning("webhook_interrupted", webhook_id=str(webhook_id), error=str(error))
            else:
                _log.error("webhook_broke", webhook_id=str(webhook_id), exc_info=error)
        return told

    async def _serve(self, webhook: WebhookWithWork, epoch: int) -> int:
        return await follow_streams(
            self._database,
            target=webhook.target,
            streams=1 if webhook.fails else self._settings.jobs_at_once,
            lease=self._lease,
            epoch=epoch,
            tell=lambda delivery: self._tell(webhook, delivery, epoch),
        )

    async def _tell(self, webhook: WebhookWithWork, delivery: Delivery, epoch: int) -> bool:
        """Whether the next event of the stream is due: this one was taken, or is given up while others still are."""
        tried = await self._post(webhook, delivery)
        if not tried.taken:
            _log.warning(
                "webhook_not_taken",
                webhook_id=str(webhook.id),
                delivery_id=str(delivery.public_id),
                attempts=delivery.attempts,
                error=tried.error,
            )
        settings = self._settings
        mine = await end_webhook_delivery(
            self._database,
            delivery,
            tried,
            webhook_id=webhook.id,
            first_pause=settings.first_pause,
            longest_rest=settings.longest_rest,
            disable_after=settings.disable_after,
            epoch=epoch,
        )
        return mine and tried.taken  # one that failed rests first, whatever is behind

    async def _post(self, webhook: WebhookWithWork, delivery: Delivery) -> Tried:
        began = time.monotonic()
        try:
            if webhook.format.is_chat:
                body, headers = self._words(webhook, delivery), {}
            else:
                body = _body(webhook, delivery)
                headers = signed_headers(
                    body,
                    message_id=f"msg_{delivery.public_id.hex}",
                    at=datetime.now(UTC),
                    secrets_=[self._secrets.secret_of(seed, webhook_id=webhook.id) for seed in webhook.seeds],
                )
            answer = await self._outbound.post(webhook.url, body=body, headers=headers, timeout=self._settings.timeout)
        except NotReached as error:
            return self._failed(delivery, began, str(error))
        except NoWebhookKey as error:
            return replace(self._failed(delivery, began, str(error)), receivers_fault=False)
        except _EventGone as error:
            return replace(self._failed(delivery, began, str(error)), receivers_fault=False, pause=None)
        if 200 <= answer.status < 300:
            duration_ms = (time.monotonic() - began) * 1000
            return Tried(
                taken=True, status=answer.status, duration_ms=duration_ms, answer=answer.body, error=None, pause=None
            )
        words = f"HTTP status {answer.status}."
        if 300 <= answer.status < 400:
            words += " Redirects are not followed: set the webhook's url to where it leads."
        return self._failed(delivery, began, words, status=answer.status, answer=answer.body, headers=answer.headers)

    def _words(self, webhook: WebhookWithWork, delivery: Delivery) -> bytes:
        kind = PING if delivery.event_id is None else delivery.kind
        if kind is None:
            raise _EventGone("The event was pruned before it could be told.")
        notice = notice_of(
            kind,
            delivery.data,
            job_name=delivery.job_name,
            project=webhook.project_name,
            link=self._notices.page_of(delivery.job_id),
        )
        if notice is None:  # its kinds were chosen for words, so only a kind that a later version took away
            raise _EventGone("There are no words for this event.")
        return chat_body(notice, webhook.format)

    def _failed(
        self,
        delivery: Delivery,
        began: float,
        words: str,
        *,
        status: int | None = None,
        answer: str = "",
        headers: Mapping[str, str] | None = None,
    ) -> Tried:
        pause = pause_after(
            delivery.attempts - delivery.spared,
            most=self._settings.attempts,
            first=self._settings.first_pause,
            longest=self._settings.longest_pause,
        )
        if pause is not None and headers is not None:
            wished = retry_after(headers.get("retry-after"), now=datetime.now(UTC))
            pause = max(pause, min(wished, self._settings.longest_pause))
        gone = status == 410
        return Tried(
            taken=False,
            status=status,
            duration_ms=(time.monotonic() - began) * 1000,
            answer=answer,
            error=words,
            pause=None if gone else pause,
            gone=gone,
        )


def retry_after(value: str | None, *, now: datetime) -> timedelta:
    """What a receiver asks for (RFC 9110 section 10.2.3), in seconds or as a date; zero where it says nothing valid."""
    if value is None:
        return timedelta(0)
    if value.strip().isascii() and value.strip().isdigit():
        return timedelta(seconds=min(int(value.strip()[:10]), 10**9))
    try:
        at = parsedate_to_datetime(value)
    except (TypeError, ValueError):
        return timedelta(0)
    return max(timedelta(0), (at if at.tzinfo else at.replace(tzinfo=UTC)) - now)


class _EventGone(Exception):
    """The event is not kept any more."""


def _body(webhook: WebhookWithWork, delivery: Delivery) -> bytes:
    about: dict[str, Any] = {"project": str(webhook.project_id)}
    if delivery.event_id is None:
        return body_of(kind=PING, at=delivery.at, data={}, about={**about, "webhook": str(webhook.id)})
    if delivery.kind is None:
        raise _EventGone("The event was pruned before it could be told.")
    if delivery.job_id is not None:
        about |= {"job": str(delivery.job_id), "seq": delivery.seq}
    if delivery.model_id is not None:
        about["model"] = str(delivery.model_id)
    return body_of(kind=delivery.kind, at=delivery.at, data=delivery.data, about=about)
