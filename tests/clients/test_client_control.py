"""Steering jobs by SDK and CLI: against the real API where a rule decides, against a script where words do."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from rayfarm import Client, FarmRefused, UsageError
from rayfarm.cli import main
from rayfarm.cli.options import read_notify, read_outputs, read_split, read_time
from tests.clients.conftest import QUICK
from tests.clients.scripted_farm import JOB, FarmServer, event, job_view
from tests.serve_app.farm import ApiFarm


class TestAgainstTheApi:
    async def test_a_job_is_steered_from_submit_to_its_end(self, farm: ApiFarm, port: int) -> None:
        model = await farm.model()

        def steer() -> None:
            with Client(f"http://127.0.0.1:{port}", farm.key, settings=QUICK) as client:
                spec: dict[str, Any] = {"pipeline": "fake", "outputs": {"video": None}}
                assert client.estimate(model, frames="1-9", **spec).frames == 9
                job = client.submit(model, frames="1-9", **spec)
                assert client.pause(job).state == "paused"
                with pytest.raises(FarmRefused) as refused:
                    client.approve(job)
                assert refused.value.problem["allowed"] == ["resume", "cancel"]
                assert client.resume(job).state == "queued"
                assert client.skip(job, "2-4").counts.skipped == 3
                assert client.requeue(job, "3").counts.skipped == 2
                assert client.change(job, priority="batch", weight=7).priority == "batch"
                clone = client.clone(job, frames="1-2", name="again")
                assert (clone.counts.total, clone.name, clone.priority) == (2, "again", "batch")
                client.cancel(job.id)
                assert client.retry(job, frames="1").state == "queued"

        await asyncio.to_thread(steer)

    async def test_a_step_is_asked_for_seen_and_refused_in_words(self, farm: ApiFarm, port: int) -> None:
        job_id = str((await farm.submit(frames="1-2", outputs={"video": None}))["id"])
        await farm.render(job_id, frames=2)

        def ask() -> None:
            with Client(f"http://127.0.0.1:{port}", farm.key, settings=QUICK) as client:
                made = client.add_step(job_id, "upscale", frames="2", factor=3)
                assert (made.step, made.request["factor"], made.is_over) == ("upscale", 3, False)
                assert [step.id for step in client.steps(job_id)] == [made.id]
                assert client.step(job_id, made) == made
                with pytest.raises(FarmRefused, match="no frame 9"):
                    client.add_step(job_id, "denoise", frames="9")

        await asyncio.to_thread(ask)

    async def test_show_tells_what_decides_when_a_job_renders(
        self, farm: ApiFarm, port: int, capsys: pytest.CaptureFixture[str]
    ) -> None:
        model = await farm.model()

        def shown() -> tuple[str, str]:
            with Client(f"http://127.0.0.1:{port}", farm.key, settings=QUICK) as client:
                first = client.submit(model, frames="1-9", pipeline="fake")
                until = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
                after = [{"job": first.id, "by": "frame"}]
                job = client.submit(model, frames="1-9", pipeline="fake", depends_on=after, finish_before=until)
                client.skip(job, "2-4")
            main(["show", job.id, "--url", f"http://127.0.0.1:{port}", "--api-key", farm.key])
            return first.id, capsys.readouterr().out

        first, said = await asyncio.to_thread(shown)
        assert f"after     {first} frame by frame" in said
        assert "0/9, 3 skipped" in said
        assert "finishes  before 20" in said

    async def test_licences_and_shares_are_set_and_listed(
        self, farm: ApiFarm, port: int, capsys: pytest.CaptureFixture[str]
    ) -> None:
        options = ["--url", f"http://127.0.0.1:{port}", "--api-key", farm.key]

        async def rayfarm(*words: str) -> tuple[int, str]:
            code = await asyncio.to_thread(main, [*words, *options])
            return code, capsys.readouterr().out

        assert await rayfarm("licences", "nuke", "--set", "3") == (0, "3 chunks may hold nuke at once.\n")
        code, said = await rayfarm("licences", "--json")
        assert (code, json.loads(said)) == (0, {"name": "nuke", "capacity": 3})
        assert await rayfarm("licences", "nuke", "--remove") == (0, "nuke is removed.\n")
        assert (await rayfarm("licences", "nuke"))[0] == 2
        assert await rayfarm("projects", "default", "--weight", "250") == (0, "default has weight 250.\n")
        code, said = await rayfarm("projects", "--json")
        assert (code, json.loads(said)["weight"]) == (0, 250)
        assert (await rayfarm("projects", "default"))[0] == 2

    async def test_a_model_is_kept_warm_until_it_is_told_otherwise(
        self, farm: ApiFarm, port: int, capsys: pytest.CaptureFixture[str]
    ) -> None:
        options = ["--url", f"http://127.0.0.1:{port}", "--api-key", farm.key]
        model = await farm.model()

        def kept(*words: str) -> tuple[int, str, bool]:
            code = main(["keep-warm", *words, *options])
            with Client(f"http://127.0.0.1:{port}", farm.key, settings=QUICK) as client:
                return code, capsys.readouterr().out, client.model(model).keep_warm

        code, said, now = await asyncio.to_thread(kept, model)
        assert (code, now) == (0, True)
        assert said.endswith(" is kept warm.\n")
        code, said, now = await asyncio.to_thread(kept, model, "--off")
        assert (code, now) == (0, False)
        assert said.endswith(" is no longer kept warm.\n")

    async def test_the_commands_say_what_became_of_the_job(
        self,
        farm: ApiFarm,
        port: int,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        job = (await farm.submit(frames="1-5"))["id"]
        options = ["--url", f"http://127.0.0.1:{port}", "--api-key", farm.key]

        async def rayfarm(*words: str) -> tuple[int, str, str]:
            code = await asyncio.to_thread(main, [*words, *options])
            said = capsys.readouterr()
            return code, said.out, said.err

        assert await rayfarm("pause", job) == (0, f"{job} is paused.\n", "")
        code, _, err = await rayfarm("pause", job)
        assert (code, "Allowed now: resume, cancel" in err) == (2, True)
        assert (await rayfarm("resume", job))[1] == f"{job} is queued.\n"
        assert (await rayfarm("skip", job, "2,4"))[0] == 0
        assert (await rayfarm("requeue", job, "2"))[0] == 0
        assert (await rayfarm("priority", job, "interactive"))[0] == 0
        assert (await rayfarm("change", job, "--weight", "9", "--finish-before", "2h", "--max-replicas", "2"))[0] == 0
        view = (await farm.http.get(f"/v1/jobs/{job}")).json()
        assert (view["priority"], view["weight"], view["max_replicas"], view["counts"]["skipped"]) == (
            "interactive",
            9,
            2,
            1,
        )
        assert view["finish_before"]
        assert (await rayfarm("change", job, "--finish-before", "none"))[0] == 0
        assert (await farm.http.get(f"/v1/jobs/{job}")).json()["finish_before"] is None
        code, out, _ = await rayfarm("clone", job, "-f", "8", "--set", "width=64", "--split", "borders:2", "--json")
        assert (code, json.loads(out)["spec"]["settings"]) == (0, {"width": 64})
        assert json.loads(out)["spec"]["split"] == {"mode": "borders", "parts": 2}
        assert (await rayfarm("cancel", job))[0] == 0
        assert (await rayfarm("retry", job))[1] == f"{job} is queued.\n"
        assert (await rayfarm("change", job))[0] == 2

    async def test_an_estimate_says_what_is_not_known_and_why(
        self,
        farm: ApiFarm,
        port: int,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        model = await farm.model()
        await farm.replica(engines={"cycles": "bpy 5.0.1"})
        words = ["estimate", model, "--frames", "1-4", "--pipeline", "fake", "--url", f"http://127.0.0.1:{port}"]
        assert await asyncio.to_thread(main, [*words, "--api-key", farm.key]) == 0
        out = capsys.readouterr().out
        assert "frames     4" in out
        assert "a frame    ?  No frame of this scene has been rendered yet" in out
        assert "workers    0 that fit\ntakes      ?  No worker has the pipeline fake" in out
        assert await farm.count("job") == 0


class TestRender:
    def test_control_options_reach_the_spec(
        self, scripted: FarmServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        asked = self._ready(scripted, tmp_path, monkeypatch)
        words = ["render", str(tmp_path / "x.blend"), "-f", "1-2", "--detach", "--url", scripted.url]
        options = ["--after", "a" * 8, "--after-frames", "b" * 8, "--approve-after", "3", "--priority", "batch"]
        assert main([*words, *options, "--finish-before", "2h", "--split", "borders:4", "--notify", "me"]) == 0
        [spec] = asked
        assert spec["depends_on"] == [{"job": "a" * 8}, {"job": "b" * 8, "by": "frame"}]
        assert (spec["approval"], spec["priority"]) == (3, "batch")
        assert spec["split"] == {"mode": "borders", "parts": 4}
        assert spec["notify"] == {"email": ["me"], "webhook": None}
        left = datetime.fromisoformat(spec["finish_before"]) - datetime.now(UTC)
        assert timedelta(minutes=110) < left < timedelta(minutes=121)
        assert "start_before" not in spec

    def test_a_dry_run_submits_nothing(
        self,
        scripted: FarmServer,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        asked = self._ready(scripted, tmp_path, monkeypatch)
        figures = {"frames": 2, "reused": 1, "to_render": 1, "seconds_per_frame": 4.0, "slot_seconds": 4.0}
        more = {"seconds_per_frame_source": "same_model", "replicas": 3, "expected_seconds": 4.0, "unknown": {}}
        scripted.answer("POST", "/v1/jobs/estimate", {**figures, **more})
        words = ["render", str(tmp_path / "x.blend"), "-f", "1-2", "--dry-run", "--url", scripted.url]
        assert main(words) == 0
        out = capsys.readouterr().out
        assert "reused     1" in out
        assert "(measured with other settings)" in out
        assert asked == []
        assert scripted.requests("POST", "/v1/jobs") == []

    @staticmethod
    def _ready(scripted: FarmServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
        """A scene that is registered already; the specs that are submitted."""
        from rayfarm.cli import render_command
        from rayfarm.types import Model

        model = Model(id="m", name="x", state="ready", probe={})
        monkeypatch.setattr(render_command, "register", lambda *_, **__: model)
        asked: list[dict[str, Any]] = []

        def submitted(request: Any) -> None:
            asked.append(json.loads(request.body))
            request.json(job_view("queued"))

        scripted.answer("POST", "/v1/pipelines/cycles/check", {"settings": {}})
        scripted.on("POST", "/v1/jobs", submitted)
        (tmp_path / "x.blend").write_bytes(b"BLENDER")
        return asked


def test_a_watch_of_a_retried_job_shows_its_new_life(scripted: FarmServer, capsys: pytest.CaptureFixture[str]) -> None:
    scripted.answer("GET", f"/v1/jobs/{JOB}", job_view("succeeded", counts={"committed": 2}))
    scripted.answer("GET", "/v1/replicas", {"items": []})
    failed = {"total": 2, "committed": 1, "failed": 1}
    scripted.on(
        "GET",
        f"/v1/jobs/{JOB}/events",
        lambda request: request.stream(
            event(1, "job.state", state="failed", **{"from": "running"}, counts=failed),
            event(2, "job.state", state="queued", **{"from": "failed"}, counts=failed),
            event(3, "frames.requeued", count=1, counts={"total": 2, "committed": 1}),
            event(4, "job.state", state="running", **{"from": "queued"}, counts={"total": 2, "committed": 1}),
            event(5, "job.state", state="succeeded", **{"from": "running"}, counts={"total": 2, "committed": 2}),
        ),
    )
    assert main(["watch", JOB, "--url", scripted.url]) == 0
    out = capsys.readouterr().out
    assert "queued  1/2 frames" in out
    assert "running  1/2 frames" in out


def test_outputs_of_a_job_are_as_the_flags_say() -> None:
    assert read_outputs(video=True, codec=None, contact_sheet=False) == {"video": "auto"}
    assert read_outputs(video=False, codec=None, contact_sheet=True) == {"video": None, "contact_sheet": {}}
    assert read_outputs(video=True, codec="prores", contact_sheet=False) == {"video": {"codec": "prores"}}
    assert read_outputs(video=True, codec=None, contact_sheet=False, audio="none") == {"video": {"audio": "none"}}
    with pytest.raises(UsageError, match="--no-video asks for none"):
        read_outputs(video=False, codec="av1", contact_sheet=False)


def test_a_split_is_a_mode_and_a_number_of_parts() -> None:
    assert read_split("samples:8") == {"mode": "samples", "parts": 8}
    assert read_split("none") == {"mode": "none", "parts": 1}
    for text in ("4", "borders", "borders:many", ":4", "none:"):
        with pytest.raises(UsageError):
            read_split(text)


def test_whom_to_notify_is_addresses_and_a_webhook() -> None:
    webhook = "0b2f3a52-6c1e-4a0a-9b4e-3c1f7d0f2a11"
    assert read_notify(["me", webhook, "ada@example.org"]) == {"email": ["me", "ada@example.org"], "webhook": webhook}
    assert read_notify(["me"]) == {"email": ["me"], "webhook": None}
    for whom in (["ada"], [webhook, webhook.replace("0", "1")]):
        with pytest.raises(UsageError):
            read_notify(whom)


@pytest.mark.parametrize("text", ["tomorrow", "2026-13-01", "90", "9999999999d"])
def test_a_time_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        read_time(text)


def test_a_time_has_a_zone_and_may_be_told_from_now() -> None:
    assert read_time("2031-05-01T07:00+02:00") == "2031-05-01T07:00:00+02:00"
    assert datetime.fromisoformat(read_time("2031-05-01T07:00")).tzinfo is not None
    ahead = datetime.fromisoformat(read_time("90m")) - datetime.now(UTC)
    assert timedelta(minutes=89) < ahead < timedelta(minutes=91)


class TestIdsInPaths:
    """`rayfarm pause '../nodes/n1/disable?'` disabled a machine: an id went into the path as it was typed."""

    STRANGE = ("../nodes/n1/disable?", "", "j", "6f1d3c52-1c4e-4b0a-9f4e-3c1f7d0f2a22/../x", "..", "%2e%2e")

    @pytest.mark.parametrize("strange", STRANGE)
    def test_what_is_no_id_reaches_no_farm(self, scripted: FarmServer, strange: str) -> None:
        with Client(scripted.url, "k", settings=QUICK) as client:
            asked: list[Callable[[], object]] = [
                lambda: client.job(strange),
                lambda: client.cancel(strange),
                lambda: client.pause(strange),
                lambda: client.skip(strange, "1"),
                lambda: client.change(strange, weight=1),
                lambda: client.clone(strange),
                lambda: client.watch(strange),
                lambda: list(client.frames(strange)),
                lambda: list(client.attempts(strange, 1)),
                lambda: list(client.artifacts(strange)),
                lambda: client.artifacts_page(strange),
                lambda: client.blocklist(strange),
                lambda: client.artifact(strange),
                lambda: client.model(strange),
                lambda: client.submit(strange),
                lambda: client.replica_attempts(strange),
            ]
            for ask in asked:
                with pytest.raises(UsageError, match=r"is no (job|artifact|model|replica)'s id"):
                    ask()
        assert scripted.seen == []

    def test_the_command_line_says_what_an_id_is(
        self, scripted: FarmServer, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert main(["pause", "../nodes/n1/disable?", "--url", scripted.url]) == 2
        assert "as the farm prints it: a UUID" in capsys.readouterr().err
        assert scripted.seen == []

    @pytest.mark.parametrize("name", ["", ".", ".."])
    def test_a_machine_has_no_name_that_a_path_swallows(self, scripted: FarmServer, name: str) -> None:
        with Client(scripted.url, "k", settings=QUICK) as client, pytest.raises(UsageError, match="is no name"):
            client.disable(name)
        assert scripted.seen == []
