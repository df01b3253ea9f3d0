"""What the engine printed for a frame, as text."""

from __future__ import annotations

from uuid import uuid4

from db.queue import commit_frames
from tests.db.builders import commit_of
from tests.serve_app.farm import ApiFarm, problem_of


async def test_the_log_of_a_frame_is_text_whether_it_failed_or_was_rendered(farm: ApiFarm) -> None:
    job = await farm.submit(frames="1-3")
    await farm.start(job["id"])
    replica, chunk = await farm.claim(job["id"], frames=2)
    await farm.fail(replica, chunk, 1)
    printed = "Fra:1 Mem:10M\nSaved: '\x00.png'\n"
    await commit_frames(
        farm.db,
        work_id=chunk.work_id,
        fence=chunk.fence,
        replica_id=replica,
        frames=[commit_of(chunk, 0, log=printed)],
    )
    done = await farm.http.get(f"{job['links']['frames']}/1/log")
    assert (done.status_code, done.headers["content-type"]) == (200, "text/plain; charset=utf-8")
    assert done.text == printed.replace("\x00", "\ufffd")  # PostgreSQL holds no NUL
    failed = await farm.http.get(f"{job['links']['frames']}/2/log")
    assert failed.text == "Error: no such material"
    [attempt] = (await farm.http.get(f"{job['links']['frames']}/2/attempts")).json()["items"]
    named = await farm.http.get(f"{job['links']['frames']}/2/log", params={"attempt": attempt["id"]})
    assert named.text == failed.text


async def test_where_nothing_was_printed_the_answer_says_why(farm: ApiFarm) -> None:
    job = await farm.submit(frames="1-3")
    for query in ({}, {"attempt": str(uuid4())}):
        problem = problem_of(await farm.http.get(f"{job['links']['frames']}/3/log", params=query), 404, "not-found")
        assert "never tried" in problem["remedy"]
    problem_of(await farm.http.get(f"{job['links']['frames']}/4/log"), 404, "not-found")


async def test_a_log_is_its_projects_own(farm: ApiFarm) -> None:
    job = await farm.submit(frames="1")
    await farm.start(job["id"])
    replica, chunk = await farm.claim(job["id"], frames=1)
    await farm.fail(replica, chunk, 0)
    key = await farm.new_key("other")
    answer = await farm.http.get(f"{job['links']['frames']}/1/log", headers={"Authorization": f"Bearer {key}"})
    problem_of(answer, 404, "not-found")
