"""``Idempotency-Key`` under pressure: one request many times at once is one job."""

from __future__ import annotations

import asyncio
from collections import Counter

import httpx

from tests.serve_app.farm import ApiFarm

REQUESTS = 1000


async def test_a_thousand_requests_with_one_key_at_once_are_one_job(farm: ApiFarm) -> None:
    spec = await farm.spec()
    headers = {"Idempotency-Key": "once"}

    async def submit() -> httpx.Response:
        while True:
            answer = await farm.http.post("/v1/jobs", json=spec, headers=headers, timeout=120)
            if answer.status_code != 503:  # all connections to the database were in use for too long: as a client does
                return answer

    answers = await asyncio.gather(*(submit() for _ in range(REQUESTS)))
    assert Counter(answer.status_code for answer in answers) == {202: REQUESTS}
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert await farm.count("job") == 1
    assert await farm.count("work where job_id is not null") == 1
    assert await farm.count("event where kind = 'job.created'") == 1
