"""Steps behind the frames over REST: asked for, seen, and refused where they cannot be."""

from __future__ import annotations

from uuid import uuid4

import pytest

from tests.serve_app.farm import ApiFarm, digest_of, problem_of


async def rendered(farm: ApiFarm, *, frames: str = "1-3", commit: tuple[int, ...] = (0, 1, 2)) -> str:
    job_id = str((await farm.submit(frames=frames, outputs={"video": None}))["id"])
    await farm.start(job_id)
    replica, chunk = await farm.claim(job_id, frames=len(chunk_of(frames)))
    await farm.commit(replica, chunk, *commit)
    return job_id


def chunk_of(frames: str) -> range:
    first, last = frames.split("-")
    return range(int(first), int(last) + 1)


class TestAsked:
    async def test_a_step_is_queued_for_all_frames_and_the_job_stays_as_it_is(self, farm: ApiFarm) -> None:
        job_id = await rendered(farm)
        answer = await farm.http.post(f"/v1/jobs/{job_id}/steps", json={"step": "denoise", "quality": "fast"})
        assert answer.status_code == 202, answer.text
        made = answer.json()
        assert (made["step"], made["state"], made["result"]) == ("denoise", "queued", None)
        assert made["request"] == {"step": "denoise", "frames": None, "quality": "fast", "guides": "auto"}
        assert (await farm.http.get(f"/v1/jobs/{job_id}/steps/{made['id']}")).json() == made
        page = (await farm.http.get(f"/v1/jobs/{job_id}/steps")).json()
        assert page["items"] == [made]
        assert (await farm.http.get(f"/v1/jobs/{job_id}")).json()["state"] == "succeeded"

    async def test_a_running_job_takes_a_step_of_frames_that_are_there(self, farm: ApiFarm) -> None:
        job_id = await rendered(farm, commit=(1,))
        answer = await farm.http.post(f"/v1/jobs/{job_id}/steps", json={"step": "upscale", "frames": "2"})
        assert answer.status_code == 202, answer.text

    async def test_one_frame_is_compared_with_another_job(self, farm: ApiFarm) -> None:
        job_id, other = await rendered(farm), await rendered(farm)
        body = {"step": "compare", "with_job": other}
        assert (await farm.http.post(f"/v1/jobs/{job_id}/steps", json=body)).status_code == 202


class TestRefused:
    async def test_frames_without_a_file_are_named(self, farm: ApiFarm) -> None:
        job_id = await rendered(farm, commit=(1,))
        problem = problem_of(await farm.http.post(f"/v1/jobs/{job_id}/steps", json={"step": "video"}), 409, "conflict")
        assert problem["frames"] == [1, 3]
        assert "frames 1, 3" in problem["detail"]

    @pytest.mark.parametrize(
        ("body", "words"),
        [
            ({"step": "sharpen"}, "denoise"),
            ({"step": "denoise", "strength": 2}, "no such field"),
            ({"step": "upscale", "factor": 5}, "2, 3 or 4"),
            ({"step": "upscale", "factor": 2, "method": "photo"}, "by 4 only"),
            ({"step": "denoise", "frames": "7"}, "no frame 7"),
            ({"step": "denoise", "frames": "x"}, "not a frame or range"),
            ({"step": "compare"}, "name a reference"),
            ({"step": "compare", "with_frame": 99}, "no frame 99"),
            ({"step": "tonemap", "exposure": 99}, "20"),
            ({"step": "tonemap", "lut": "0" * 64}, "no blob of this digest"),
            ({"step": "tonemap", "ocio_config": "0" * 64}, "OpenColorIO configurations are not taken; bake"),
            ({}, "step"),
        ],
    )
    async def test_what_a_step_does_not_take_is_refused_by_name(
        self, farm: ApiFarm, body: dict[str, object], words: str
    ) -> None:
        job_id = await rendered(farm)
        problem = problem_of(await farm.http.post(f"/v1/jobs/{job_id}/steps", json=body), 422, "invalid-input")
        assert words in problem["detail"]

    @pytest.mark.parametrize(
        ("path", "body", "words"),
        [
            ("/steps", {"step": "upscale", "factr": 2}, "Did you mean factor instead of factr? The fields are: "),
            ("/steps", {"step": "denoise", "strength": 2}, "The fields are: frames, guides, quality, step."),
            ("/frames/actions", {"action": "skip", "frame": "1"}, "Did you mean frames instead of frame?"),
            ("", {"outputs": {"video": {"codek": "h264"}}}, "Did you mean codec instead of codek?"),
            ("", {"limit": {}}, "Did you mean limits instead of limit?"),
        ],
        ids=["step", "step without a guess", "plain body", "inside of a job", "job"],
    )
    async def test_a_field_that_there_is_not_is_answered_with_those_that_there_are(
        self, farm: ApiFarm, path: str, body: dict[str, object], words: str
    ) -> None:
        job_id = await rendered(farm)
        url = f"/v1/jobs/{job_id}{path}" if path else "/v1/jobs"
        sent = body if path else {**await farm.spec(), **body}
        assert words in problem_of(await farm.http.post(url, json=sent), 422, "invalid-input")["remedy"]

    async def test_another_projects_job_lut_and_reference_are_not_there(self, farm: ApiFarm) -> None:
        job_id = await rendered(farm)
        headers = {"Authorization": f"Bearer {await farm.new_key('other')}"}
        root = f"/v1/jobs/{job_id}/steps"
        problem_of(await farm.http.post(root, json={"step": "denoise"}, headers=headers), 404, "not-found")
        problem_of(await farm.http.get(root, headers=headers), 404, "not-found")
        body = {"step": "compare", "with_job": str(uuid4())}
        problem_of(await farm.http.post(root, json=body), 404, "not-found")
        problem_of(await farm.http.get(f"{root}/{2**70}"), 404, "not-found")

    async def test_more_frames_than_a_step_takes_are_refused_before_they_are_looked_up(self, farm: ApiFarm) -> None:
        job_id = str((await farm.submit(frames="1-1000000"))["id"])
        answer = await farm.http.post(f"/v1/jobs/{job_id}/steps", json={"step": "denoise"})
        assert "takes 1000 frames; these are 1000000" in problem_of(answer, 413, "too-large")["detail"]

    async def test_a_lut_of_the_project_is_taken(self, farm: ApiFarm) -> None:
        job_id = await rendered(farm)
        content = b"LUT_3D_SIZE 2\n"
        await farm.upload(content)
        body = {"step": "tonemap", "lut": digest_of(content)}
        assert (await farm.http.post(f"/v1/jobs/{job_id}/steps", json=body)).status_code == 202

    async def test_a_canceled_job_gives_nothing_more(self, farm: ApiFarm) -> None:
        job_id = await rendered(farm, commit=(1,))
        await farm.http.post(f"/v1/jobs/{job_id}/cancel")
        answer = await farm.http.post(f"/v1/jobs/{job_id}/steps", json={"step": "denoise", "frames": "2"})
        assert "nothing is made of it" in problem_of(answer, 409, "conflict")["detail"]
