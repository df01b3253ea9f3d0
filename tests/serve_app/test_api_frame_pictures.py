"""One address shows a frame, rendering or done; and the small pictures of a stretch of frames come in one request."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

from db.queue import ClaimedChunk, tell_progress
from tests.serve_app.farm import ApiFarm, bearer, digest_of, problem_of


async def rendering(farm: ApiFarm, *, frames: str = "11-14", claimed: int = 4) -> tuple[str, UUID, ClaimedChunk]:
    job_id = (await farm.submit(frames=frames))["id"]
    await farm.start(job_id)
    replica, chunk = await farm.claim(job_id, frames=claimed)
    return str(job_id), replica, chunk


async def add(farm: ApiFarm, job_id: str, ordinal: int, kind: str, content: bytes, **fields: Any) -> None:
    """A file that a step has made of a frame."""
    values = {"media_type": "image/jpeg", "generation": 1, **fields}
    await farm.execute(
        "insert into artifact (id, project_id, job_id, ordinal, generation, kind, name, storage_key, size_bytes,"
        " sha256, media_type) values (:id, :project, :job, :ordinal, :generation, :kind, 'p.jpg', :key, :size,"
        " :digest, :media_type)",
        id=uuid4(),
        project=farm.project_id,
        job=job_id,
        ordinal=ordinal,
        kind=kind,
        key=await store(farm, content, media_type=values["media_type"]),
        size=len(content),
        digest=digest_of(content),
        **values,
    )


async def store(farm: ApiFarm, content: bytes, *, media_type: str = "image/jpeg") -> str:
    key = f"artifacts/{uuid4()}/p.jpg"
    await farm.store(key, content, media_type=media_type)
    return key


async def shown(farm: ApiFarm, job_id: str, frame: int) -> tuple[str, bytes]:
    """Media type and bytes of what the address of a frame's picture leads to."""
    answer = await farm.http.get(f"/v1/jobs/{job_id}/frames/{frame}/preview")
    assert answer.status_code == 307, answer.text
    assert answer.headers["cache-control"] == "no-store"
    file = await farm.http.get(answer.headers["location"], headers={"Authorization": ""})
    return file.headers["content-type"], file.content


async def tell_of_picture(farm: ApiFarm, replica: UUID, chunk: ClaimedChunk, key: str) -> None:
    """As a replica does whose engine has made a picture of its first frame."""
    told: dict[str, Any] = {
        "work_id": chunk.work_id,
        "fence": chunk.fence,
        "ordinal": 0,
        "frame": 11,
        "fraction": 0.5,
        "preview": 1,
        "preview_key": key,
    }
    assert await tell_progress(
        farm.db,
        replica_id=replica,
        work_id=chunk.work_id,
        fence=chunk.fence,
        ordinal=0,
        current=told,
        told=told,
    )


class TestOneAddress:
    async def test_it_leads_to_what_renders_then_to_the_frame_then_to_its_preview(self, farm: ApiFarm) -> None:
        job_id, replica, chunk = await rendering(farm)
        problem = problem_of(await farm.http.get(f"/v1/jobs/{job_id}/frames/11/preview"), 404, "not-found")
        assert "committed" in problem["remedy"]
        await tell_of_picture(farm, replica, chunk, await store(farm, b"so far"))
        assert await shown(farm, job_id, 11) == ("image/jpeg", b"so far")
        await farm.commit(replica, chunk)
        media_type, content = await shown(farm, job_id, 11)
        assert (media_type, content[:13]) == ("image/png", b"picture 11 of")
        await add(farm, job_id, 0, "preview", b"small")
        assert await shown(farm, job_id, 11) == ("image/jpeg", b"small")

    async def test_a_frame_that_no_browser_shows_has_no_picture_until_its_preview_is_there(self, farm: ApiFarm) -> None:
        job_id, replica, chunk = await rendering(farm)
        await farm.commit(replica, chunk)
        await farm.execute("update artifact set media_type = 'image/x-exr'")
        problem_of(await farm.http.get(f"/v1/jobs/{job_id}/frames/12/preview"), 404, "not-found")
        await add(farm, job_id, 1, "preview", b"small")
        assert await shown(farm, job_id, 12) == ("image/jpeg", b"small")

    async def test_of_a_frame_that_was_rendered_again_the_old_preview_is_not_shown(self, farm: ApiFarm) -> None:
        job_id, replica, chunk = await rendering(farm)
        await farm.commit(replica, chunk)
        await add(farm, job_id, 0, "preview", b"old and small")
        await add(farm, job_id, 0, "frame", b"new", media_type="image/png", generation=2)
        assert await shown(farm, job_id, 11) == ("image/png", b"new")

    async def test_outputs_that_have_expired_and_jobs_of_others_show_nothing(self, farm: ApiFarm) -> None:
        job_id, replica, chunk = await rendering(farm)
        await farm.commit(replica, chunk)
        address = f"/v1/jobs/{job_id}/frames/11/preview"
        stranger = bearer(await farm.new_key("other"))
        problem_of(await farm.http.get(address, headers=stranger), 404, "not-found")
        await farm.execute("update artifact set deleted_at = now()")
        problem_of(await farm.http.get(address), 404, "not-found")


class TestStretch:
    async def listed(self, farm: ApiFarm, job_id: str, **query: Any) -> Any:
        answer = await farm.http.get(f"/v1/jobs/{job_id}/artifacts", params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def test_previews_of_some_frames_come_in_the_order_of_the_range(self, farm: ApiFarm) -> None:
        job_id, replica, chunk = await rendering(farm, frames="11-18", claimed=8)
        await farm.commit(replica, chunk)
        for ordinal in (7, 3, 5, 4, 6, 0):
            await add(farm, job_id, ordinal, "preview", b"small %d" % ordinal)
        page = await self.listed(farm, job_id, kind="preview", ordinal_from=3, ordinal_to=6)
        assert [(each["ordinal"], each["frame"], each["kind"]) for each in page["items"]] == [
            (ordinal, ordinal + 11, "preview") for ordinal in (3, 4, 5, 6)
        ]
        assert page["next_cursor"] is None
        onward = await self.listed(farm, job_id, kind="preview", ordinal_from=6)
        assert [each["ordinal"] for each in onward["items"]] == [6, 7]

    async def test_its_pages_go_on_where_they_end_with_every_file_once(self, farm: ApiFarm) -> None:
        job_id, replica, chunk = await rendering(farm)
        await farm.commit(replica, chunk)
        for ordinal in (2, 1, 0):
            await add(farm, job_id, ordinal, "preview", b"small %d" % ordinal)
        seen: list[tuple[int, str]] = []
        query: dict[str, Any] = {"ordinal_to": 2, "limit": 4}
        while True:
            page = await self.listed(farm, job_id, **query)
            seen += [(each["ordinal"], each["kind"]) for each in page["items"]]
            if page["next_cursor"] is None:
                break
            query["cursor"] = page["next_cursor"]
        assert seen == [(ordinal, kind) for ordinal in range(3) for kind in ("frame", "preview")]
        by_age = await self.listed(farm, job_id, limit=2)
        wrong = await farm.http.get(
            f"/v1/jobs/{job_id}/artifacts", params={"ordinal_to": 2, "cursor": by_age["next_cursor"]}
        )
        problem_of(wrong, 422, "bad-cursor")

    async def test_with_a_frame_it_is_that_frame_within_the_stretch(self, farm: ApiFarm) -> None:
        job_id, replica, chunk = await rendering(farm)
        await farm.commit(replica, chunk)
        inside = await self.listed(farm, job_id, frame=12, ordinal_from=1)
        outside = await self.listed(farm, job_id, frame=12, ordinal_from=2)
        assert ([each["frame"] for each in inside["items"]], outside["items"]) == ([12], [])

    async def test_a_stretch_that_ends_before_it_begins_is_refused(self, farm: ApiFarm) -> None:
        job_id, _, _ = await rendering(farm)
        for query in ({"ordinal_from": 5, "ordinal_to": 4}, {"ordinal_from": -1}, {"ordinal_to": 10**12}):
            answer = await farm.http.get(f"/v1/jobs/{job_id}/artifacts", params=query)
            problem_of(answer, 422, "invalid-input")
