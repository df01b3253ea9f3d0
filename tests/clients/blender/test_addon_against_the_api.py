"""The add-on inside a real Blender against the real API over HTTP; the test plays the probe and the renderer."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from tests.clients.blender.test_addon_in_blender import LIBRARY_AND_TEXTURE, Blender
from tests.clients.test_client_against_the_api import probing
from tests.serve_app.farm import ApiFarm

SUBMITTED = (
    LIBRARY_AND_TEXTURE
    + """
scene.frame_start, scene.frame_end, scene.render.engine = 1, 2, "CYCLES"
scene.rayfarm.film = False
preferences.allowed = str(shared.absolute())
bpy.ops.rayfarm.submit()
tell(returned_while_busy=session.is_busy)
pump_until(lambda: not session.is_busy, "the job")
assert not session.problem, lines()
tell(words=session.words, copies=copies())
"""
)


async def rendered(farm: ApiFarm) -> Any:
    """Play the renderer for the job that comes next, both of its frames, one after the other."""
    queued: list[Any] = []
    async with asyncio.timeout(90):
        while not queued:
            await asyncio.sleep(0.05)
            queued = (await farm.http.get("/v1/jobs?state=queued")).json()["items"]
    job_id = queued[0]["id"]
    await farm.render(job_id, frames=1)
    return job_id


async def test_a_scene_with_texture_and_library_is_submitted_and_its_frames_come_home(
    farm: ApiFarm, port: int, blender: Blender, tmp_path: Path
) -> None:
    script = (
        SUBMITTED
        + """
pump_until(lambda: session.jobs and session.jobs[0].done == 1, "the first frame")
job = session.jobs[0]
tell(progress=job.words, fraction=job.fraction, watching=session.is_watching)
Path("go").touch()
pump_until(lambda: session.jobs[0].is_over, "the end")
pump_until(lambda: not session.is_busy and session.words.startswith("2 files"), "the files")
tell(end=session.words, watching_on=session.jobs[0].state)
"""
    )

    async def play() -> None:
        job_id = await rendered(farm)
        async with asyncio.timeout(90):
            while not (tmp_path / "go").exists():
                await asyncio.sleep(0.05)
        await farm.render(job_id, frames=1)

    async with probing(farm, "shared/ape.blend", "show/wood.png"):
        facts, _ = await asyncio.gather(
            asyncio.to_thread(blender, script, url=f"http://127.0.0.1:{port}", key=farm.key), play()
        )
    assert facts["returned_while_busy"] is True
    assert facts["words"] == "Submitted shot"
    assert facts["copies"] == []
    assert facts["progress"].startswith("1 of 2 frames")
    assert facts["fraction"] == 0.5
    assert facts["watching_on"] == "succeeded"
    [job] = (await farm.http.get("/v1/jobs")).json()["items"]
    detail = (await farm.http.get(f"/v1/jobs/{job['id']}")).json()
    assert detail["spec"]["settings"] == {"engine": "cycles", "format": "png"}
    model = (await farm.http.get(f"/v1/models/{job['model']}")).json()
    assert model["manifest"]["main"] == "show/shot.blend"
    paths = [file["path"] for file in model["manifest"]["files"]]
    assert paths == ["shared/ape.blend", "show/shot.blend", "show/wood.png"]
    [folder] = (tmp_path / "show" / "render").iterdir()
    assert folder.name == f"shot-{job['id'][:8]}"
    assert sorted(path.name for path in folder.iterdir()) == ["0001.png", "0002.png"]


async def test_a_second_submit_of_the_same_scene_sends_no_texture_again(
    farm: ApiFarm, port: int, blender: Blender
) -> None:
    script = (
        SUBMITTED
        + """
http = importlib.import_module(ADDON + ".farm.http")
puts, plain = [], http.Farm.put
http.Farm.put = lambda self, path, *rest, **options: (puts.append(path), plain(self, path, *rest, **options))
bpy.ops.rayfarm.submit()
pump_until(lambda: not session.is_busy, "the second job")
assert not session.problem, lines()
import hashlib
tell(puts=puts, wood=hashlib.sha256((show / "wood.png").read_bytes()).hexdigest())
"""
    )
    async with probing(farm):
        facts = await asyncio.to_thread(blender, script, url=f"http://127.0.0.1:{port}", key=farm.key)
    assert len(facts["puts"]) <= 1  # the scene itself, whose copy need not be the same bytes
    assert f"/v1/blobs/{facts['wood']}" not in facts["puts"]
    assert await farm.count("job") == 2


async def test_cancel_while_the_farm_opens_the_scene_makes_no_job_and_leaves_no_copy(
    farm: ApiFarm, port: int, blender: Blender
) -> None:
    script = (
        LIBRARY_AND_TEXTURE
        + """
preferences.allowed = str(shared.absolute())
bpy.ops.rayfarm.submit()
pump_until(lambda: session.words == "The farm opens the scene", "the probe, which nobody plays")
bpy.ops.rayfarm.stop()
pump_until(lambda: not session.is_busy, "the stop")
tell(words=session.words, problem=lines(), copies=copies())
"""
    )
    facts = await asyncio.to_thread(blender, script, url=f"http://127.0.0.1:{port}", key=farm.key)
    assert facts == {"words": "Stopped", "problem": [], "copies": []}
    assert await farm.count("model") == 1
    assert await farm.count("job") == 0


async def test_a_job_is_canceled_from_blender(farm: ApiFarm, port: int, blender: Blender) -> None:
    script = (
        SUBMITTED
        + """
bpy.ops.rayfarm.cancel_job(job_id=session.jobs[0].id)
pump_until(lambda: session.jobs[0].is_over, "the end of the job")
tell(state=session.jobs[0].state)
"""
    )
    async with probing(farm):
        facts = await asyncio.to_thread(blender, script, url=f"http://127.0.0.1:{port}", key=farm.key)
    assert facts["state"] == "canceled"
    [job] = (await farm.http.get("/v1/jobs")).json()["items"]
    assert job["state"] == "canceled"


async def test_a_job_that_waits_says_why(farm: ApiFarm, port: int, blender: Blender) -> None:
    async with probing(farm):
        facts = await asyncio.to_thread(
            blender,
            SUBMITTED + 'pump_until(lambda: session.jobs and session.jobs[0].wait, "a reason")\n'
            "tell(wait=session.jobs[0].wait)\n",
            url=f"http://127.0.0.1:{port}",
            key=farm.key,
        )
    [job] = (await farm.http.get("/v1/jobs")).json()["items"]
    assert facts["wait"] == job["wait"]["words"]


async def test_a_wrong_key_and_one_that_may_not_submit_say_what_to_do(
    farm: ApiFarm, port: int, blender: Blender
) -> None:
    viewer = await farm.new_key("other", role="viewer")
    script = (
        LIBRARY_AND_TEXTURE
        + f"""
preferences.allowed = str(shared.absolute())
bpy.ops.rayfarm.submit()
pump_until(lambda: not session.is_busy, "an answer")
pump_until(lambda: session.offline, "the list's answer")
tell(unknown=lines(), offline=list(session.offline))
preferences.api_key = "{viewer}"
bpy.ops.rayfarm.submit()
pump_until(lambda: not session.is_busy, "an answer")
tell(viewer=lines(), copies=copies())
"""
    )
    facts = await asyncio.to_thread(blender, script, url=f"http://127.0.0.1:{port}", key="rf_nobody_nothing")
    assert facts["unknown"][0].startswith("The farm does not take this API key.")
    assert "Preferences > Add-ons > Rayfarm" in facts["unknown"][-1]
    assert facts["offline"][0].startswith("The farm does not take this API key.")
    assert facts["viewer"][0].startswith("This API key may not do that.")
    assert "role artist" in facts["viewer"][-1]
    assert facts["copies"] == []


async def test_a_farm_that_is_away_is_told_and_the_list_comes_back_with_it(
    farm: ApiFarm, port: int, blender: Blender
) -> None:
    job = await farm.submit()
    script = f"""
        import socket
        free = socket.create_server(("127.0.0.1", 0)); number = free.getsockname()[1]; free.close()
        session._pace = importlib.import_module(ADDON + ".farm.session").Pace(busy_s=0.1, longest_s=0.2)
        preferences.url = f"http://127.0.0.1:{{number}}"
        bpy.ops.rayfarm.refresh()
        pump_until(lambda: session.offline, "the word")
        tell(offline=list(session.offline), watching=session.is_watching)
        preferences.url = "http://127.0.0.1:{port}"
        bpy.ops.rayfarm.refresh()
        pump_until(lambda: session.jobs, "the list")
        tell(jobs=[job.id for job in session.jobs], offline_now=list(session.offline))
    """
    facts = await asyncio.to_thread(blender, script, url="", key=farm.key)
    assert "does not answer" in facts["offline"][0]
    assert facts["watching"] is True
    assert facts["jobs"] == [job["id"]]
    assert facts["offline_now"] == []
