"""What the farm has done lately, as its operator sees it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from tests.serve_app.farm import ApiFarm


async def pace(farm: ApiFarm, **query: int) -> Any:
    answer = await farm.http.get("/v1/pace", params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_a_farm_that_stands_still_has_minutes_of_nothing(farm: ApiFarm) -> None:
    seen = await pace(farm, minutes=3)
    assert [(minute["frames"], minute["cost"]) for minute in seen["minutes"]] == [(0, "0")] * 3
    assert (seen["frames"], seen["warm"], seen["attempts"], seen["currency"]) == (0, None, 0, None)


async def test_frames_count_in_the_minute_of_their_commit_with_their_cost_and_what_was_warm(farm: ApiFarm) -> None:
    prices = {"currency": "EUR", "prices": [{"pool": "*", "gpu_second": "1", "cpu_second": "2"}]}
    assert (await farm.http.post("/v1/prices", json=prices)).status_code == 201
    job = await farm.submit(frames="1-4")
    await farm.start(job["id"])
    await farm.commit(*await farm.claim(job["id"], frames=4))  # the first cold, then three warm
    for number, age, cost in ((100, "5 min", "1.25"), (101, "3 h", "70")):  # the second is too old to count
        await farm.execute(
            "insert into usage (project_id, job_id, kind, number, generation, attempt_id, pool, gpu_us, cpu_us,"
            " stored_bytes, cost, at) select project_id, job_id, kind, :number, generation, attempt_id, pool, 0, 0, 0,"
            " cast(:cost as numeric), now() - cast(:age as interval) from usage where number = 0",
            number=number,
            age=age,
            cost=cost,
        )
    seen = await pace(farm, minutes=10)
    assert len(seen["minutes"]) == 10
    assert next(minute for minute in seen["minutes"] if minute["frames"]) == seen["minutes"][4] | {
        "frames": 1,
        "cost": "1.25",
    }
    assert (seen["frames"], seen["warm"]) == (5, 0.75)
    now = Decimal(seen["cost"]) - Decimal("1.25")
    assert now == sum(Decimal(minute["cost"]) for minute in seen["minutes"][5:]) > 0
    assert (seen["currency"], seen["attempts"], seen["failed"]) == ("EUR", 4, 0)


async def test_attempts_that_failed_are_told_beside_those_that_did_not(farm: ApiFarm) -> None:
    job = await farm.submit(frames="1-2")
    await farm.start(job["id"])
    replica, chunk = await farm.claim(job["id"], frames=2)
    await farm.commit(replica, chunk, 0)
    await farm.fail(replica, chunk, 1)
    seen = await pace(farm)
    assert (seen["attempts"], seen["failed"]) == (2, 1)
