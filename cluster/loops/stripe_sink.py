"""Stripe as a ``UsageSink``: meter events of its usage-based billing (``POST /v1/billing/meter_events``).

What is relied upon, by Stripe's API reference: an ``identifier`` is taken once within at least 24 hours, and a second
time is refused with 400 "An event already exists with identifier …", which here means that the reading is there; events
may be up to 35 days old; no request with another 4xx or 429 has had an effect. After a 5xx or silence nothing is known.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Annotated

import httpx
import stripe
from pydantic import AfterValidator, Field, HttpUrl, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from cluster.loops.usage_sink import MeterReading, Outcome, Refused, Taken, Unclear
from jobs.invoicing import ReportUnit

REMEMBERED = timedelta(hours=23)
"""For so long after the first attempt a reading may be sent again: Stripe's 24 hours, less one for clocks and lines."""

OLDEST = timedelta(days=34)
"""Stripe takes events of up to 35 days."""

_MOST_WORDS = 300


def _is_meter(name: str) -> str:
    if not 0 < len(name) <= 100:
        raise ValueError("The event name of a meter has 1 to 100 characters.")
    return name


class StripeSettings(BaseSettings):
    """Read from ``RAYFARM_STRIPE_*``."""

    model_config = SettingsConfigDict(env_prefix="RAYFARM_STRIPE_", frozen=True)

    api_key: SecretStr | None = None
    """A restricted key that may write meter events is enough. None: Stripe is told nothing."""

    api_base: HttpUrl = HttpUrl("https://api.stripe.com")
    """Where Stripe's API is; another one only behind a proxy, or for trying things out."""

    meters: dict[ReportUnit, Annotated[str, AfterValidator(_is_meter)]] = {}
    """Unit (``gpu_second``, ``cpu_second``, ``gigabyte_hour``, ``micro_cost``) -> event name of the meter that counts
    it, as JSON. A unit without a meter is not reported."""

    every: Annotated[timedelta, Field(gt=timedelta(0))] = timedelta(seconds=60)
    """Pause between two looks at what is to be reported; an hour of use becomes one report for each meter."""

    timeout: Annotated[timedelta, Field(gt=timedelta(0), le=timedelta(minutes=5))] = timedelta(seconds=20)
    """Of one request. What is silent for longer may have arrived or not, and is sent again."""

    at_once: Annotated[int, Field(ge=1, le=100)] = 8
    """Requests at once: Stripe takes a thousand meter events per second in live mode, fewer in test mode."""

    send_for: Annotated[timedelta, Field(gt=timedelta(0), le=timedelta(seconds=40))] = timedelta(seconds=20)
    """No batch is begun after so much of one look; what is left then goes at the next. At most 40 s: a tick of the loop
    has a minute."""

    first_pause: Annotated[timedelta, Field(gt=timedelta(0))] = timedelta(seconds=10)
    """Before a report that was not taken is sent again; doubles each time."""

    longest_pause: Annotated[timedelta, Field(gt=timedelta(0), le=timedelta(hours=6))] = timedelta(hours=1)
    """Longest of these pauses."""


class StripeSink:
    """``key`` stands in no error and no log."""

    def __init__(self, *, key: SecretStr, base: str, timeout: timedelta) -> None:
        self._key = key.get_secret_value()
        self._timeout_s = timeout.total_seconds()
        self._client = stripe.StripeClient(
            self._key,
            base_addresses={"api": base.rstrip("/")},
            http_client=stripe.HTTPXClient(timeout=self._timeout_s),
            max_network_retries=0,  # attempts and their pauses stand in rows, where the next leader finds them
        )

    async def tell(self, reading: MeterReading) -> Outcome:
        try:
            async with asyncio.timeout(self._timeout_s):  # all of it: a peer may answer byte by byte
                await self._client.v1.billing.meter_events.create_async(
                    {
                        "event_name": reading.meter,
                        "identifier": reading.identifier,
                        "timestamp": int(reading.at.timestamp()),
                        "payload": {"stripe_customer_id": reading.customer, "value": str(reading.value)},
                    },
                    # One for each attempt: under the same key Stripe would give a 500 of before again and again, while
                    # the identifier tells whether that attempt was counted.
                    {"idempotency_key": f"{reading.identifier}-{reading.attempt}"},
                )
        except TimeoutError:
            return Unclear(f"No answer within {self._timeout_s:g} s.")
        except stripe.APIConnectionError as error:
            never_there = isinstance(error.__cause__, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout)
            words = f"Stripe cannot be reached: {type(error.__cause__).__name__}."
            return Refused(words) if never_there else Unclear(words)
        except stripe.StripeError as error:
            return self._outcome_of(error)
        return Taken()

    def _outcome_of(self, error: stripe.StripeError) -> Outcome:
        status = error.http_status or 0
        words = self._words(error)
        if status == 400 and (
            error.code == "duplicate_meter_event" or "already exists with identifier" in (error.user_message or "")
        ):
            return Taken()
        if 400 <= status < 500 and status not in (408, 409):
            return Refused(words)
        return Unclear(words)

    def _words(self, error: stripe.StripeError) -> str:
        kind = f" {error.code}" if error.code else ""
        words = f"Stripe answers {error.http_status}{kind}: {error.user_message or 'nothing more'}"
        return words.replace(self._key, "…")[:_MOST_WORDS]
