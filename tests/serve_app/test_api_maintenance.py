"""Read-only maintenance over HTTP: what is refused, what goes on, and how it ends."""

from __future__ import annotations

from typing import Any

from serve_app.maintenance.gate import GOES_ON
from tests.serve_app.farm import ApiFarm, bearer, digest_of, problem_of
from tests.serve_app.routes import routes_of

PATH = "/v1/maintenance"


async def begin(farm: ApiFarm, **wishes: Any) -> None:
    answer = await farm.http.put(PATH, json={"active": True, "message": "New disks until noon.", **wishes})
    assert answer.status_code == 200, answer.text


async def test_every_route_that_changes_something_is_refused_and_every_other_answers(farm: ApiFarm) -> None:
    await begin(farm)
    for route in routes_of(farm):
        if route.name in ("set_maintenance", "follow_job"):
            continue
        answer = await farm.http.request(route.method, route.address, json={})
        changes = route.method in ("post", "put", "patch", "delete") and route.name not in GOES_ON
        assert (answer.status_code == 503) == changes, (route, answer.text)
        if changes:
            problem = problem_of(answer, 503, "maintenance")
            assert "New disks until noon." in problem["detail"]
            assert answer.headers["retry-after"] == "60"
    assert {route.name for route in routes_of(farm)} >= GOES_ON


async def test_a_job_that_was_refused_is_taken_once_maintenance_ends(farm: ApiFarm) -> None:
    spec = await farm.spec()
    await begin(farm)
    problem_of(await farm.http.post("/v1/jobs", json=spec), 503, "maintenance")
    assert await farm.count("job") == 0
    ended = await farm.http.put(PATH, json={"active": False})
    assert (ended.json()["active"], ended.json()["since"]) == (False, None)
    assert (await farm.http.post("/v1/jobs", json=spec)).status_code == 202


async def test_frames_that_render_are_committed_during_maintenance(farm: ApiFarm) -> None:
    job = await farm.submit()
    await farm.start(job["id"])
    replica, chunk = await farm.claim(job["id"], frames=2)
    await begin(farm, drain=True)
    await farm.commit(replica, chunk)
    assert (await farm.http.get(job["links"]["self"])).json()["counts"]["committed"] == 2


async def test_people_log_in_and_stay_logged_in_and_strangers_take_up_no_invitation(farm: ApiFarm) -> None:
    session = await farm.person("ada@example.org")
    made = await farm.http.post("/v1/projects/default/invitations", json={"email": "bo@example.org", "role": "artist"})
    await begin(farm)
    refreshed = await farm.http.post(
        "/v1/auth/refresh", json={"refresh_token": session["refresh_token"]}, headers={"Authorization": ""}
    )
    assert refreshed.status_code == 200
    offer = {"token": made.json()["token"], "password": "a horse that knows no battery", "name": "Bo"}
    refused = await farm.http.post("/v1/auth/accept", json=offer, headers={"Authorization": ""})
    problem_of(refused, 503, "maintenance")


async def test_saying_it_again_changes_the_words_and_keeps_the_time(farm: ApiFarm) -> None:
    await begin(farm)
    since = (await farm.http.get(PATH)).json()["since"]
    await begin(farm, message="Until one.")
    seen = (await farm.http.get(PATH)).json()
    assert (seen["since"], seen["message"], seen["set_by"]) == (since, "Until one.", "key test")
    reader = bearer(await farm.new_key("default", role="viewer"))
    assert (await farm.http.get(PATH, headers=reader)).json()["set_by"] is None


async def test_nothing_can_be_drained_outside_of_maintenance(farm: ApiFarm) -> None:
    problem_of(await farm.http.put(PATH, json={"active": False, "drain": True}), 422, "invalid-input")


async def test_a_part_of_an_upload_is_refused_as_a_whole_one_is_and_taken_behind_it(farm: ApiFarm) -> None:
    content = b"a" * 5000
    wanted = {"digest": digest_of(content), "size_bytes": len(content)}
    upload = (await farm.http.post("/v1/uploads", json=wanted)).json()
    [part] = upload["parts"]
    await begin(farm)
    problem_of(await farm.http.put(f"/v1/blobs/{digest_of(content)}", content=content), 503, "maintenance")
    refused = await farm.http.put(part["url"], content=content, headers={"Authorization": ""})
    problem_of(refused, 503, "maintenance")
    assert refused.headers["retry-after"]
    await farm.http.put("/v1/maintenance", json={"active": False})
    taken = await farm.http.put(part["url"], content=content, headers={"Authorization": ""})
    assert taken.status_code == 204
