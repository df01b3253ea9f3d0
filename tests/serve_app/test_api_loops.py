"""What an operator sees of the farm's own loops."""

from __future__ import annotations

from tests.serve_app.farm import ApiFarm, problem_of

INSERT = "insert into loop_health values (:name, 'c', 2000, now() - cast(:ago as interval), 3.5, 7, :failures, :error)"


async def test_an_administrator_sees_which_loop_fails_and_which_stands_still(farm: ApiFarm) -> None:
    for name, ago, failures, error in (
        ("a-well", "1 s", 0, None), ("b-fails", "1 s", 4, "RuntimeError: odd"), ("c-silent", "5 min", 0, None),
    ):  # fmt: skip
        await farm.execute(INSERT, name=name, ago=ago, failures=failures, error=error)
    items = (await farm.http.get("/v1/loops")).json()["items"]
    assert [(item["name"], item["ok"], item["overdue"]) for item in items] == [
        ("a-well", True, False), ("b-fails", False, False), ("c-silent", False, True),
    ]  # fmt: skip
    assert (items[1]["failures"], items[1]["error"], items[1]["handled"]) == (4, "RuntimeError: odd", 7)


async def test_a_project_does_not_see_the_farms_own_loops(farm: ApiFarm) -> None:
    key = await farm.new_key("studio")
    answer = await farm.http.get("/v1/loops", headers={"Authorization": f"Bearer {key}"})
    problem_of(answer, 403, "forbidden")
