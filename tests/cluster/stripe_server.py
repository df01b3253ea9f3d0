"""Stripe's meter events on loopback, by its public API reference: form bodies, keys, error objects, both memories.

``POST /v1/billing/meter_events``: ``Authorization: Bearer``, ``Stripe-Version``, ``application/x-www-form-urlencoded``
with bracketed keys. An ``Idempotency-Key`` gives its first answer again, a 500 too, and refuses other parameters; an
``identifier`` is counted once within a day, and refused after that.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

KEY = "sk_test_51loopbackKeyOfThisTestAlone"  # pragma: allowlist secret
_DAY_S = 86400
_REASONS = {
    200: "OK",
    400: "Bad Request",
    401: "Unauthorized",
    404: "Not Found",
    429: "Too Many Requests",
    500: "Error",
}


@dataclass
class StripeServer:
    """``faults``: what happens to the next requests, each once: a status, or what goes wrong after the effect."""

    meters: set[str]
    url: str = ""
    faults: list[str] = field(default_factory=list)
    events: list[dict[str, Any]] = field(default_factory=list)
    """What would be billed."""
    requests: list[dict[str, str]] = field(default_factory=list)
    days_passed: int = 0
    _answers: dict[str, tuple[dict[str, str], int, dict[str, Any]]] = field(default_factory=dict)

    def sum_of(self, meter: str) -> int:
        return sum(int(event["payload"]["value"]) for event in self.events if event["event_name"] == meter)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                first, *lines = head.decode().split("\r\n")
                headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
                body = await reader.readexactly(int(headers.get("content-length", 0)))
                self.requests.append(headers)
                fault = self.faults.pop(0) if self.faults else ""
                status, answer, replayed = self._answer(first, headers, body.decode(), fault)
                if fault == "drop after":
                    break
                if fault == "hang after":
                    await asyncio.sleep(60)
                self._write(writer, status, answer, replayed)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    def _answer(self, first: str, headers: dict[str, str], body: str, fault: str) -> tuple[int, dict[str, Any], bool]:
        if first.split(" ")[:2] != ["POST", "/v1/billing/meter_events"]:
            return 404, _error("invalid_request_error", f"Unrecognized request URL ({first})."), False
        if headers.get("authorization") != f"Bearer {KEY}":
            told = headers.get("authorization", "").removeprefix("Bearer ")
            return 401, _error("invalid_request_error", f"Invalid API Key provided: {told}"), False
        assert headers["content-type"].startswith("application/x-www-form-urlencoded")
        assert headers["stripe-version"]
        if fault == "429":
            return 429, _error("invalid_request_error", "Request rate limit exceeded.", code="rate_limit"), False
        given = dict(parse_qsl(body, keep_blank_values=True))
        key = headers["idempotency-key"]
        if key in self._answers:
            parameters, status, answer = self._answers[key]
            if parameters != given:
                return (
                    400,
                    _error(
                        "idempotency_error",
                        "Keys for idempotent requests can only be used with the same "
                        "parameters they were first used with.",
                    ),
                    False,
                )
            return status, answer, True
        status, answer = self._create(given) if fault != "500" else (500, _error("api_error", "An error occurred."))
        if fault == "500 after":
            status, answer = 500, _error("api_error", "An unknown error occurred")
        self._answers[key] = (given, status, answer)
        return status, answer, False

    def _create(self, given: dict[str, str]) -> tuple[int, dict[str, Any]]:
        name, identifier = given["event_name"], given["identifier"]
        now = time.time() + self.days_passed * _DAY_S
        if name not in self.meters:
            return 400, _error(
                "invalid_request_error", f"No active meter found for event name {name}.", code="resource_missing"
            )
        if any(event["identifier"] == identifier and now - event["created"] < _DAY_S for event in self.events):
            return 400, _error(
                "invalid_request_error",
                f"An event already exists with identifier {identifier}.",
                code="duplicate_meter_event",
            )
        at = int(given["timestamp"])
        if not now - 35 * _DAY_S <= at <= now + 300:
            return 400, _error("invalid_request_error", "Timestamp is out of range.", code="timestamp_out_of_range")
        payload = {key[len("payload[") : -1]: value for key, value in given.items() if key.startswith("payload[")}
        event = {
            "object": "billing.meter_event",
            "created": int(now),
            "event_name": name,
            "identifier": identifier,
            "livemode": False,
            "payload": payload,
            "timestamp": at,
        }
        self.events.append(event)
        return 200, event

    def _write(self, writer: asyncio.StreamWriter, status: int, answer: dict[str, Any], replayed: bool) -> None:
        content = json.dumps(answer).encode()
        head = (
            f"HTTP/1.1 {status} {_REASONS[status]}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(content)}\r\nRequest-Id: req_{len(self.requests)}\r\n"
            f"{'Idempotent-Replayed: true' if replayed else 'Stripe-Should-Retry: false'}\r\n\r\n"
        )
        writer.write(head.encode() + content)


@asynccontextmanager
async def stripe_server(*meters: str) -> AsyncIterator[StripeServer]:
    stripe = StripeServer(meters=set(meters))
    server = await asyncio.start_server(stripe.serve, "127.0.0.1", 0)
    stripe.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield stripe
    finally:
        server.close()


def _error(kind: str, message: str, **more: str) -> dict[str, Any]:
    return {"error": {"type": kind, "message": message, **more}}
