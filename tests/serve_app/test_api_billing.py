"""The routes of money: prices, usage and its export, budgets, credits, quotas, and what a job would cost."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import text

from db.billing.traffic import add_bytes_sent
from tests.serve_app.farm import ApiFarm, bearer, digest_of, pieces, problem_of

HOME = "/v1/projects/default"
PRICES = {"currency": "EUR", "prices": [{"gpu_second": "3", "cpu_second": "1"}, {"pool": "tasks", "cpu_second": "0"}]}


async def answer_of(farm: ApiFarm, method: str, path: str, body: Any = None, status: int = 200) -> Any:
    answer = await farm.http.request(method, path, json=body)
    assert answer.status_code == status, answer.text
    return answer.json()


async def rows_of(farm: ApiFarm, query: str) -> list[Any]:
    async with farm.db.transaction() as tx:
        return list((await tx.execute(text(query))).all())


def span() -> dict[str, str]:
    now = datetime.now(UTC)
    return {"since": (now - timedelta(hours=1)).isoformat(), "until": (now + timedelta(hours=1)).isoformat()}


async def test_a_price_list_is_added_shown_and_followed_by_another(farm: ApiFarm) -> None:
    assert await answer_of(farm, "GET", "/v1/prices") == {"current": None, "versions": []}
    first = await answer_of(farm, "POST", "/v1/prices", PRICES, 201)
    soon = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    await answer_of(farm, "POST", "/v1/prices", {**PRICES, "valid_from": soon}, 201)
    found = await answer_of(farm, "GET", "/v1/prices")
    assert found["current"] == first
    assert [each["version"] for each in found["versions"]] == [first["version"] + 1, first["version"]]
    assert found["current"]["prices"][0] == {
        "pool": "*",
        "gpu_second": "3",
        "cpu_second": "1",
        "byte_month": "0",
        "byte_sent": "0",
    }


async def test_prices_that_cannot_hold_are_refused(farm: ApiFarm) -> None:
    for change in (
        {"prices": [{"cpu_second": "-1"}]},
        {"prices": [{"cpu_second": "1e3"}]},
        {"prices": [{"cpu_second": 0.1}]},
        {"prices": [{"cpu_second": "NaN"}]},
        {"prices": [{"cpu_second": "1"}, {"cpu_second": "2"}]},
        {"prices": [{"pool": "gpu", "byte_month": "1"}]},
        {"valid_from": (datetime.now(UTC) - timedelta(minutes=1)).isoformat()},
        {"currency": "euro"},
    ):
        problem_of(await farm.http.post("/v1/prices", json={**PRICES, **change}), 422, "invalid-input")
    assert (await answer_of(farm, "GET", "/v1/prices"))["versions"] == []
    await answer_of(farm, "POST", "/v1/prices", PRICES, 201)
    problem_of(await farm.http.post("/v1/prices", json={**PRICES, "currency": "USD"}), 409, "conflict")


async def test_usage_is_told_by_day_job_and_pool_and_page_by_page(farm: ApiFarm) -> None:
    await answer_of(farm, "POST", "/v1/prices", PRICES, 201)
    jobs = [await farm.submit(frames="1-2", reuse=False) for _ in range(2)]
    for job in jobs:
        await farm.render(job["id"], frames=2)
    [day] = (await answer_of(farm, "GET", f"{HOME}/usage"))["items"]
    assert (day["day"], day["frames"], day["cpu_seconds"], day["cost"]) == (
        datetime.now(UTC).date().isoformat(),
        4,
        "0.05",
        "0.05",
    )
    [pool] = (await answer_of(farm, "GET", f"{HOME}/usage?by=pool"))["items"]
    assert (pool["pool"], pool["cost"]) == ("default", "0.05")
    first = await answer_of(farm, "GET", f"{HOME}/usage?by=job&limit=1")
    second = await answer_of(farm, "GET", f"{HOME}/usage?by=job&limit=1&cursor={first['next_cursor']}")
    assert {first["items"][0]["job"], second["items"][0]["job"]} == {job["id"] for job in jobs}
    assert second["next_cursor"] is None
    problem_of(await farm.http.get(f"{HOME}/usage?by=job&cursor={first['next_cursor'][:-3]}"), 422, "bad-cursor")
    problem_of(await farm.http.get(f"{HOME}/usage?since=2026-02-02&until=2026-02-01"), 422, "invalid-input")
    assert (await answer_of(farm, "GET", f"{HOME}/usage?since=2999-01-01"))["items"] == []


async def test_an_export_has_every_row_in_csv_and_in_json_lines(farm: ApiFarm) -> None:
    await answer_of(farm, "POST", "/v1/prices", PRICES, 201)
    job = await farm.submit(frames="1-3")
    await farm.render(job["id"], frames=3)
    answer = await farm.http.get(f"{HOME}/usage/export", params=span())
    assert answer.headers["content-type"].startswith("text/csv")
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [(row["job"], row["frame"], row["cost"], row["currency"]) for row in rows] == [
        (job["id"], frame, "0.0125", "EUR") for frame in ("1", "2", "3")
    ]
    answer = await farm.http.get(f"{HOME}/usage/export", params={**span(), "format": "jsonl"})
    assert [json.loads(line)["frame"] for line in answer.text.splitlines()] == [1, 2, 3]


async def test_bytes_that_were_sent_of_a_file_are_booked_for_its_project(farm: ApiFarm) -> None:
    job = await farm.submit(frames="1")
    await farm.render(job["id"], frames=1)
    [artifact] = (await answer_of(farm, "GET", f"/v1/jobs/{job['id']}/artifacts"))["items"]
    size = len((await farm.http.get(artifact["url"])).content)
    part = await farm.http.get(artifact["url"], headers={"Range": "bytes=0-2"})
    assert (part.status_code, len(part.content)) == (206, 3)
    await farm.http.head(artifact["url"])
    counter = farm.app.state.services.sent_bytes
    await counter.book()
    await counter.book()  # nothing new
    [row] = await rows_of(farm, "select project_id, bytes_sent, stored_bytes from storage_meter")
    assert (row.project_id, row.bytes_sent, row.stored_bytes) == (farm.project_id, size + 3, 0)


async def test_the_first_bytes_of_a_day_take_no_stored_bytes_from_it(farm: ApiFarm) -> None:
    job = await farm.submit(frames="1")
    await farm.execute(
        "insert into storage_meter (project_id, day, stored_bytes, measured_at)"
        " values (:project, (now() at time zone 'utc')::date - 1, 700, now() - interval '1 day')",
        project=farm.project_id,
    )
    async with farm.db.transaction() as tx:
        await add_bytes_sent(tx, {UUID(job["id"]): 5, uuid4(): 9})
    [row] = await rows_of(
        farm,
        "select bytes_sent, stored_bytes, measured_at = date_trunc('day', now(), 'utc') as since_midnight"
        " from storage_meter where day = (now() at time zone 'utc')::date",
    )
    assert (row.bytes_sent, row.stored_bytes, row.since_midnight) == (5, 700, True)


async def test_a_job_of_a_spent_budget_says_so_and_goes_on_when_it_is_raised(farm: ApiFarm) -> None:
    await answer_of(farm, "POST", "/v1/prices", PRICES, 201)
    job = await farm.submit(frames="1-3")
    await farm.render(job["id"], frames=1)
    found = await answer_of(farm, "PUT", f"{HOME}/budget", {"amount": "0.01", "period": "total"})
    assert (found["spent"], found["stopped"], found["period_start"]) == ("0.0125", "budget", None)
    await farm.execute("update job set wait_reason = 'budget'")
    wait = (await answer_of(farm, "GET", f"/v1/jobs/{job['id']}"))["wait"]
    assert wait["reason"] == "budget"
    assert "0.0125 EUR of 0.01 EUR in all" in wait["words"]
    assert "PUT /v1/projects/default/budget" in wait["words"]
    problem = problem_of(
        await farm.http.post(f"/v1/jobs/{job['id']}/steps", json={"step": "denoise", "frames": "1"}), 409, "conflict"
    )
    assert problem["stopped"] == "budget"
    assert "PUT /v1/projects/default/budget" in problem["remedy"]
    found = await answer_of(farm, "PUT", f"{HOME}/budget", {"amount": "5.00"})
    assert (found["amount"], found["stopped"]) == ("5", None)
    await farm.render(job["id"], frames=2)
    assert (await answer_of(farm, "GET", f"{HOME}/budget"))["spent"] == "0.0375"


async def test_credits_are_added_once_and_listed(farm: ApiFarm) -> None:
    payment = {"amount": "20.50", "reference": "invoice-7", "note": "by bank"}
    first = await answer_of(farm, "POST", f"{HOME}/credits", payment, 201)
    assert await answer_of(farm, "POST", f"{HOME}/credits", payment, 200) == first
    other = {**payment, "amount": "1"}
    problem_of(await farm.http.post(f"{HOME}/credits", json=other), 409, "conflict")
    await answer_of(farm, "POST", f"{HOME}/credits", {"amount": "-0.5", "reference": "mistake"}, 201)
    zero = {"amount": "0.00", "reference": "zero"}
    problem_of(await farm.http.post(f"{HOME}/credits", json=zero), 422, "invalid-input")
    found = await answer_of(farm, "PUT", f"{HOME}/prepaid", {"prepaid": True})
    assert (found["prepaid"], found["balance"]) == (True, "20")
    page = await answer_of(farm, "GET", f"{HOME}/credits?limit=1")
    rest = await answer_of(farm, "GET", f"{HOME}/credits?limit=1&cursor={page['next_cursor']}")
    assert [page["items"][0]["reference"], rest["items"][0]["reference"]] == ["mistake", "invoice-7"]


async def test_quotas_refuse_what_is_over_them_and_name_who_raises_them(farm: ApiFarm) -> None:
    body = {"queued_frames": 5, "pixels_per_frame": 1_000_000, "pixels_per_job": 3_000_000, "stored_bytes": 100_000}
    found = await answer_of(farm, "PUT", f"{HOME}/quotas", body)
    assert found["quotas"] == {"slots": None, "running_jobs": None, **body}
    size = {"width": 1000, "height": 1000}
    for change, quota in (
        ({"frames": "1-6", "settings": {"width": 10, "height": 10}}, "queued_frames"),
        ({"frames": "1", "settings": {"width": 1001, "height": 1000}}, "pixels_per_frame"),
        ({"frames": "1-4", "settings": size}, "pixels_per_job"),
    ):
        spec = await farm.spec(**change)
        for path in ("/v1/jobs", "/v1/jobs/estimate"):
            problem = problem_of(await farm.http.post(path, json=spec), 409, "over-quota")
            assert problem["quota"] == quota
            assert f"PUT {HOME}/quotas" in problem["remedy"]
    assert await farm.count("job") == 0
    await farm.submit(frames="1-3", settings=size)
    assert (await answer_of(farm, "GET", f"{HOME}/quotas"))["used"]["queued_frames"] == 3
    content = b"x" * 100_001
    answer = await farm.http.put(f"/v1/blobs/{'0' * 64}", content=content)
    assert problem_of(answer, 409, "over-quota")["quota"] == "stored_bytes"


async def test_frames_that_are_rendered_again_are_held_to_the_quota_as_new_ones_are(farm: ApiFarm) -> None:
    await answer_of(farm, "PUT", f"{HOME}/quotas", {"queued_frames": 5})
    jobs = [await canceled_behind_one_of_four_frames(farm) for _ in range(2)]
    assert (await answer_of(farm, "POST", f"{jobs[0]}/retry"))["state"] == "queued"
    problem = problem_of(await farm.http.post(f"{jobs[1]}/retry"), 409, "over-quota")
    assert problem["quota"] == "queued_frames"
    three, two = ({"action": "requeue", "frames": frames} for frames in ("1-3", "1-2"))
    problem_of(await farm.http.post(f"{jobs[1]}/frames/actions", json=three), 409, "over-quota")
    assert (await answer_of(farm, "GET", jobs[1]))["state"] == "canceled"
    await answer_of(farm, "POST", f"{jobs[1]}/frames/actions", two)
    assert (await answer_of(farm, "GET", f"{HOME}/quotas"))["used"]["queued_frames"] == 5
    last = {"action": "requeue", "frames": "1"}
    problem_of(await farm.http.post(f"{jobs[0]}/frames/actions", json=last), 409, "over-quota")


async def canceled_behind_one_of_four_frames(farm: ApiFarm) -> str:
    job = await farm.submit(frames="1-4")
    await farm.render(job["id"], frames=1)
    await answer_of(farm, "POST", f"/v1/jobs/{job['id']}/cancel", status=202)
    return f"/v1/jobs/{job['id']}"


async def test_an_upload_of_untold_length_is_held_to_the_quota_too(farm: ApiFarm) -> None:
    await answer_of(farm, "PUT", f"{HOME}/quotas", {"stored_bytes": 10})
    digest = digest_of(b"0123456789ab")
    answer = await farm.http.put(f"/v1/blobs/{digest}", content=pieces(b"012345", b"6789ab"))
    problem_of(answer, 409, "over-quota")
    assert (await answer_of(farm, "POST", "/v1/blobs/lacking", {"digests": [digest]}))["lacking"] == [digest]


async def test_an_estimate_says_the_cost_or_why_it_is_not_known(farm: ApiFarm) -> None:
    job = await farm.submit(frames="1-2")
    await farm.render(job["id"], frames=2)
    body = await farm.spec(model=job["model"], frames="1-100", reuse=False)
    found = await answer_of(farm, "POST", "/v1/jobs/estimate", body)
    assert (found["cost"], found["unknown"]["cost"]) == (None, "The farm has no price list.")
    await answer_of(farm, "POST", "/v1/prices", PRICES, 201)
    found = await answer_of(farm, "POST", "/v1/jobs/estimate", body)
    assert (found["cost"], found["currency"]) == ("1.25", "EUR")
    assert "cost" not in found["unknown"]


async def test_a_manager_reads_the_money_of_the_project_and_sets_none_of_it(farm: ApiFarm) -> None:
    manager = bearer(await farm.new_key("film"))
    for part in ("usage", "budget", "credits", "quotas"):
        assert (await farm.http.get(f"/v1/projects/film/{part}", headers=manager)).status_code == 200
        problem_of(await farm.http.get(f"{HOME}/{part}", headers=manager), 404, "not-found")
    for part, body in (("budget", {"amount": "9"}), ("quotas", {}), ("prepaid", {"prepaid": False})):
        problem_of(await farm.http.put(f"/v1/projects/film/{part}", headers=manager, json=body), 403, "forbidden")
