"""Files leave the farm under the names that the job's template gives them."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from tests.serve_app.farm import ApiFarm, problem_of

NO_KEY = {"Authorization": ""}
PROBE = {"active_camera": "Cam A", "cameras": ["Cam A"], "view_layers": ["FG"]}


async def named(farm: ApiFarm, naming: str, **fields: Any) -> Any:
    """A job whose frames are there."""
    model = await farm.model(probe=PROBE)
    job = await farm.submit(model=model, outputs={"video": None, "naming": naming}, **fields)
    await farm.render(job["id"], frames=job["counts"]["total"])
    return job


class TestNaming:
    async def test_a_list_tells_each_path_and_a_download_is_called_by_its_last_part(self, farm: ApiFarm) -> None:
        job = await named(farm, "{project}/{job}/{camera}/{layer}.{frame:05d}", name="sh 010", frames="7-8")
        items = (await farm.http.get(job["links"]["artifacts"])).json()["items"]
        items.sort(key=lambda item: item["frame"])
        assert [item["path"] for item in items] == [f"default/sh 010/Cam A/FG.0000{n}.png" for n in (7, 8)]
        assert [item["name"] for item in items] == ["0007.png", "0008.png"]
        file = await farm.http.get(items[0]["url"], headers=NO_KEY)
        assert 'filename="FG.00007.png"' in file.headers["content-disposition"]
        [alone] = [(await farm.http.get(f"/v1/artifacts/{items[1]['id']}")).json()]
        assert alone["path"] == "default/sh 010/Cam A/FG.00008.png"

    async def test_a_job_of_a_hostile_name_has_files_in_plain_folders(self, farm: ApiFarm) -> None:
        job = await named(farm, "{job}/{frame:04d}", name="../../../etc/CON", frames="1")
        [item] = (await farm.http.get(job["links"]["artifacts"])).json()["items"]
        assert item["path"] == "_._.._.._etc_CON/0001.png"

    @pytest.mark.parametrize(
        ("naming", "words"),
        [
            ("{job}/{camera}", "lacks the field frame"),
            ("{job.__class__}{frame}", "no field"),
            ("{frame:9999999999d}", "no such format"),
            ("../{frame}", "one of dots"),
        ],
    )
    async def test_a_template_that_names_no_file_safely_is_refused_before_any_frame(
        self, farm: ApiFarm, naming: str, words: str
    ) -> None:
        spec = await farm.spec(frames="1-3", outputs={"naming": naming})
        problem = problem_of(await farm.http.post("/v1/jobs", json=spec), 422, "invalid-input")
        assert words in str(problem)
        assert await farm.count("job") == 0

    async def test_a_camera_that_the_scene_does_not_tell_is_refused(self, farm: ApiFarm) -> None:
        for field in ("camera", "show"):
            spec = await farm.spec(outputs={"naming": f"{{{field}}}.{{frame}}"})
            problem = problem_of(await farm.http.post("/v1/jobs", json=spec), 422, "invalid-input")
            assert problem["field"] == "outputs.naming"

    async def test_a_show_and_its_shot_are_folders(self, farm: ApiFarm) -> None:
        job = await named(farm, "{show}/{shot}/{frame:04d}", show="Spring", shot="sh/010", frames="1")
        [item] = (await farm.http.get(job["links"]["artifacts"])).json()["items"]
        assert item["path"] == "Spring/sh_010/0001.png"

    async def test_a_clone_names_its_files_as_the_first_job_does(self, farm: ApiFarm) -> None:
        job = await named(farm, "{job}.{frame}", name=f"n{uuid4().hex[:4]}", frames="1")
        clone = await farm.http.post(f"/v1/jobs/{job['id']}/clone", json={})
        assert clone.json()["spec"]["outputs"]["naming"] == "{job}.{frame}"
