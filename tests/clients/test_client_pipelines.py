"""`rayfarm pipelines` shows what there is and what a job may set, from what the farm itself says."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable

import pytest

from pipelines.registry import PIPELINES
from rayfarm.cli import main
from rayfarm.cli._schema_rows import SettingRow, setting_rows
from tests.serve_app.farm import ApiFarm

Run = Callable[..., Awaitable[tuple[int, str, str]]]


@pytest.fixture
def rayfarm(farm: ApiFarm, port: int, capsys: pytest.CaptureFixture[str]) -> Run:
    async def run(*words: str) -> tuple[int, str, str]:
        code = await asyncio.to_thread(main, [*words, "--url", f"http://127.0.0.1:{port}", "--api-key", farm.key])
        return code, *capsys.readouterr()

    return run


class TestCommand:
    async def test_each_pipeline_is_listed_with_its_engine_models_and_splits(
        self, farm: ApiFarm, rayfarm: Run, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(type(PIPELINES["splats"]), "engine_version", lambda _: None)
        await farm.replica(engines={"fake": "fake 7"})
        code, out, _ = await rayfarm("pipelines")
        table, about_fake = out.split("\n\n")
        header, *rows = (line.split("\t") for line in table.splitlines())
        assert "for tests of a farm" in about_fake
        assert (code, header) == (0, ["pipeline", "engine", "on workers", "models", "split"])
        assert [row[0] for row in rows] == sorted(PIPELINES)
        listed = {row[0]: row[1:] for row in rows}
        assert listed["fake"] == ["fake 1", "fake 7", "fake", "borders, samples"]
        assert listed["splats"] == ["not installed", "-", "splats", "-"]

    async def test_one_pipeline_is_shown_with_what_each_setting_takes(self, rayfarm: Run) -> None:
        code, out, _ = await rayfarm("pipelines", "cycles")
        lines = out.splitlines()
        assert code == 0
        assert lines[1].startswith("cycles\t")
        assert "resolution_x\twhole number from 4 to 65,536\t-\tPixels, before `percentage`." in lines
        assert "format\tpng, jpeg, exr\tpng\t" in lines
        assert any(line.startswith("border.xmin\tnumber from 0 to 1\trequired") for line in lines)

    async def test_json_holds_the_schema_as_the_farm_gave_it(self, farm: ApiFarm, rayfarm: Run) -> None:
        code, out, _ = await rayfarm("pipelines", "mitsuba", "--json")
        assert (code, json.loads(out)) == (0, (await farm.http.get("/v1/pipelines/mitsuba")).json())

    async def test_an_unknown_pipeline_is_an_error_that_names_the_others(self, rayfarm: Run) -> None:
        code, out, err = await rayfarm("pipelines", "maya")
        assert (code, out) == (2, "")
        assert "There is no pipeline 'maya'." in err
        assert "mitsuba" in err


class TestSettings:
    @pytest.mark.parametrize("name", sorted(PIPELINES))
    def test_every_setting_of_every_pipeline_says_what_it_takes(self, name: str) -> None:
        schema = PIPELINES[name].settings_type.model_json_schema()
        rows = {row.name: row for row in setting_rows(schema)}
        assert [key for key in rows if "." not in key] == list(schema["properties"])
        assert all(row.takes and "anything" not in row.takes for row in rows.values())

    def test_a_choice_of_objects_names_what_each_holds(self) -> None:
        schema = PIPELINES["splats"].settings_type.model_json_schema()
        [cameras] = [row for row in setting_rows(schema) if row.name == "cameras"]
        assert cameras.takes.startswith("object (type: orbit, frames_per_turn")
        assert "or object (ignore_distortion, transform, scale, type: file, path)" in cameras.takes

    def test_a_schema_that_holds_itself_comes_to_an_end(self) -> None:
        tree = {"type": "object", "properties": {"inner": {"$ref": "#/$defs/Tree"}}}
        rows = list(setting_rows({"properties": {"tree": {"$ref": "#/$defs/Tree"}}, "$defs": {"Tree": tree}}))
        assert rows[0] == SettingRow("tree", "object (inner)", "-", "")
        assert len(rows) < 20

    def test_bounds_are_told_as_they_are(self) -> None:
        limits = {
            "both": {"type": "integer", "minimum": 1, "maximum": 4096},
            "open": {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 0.5},
            "fixed": {"prefixItems": [{"type": "number"}, {"type": "number"}], "type": "array", "default": [0, 1]},
        }
        assert [(row.takes, row.default) for row in setting_rows({"properties": limits})] == [
            ("whole number from 1 to 4,096", "-"),
            ("number above 0 below 0.5", "-"),
            ("list of 2 × number", "[0, 1]"),
        ]
