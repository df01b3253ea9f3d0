"""Spends tokens in this process and takes them, in small batches, of the buckets that all processes share.

A batch may be spent later than it was taken, so n processes together let through at most n × (batch - 1) requests over
the quota, and may refuse as many below it. While the database is away each process lets each caller have one batch and
then the rate of the policy, from memory: neither nobody nor everybody is served.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta

import structlog

from db.rates import take_tokens
from db.session import Database
from jobs.errors import Unavailable
from serve_app.rates.policies import Policy, RateClass

log = structlog.get_logger(__name__)

_ASKED_AGAIN_AFTER = timedelta(seconds=1)
"""So long after the database failed, nobody waits for it on account of rates."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What a caller has left in one class, as this process last saw it."""

    rate_class: RateClass
    policy: Policy
    remaining: int
    retry_after_s: float | None = None
    """Set where nothing is left."""

    @property
    def is_over(self) -> bool:
        return self.retry_after_s is not None

    @property
    def reset_s(self) -> int:
        """Whole seconds until the quota is whole again, or, where nothing is left, until a request may be tried."""
        if self.retry_after_s is not None:
            return max(1, math.ceil(self.retry_after_s))
        return math.ceil((self.policy.quota - self.remaining) * self.policy.each_s)


@dataclass(slots=True)
class _Lease:
    """What this process holds of one bucket."""

    tokens: int = 0
    shared: float = 0.0
    """Left in the shared bucket when it was last asked."""
    refused_until: float = 0.0
    """The shared bucket is not asked before: a flood of refused requests costs the database nothing."""
    spare_full_at: float = 0.0
    """Of the bucket in memory that stands in for the database's."""
    refill: asyncio.Lock = field(default_factory=asyncio.Lock)


class Limiter:
    """One for each process."""

    def __init__(
        self,
        *,
        database: Database,
        policies: Mapping[RateClass, Policy],
        most_leases: int = 20_000,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """``database``: a pool of its own, because a request is counted while it holds a connection of the usual one.
        ``most_leases``: callers whose tokens are kept; of more, the ones not seen for longest lose theirs."""
        self._database = database
        self.policies = policies
        self._most = most_leases
        self._clock = clock
        self._leases: OrderedDict[tuple[str, RateClass], _Lease] = OrderedDict()
        self._away_until = -math.inf

    async def spend(self, subject: str, rate_class: RateClass) -> Standing:
        """Take one token of a caller, if there is one: ``is_over`` says that there was none."""
        policy = self.policies[rate_class]
        lease = self._lease(subject, rate_class)
        if lease.tokens <= 0:
            async with lease.refill:  # one question for all that wait
                if lease.tokens <= 0 and self._clock() >= lease.refused_until:
                    await self._take(lease, subject, rate_class, policy)
        if lease.tokens <= 0:
            wait_s = max(0.0, lease.refused_until - self._clock())
            return Standing(rate_class=rate_class, policy=policy, remaining=0, retry_after_s=wait_s)
        lease.tokens -= 1
        remaining = min(policy.quota, lease.tokens + max(0, math.floor(lease.shared)))
        return Standing(rate_class=rate_class, policy=policy, remaining=remaining)

    def held(self, subject: str, rate_class: RateClass) -> int:
        """Tokens of a caller that lie in this process."""
        lease = self._leases.get((subject, rate_class))
        return lease.tokens if lease else 0

    def _lease(self, subject: str, rate_class: RateClass) -> _Lease:
        key = (subject, rate_class)
        lease = self._leases.get(key)
        if lease is None:
            lease = self._leases[key] = _Lease()
            if len(self._leases) > self._most:
                self._leases.popitem(last=False)
        else:
            self._leases.move_to_end(key)
        return lease

    async def _take(self, lease: _Lease, subject: str, rate_class: RateClass, policy: Policy) -> None:
        if self._clock() < self._away_until:
            self._take_spare(lease, policy)
            return
        try:
            async with self._database.transaction() as tx:
                grant = await take_tokens(
                    tx,
                    subject=subject,
                    rate_class=rate_class,
                    want=policy.batch,
                    quota=policy.quota,
                    window=policy.window,
                )
        except Unavailable as error:
            self._away_until = self._clock() + _ASKED_AGAIN_AFTER.total_seconds()
            log.warning("rates are counted in memory", action="api.rates_alone", error=error.message)
            self._take_spare(lease, policy)
            return
        lease.tokens, lease.shared = grant.tokens, grant.left
        if not grant.tokens:
            # Half a batch: asking for each token that comes back would cost a statement for each request.
            lease.refused_until = self._clock() + (max(1.0, policy.batch / 2) - grant.left) * policy.each_s

    def _take_spare(self, lease: _Lease, policy: Policy) -> None:
        now = self._clock()
        missing_s = max(0.0, lease.spare_full_at - now)
        over_s = missing_s + policy.each_s - policy.batch * policy.each_s
        if over_s > 1e-9:
            lease.refused_until = now + over_s
            return
        lease.spare_full_at = now + missing_s + policy.each_s
        lease.tokens, lease.shared = 1, 0.0
