"""Conditional requests: 304 for a reader who has the newest, 412 for a writer who was not the first."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from serve_app.conditional import Version
from tests.serve_app.farm import ApiFarm, problem_of


async def account_of(farm: ApiFarm) -> str:
    await farm.person("ada@example.org")
    [account] = (await farm.http.get("/v1/accounts")).json()["items"]
    return str(account["id"])


class TestVersion:
    def test_a_change_asks_for_the_half_that_people_change(self) -> None:
        Version("a", "1").require('"a.2"')
        Version("a", "1").require('"x.1", "a.1"')
        Version("a", "1").require("*")
        Version("a", "1").require(None)

    def test_a_reader_has_it_only_where_both_halves_are_the_same(self) -> None:
        assert Version("a", "1").is_known('W/"a.1"')
        assert Version("a", "1").is_known("*")
        assert not Version("a", "1").is_known('"a.2"')
        assert not Version("a", "1").is_known("a.1")
        assert not Version("a", "1").is_known(None)


class TestReads:
    async def test_a_job_is_sent_again_only_when_it_has_changed(self, farm: ApiFarm) -> None:
        job = await farm.submit()
        address = job["links"]["self"]
        tag = (await farm.http.get(address)).headers["etag"]
        same = await farm.http.get(address, headers={"If-None-Match": tag})
        assert (same.status_code, same.content, same.headers["etag"]) == (304, b"", tag)
        await farm.render(job["id"], frames=1)
        other = await farm.http.get(address, headers={"If-None-Match": tag})
        assert (other.status_code, other.json()["counts"]["committed"]) == (200, 1)
        assert other.headers["etag"] != tag
        running = await farm.http.get(address, headers={"If-None-Match": other.headers["etag"]})
        assert running.status_code == 304  # its pace moves with the clock, and is no change

    async def test_the_answer_to_a_submit_has_the_tag_of_the_job(self, farm: ApiFarm) -> None:
        answer = await farm.http.post("/v1/jobs", json=await farm.spec())
        read = await farm.http.get(answer.json()["links"]["self"], headers={"If-None-Match": answer.headers["etag"]})
        assert read.status_code == 304

    async def test_frames_models_projects_and_accounts_have_tags_too(self, farm: ApiFarm) -> None:
        job = await farm.submit()
        person = await account_of(farm)
        reads = {
            job["links"]["frames"]: lambda: farm.render(job["id"], frames=1),
            f"{job['links']['frames']}/4": lambda: farm.render(job["id"], frames=3),
            f"/v1/models/{job['model']}": lambda: farm.http.patch(
                f"/v1/models/{job['model']}", json={"keep_warm": True}
            ),
            "/v1/projects/default": lambda: farm.http.patch("/v1/projects/default", json={"weight": 7}),
            f"/v1/accounts/{person}": lambda: farm.http.patch(f"/v1/accounts/{person}", json={"name": "Countess"}),
        }
        for address, change in reads.items():
            tag = (await farm.http.get(address)).headers["etag"]
            assert (await farm.http.get(address, headers={"If-None-Match": tag})).status_code == 304, address
            await change()
            assert (await farm.http.get(address, headers={"If-None-Match": tag})).status_code == 200, address

    async def test_an_artifact_is_known_while_its_link_has_half_of_its_life(self, farm: ApiFarm) -> None:
        job = await farm.submit(frames="1")
        await farm.render(job["id"], frames=1)
        [artifact] = (await farm.http.get(job["links"]["artifacts"])).json()["items"]
        address = f"/v1/artifacts/{artifact['id']}"
        tag = (await farm.http.get(address)).headers["etag"]
        assert tag.startswith('W/"')
        assert (await farm.http.get(address, headers={"If-None-Match": tag})).status_code == 304
        settings = farm.app.state.services.settings
        was = settings.link_lifetime
        object.__setattr__(settings, "link_lifetime", timedelta(days=365 * 40))  # as if that half were over
        try:
            assert (await farm.http.get(address, headers={"If-None-Match": tag})).status_code == 200
        finally:
            object.__setattr__(settings, "link_lifetime", was)


class TestChanges:
    async def test_a_stale_change_of_a_job_is_refused_and_a_fresh_one_taken(self, farm: ApiFarm) -> None:
        job = await farm.submit()
        address = job["links"]["self"]
        tag = (await farm.http.get(address)).headers["etag"]
        first = await farm.http.patch(address, json={"weight": 200}, headers={"If-Match": tag})
        assert (first.status_code, first.json()["weight"]) == (200, 200)
        stale = await farm.http.patch(address, json={"weight": 300}, headers={"If-Match": tag})
        assert problem_of(stale, 412, "precondition-failed")["etag"] == first.headers["etag"]
        assert (await farm.http.get(address)).json()["weight"] == 200
        again = await farm.http.patch(address, json={"weight": 300}, headers={"If-Match": first.headers["etag"]})
        assert again.json()["weight"] == 300

    async def test_a_frame_that_is_rendered_meanwhile_is_nobodys_change(self, farm: ApiFarm) -> None:
        job = await farm.submit()
        tag = (await farm.http.get(job["links"]["self"])).headers["etag"]
        await farm.render(job["id"], frames=2)
        answer = await farm.http.patch(job["links"]["self"], json={"weight": 200}, headers={"If-Match": tag})
        assert answer.status_code == 200

    async def test_nobody_has_to_name_a_version(self, farm: ApiFarm) -> None:
        job = await farm.submit()
        assert (await farm.http.patch(job["links"]["self"], json={"weight": 200})).status_code == 200

    async def test_a_weak_tag_names_nothing_that_may_be_changed(self, farm: ApiFarm) -> None:
        job = await farm.submit()
        tag = (await farm.http.get(job["links"]["self"])).headers["etag"]
        answer = await farm.http.patch(job["links"]["self"], json={"weight": 2}, headers={"If-Match": f"W/{tag}"})
        problem_of(answer, 412, "precondition-failed")

    async def test_of_writers_at_once_one_wins(self, farm: ApiFarm) -> None:
        job = await farm.submit()
        person = await account_of(farm)
        for address, bodies in (
            (job["links"]["self"], [{"weight": n} for n in range(101, 109)]),
            ("/v1/projects/default", [{"weight": n} for n in range(101, 109)]),
            (f"/v1/accounts/{person}", [{"name": f"Ada {n}"} for n in range(8)]),
            (f"/v1/models/{job['model']}", [{"keep_warm": True}] * 8),
        ):
            tag = (await farm.http.get(address)).headers["etag"]
            answers = await asyncio.gather(
                *(farm.http.patch(address, json=body, headers={"If-Match": tag}) for body in bodies)
            )
            assert sorted(answer.status_code for answer in answers) == [200] + [412] * 7, address
            [winner] = [answer for answer in answers if answer.status_code == 200]
            assert (await farm.http.get(address)).headers["etag"] == winner.headers["etag"], address
