"""``RateLimit`` and ``RateLimit-Policy`` (draft-ietf-httpapi-ratelimit-headers-10, structured fields of RFC 9651)."""

from __future__ import annotations

from starlette.datastructures import MutableHeaders

from serve_app.rates.limiter import Standing

POLICY, STANDING = "RateLimit-Policy", "RateLimit"


def set_fields(headers: MutableHeaders, standing: Standing) -> None:
    """``q`` requests in ``w`` seconds; ``r`` are left, and ``t`` is ``Standing.reset_s``."""
    name, policy = standing.rate_class, standing.policy
    headers[POLICY] = f'"{name}";q={policy.quota};w={max(1, round(policy.window.total_seconds()))}'
    headers[STANDING] = f'"{name}";r={standing.remaining};t={standing.reset_s}'
