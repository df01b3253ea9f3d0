"""What a job may ask of Cycles, and what it is told when it asks wrongly."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from jobs.errors import InvalidInput
from pipelines.cycles.settings import CyclesSettings
from pipelines.registry import PIPELINES, get_pipeline


class TestRefusals:
    @pytest.mark.parametrize(
        ("wish", "words"),
        [
            ({"sampels": 4}, "Extra inputs are not permitted"),
            ({"format": "tiff"}, "'png', 'jpeg' or 'exr'"),
            ({"format": "jpeg", "color_depth": 16}, "jpeg takes a color_depth of 8, not 16"),
            ({"format": "png", "color_depth": 32}, "png takes a color_depth of 8 or 16, not 32"),
            ({"format": "exr", "color_depth": 8}, "exr takes a color_depth of 16 or 32, not 8"),
            ({"quality": 90}, "quality is for jpeg only"),
            ({"samples": 0}, "greater than or equal to 1"),
            ({"seed": -1}, "greater than or equal to 0"),
            ({"resolution_x": 65536, "resolution_y": 65536}, "pixels; at most"),
            ({"border": {"xmin": 0.5, "xmax": 0.5, "ymin": 0, "ymax": 1}}, "xmin < xmax"),
            ({"border": {"xmin": 0, "xmax": 1.5, "ymin": 0, "ymax": 1}}, "less than or equal to 1"),
            ({"device": "tpu"}, "'cpu', 'gpu' or 'auto'"),
        ],
    )
    def test_a_bad_setting_is_named(self, wish: dict[str, Any], words: str) -> None:
        with pytest.raises(ValidationError, match=words):
            CyclesSettings.model_validate(wish)

    def test_an_unknown_pipeline_is_answered_with_those_that_exist(self) -> None:
        with pytest.raises(InvalidInput, match="cycles, fake, splats"):
            get_pipeline("povray")


class TestDescription:
    def test_each_pipeline_describes_itself_without_its_engine(self) -> None:
        import subprocess
        import sys

        code = "import sys, pipelines.registry; sys.exit('bpy' in sys.modules)"
        assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
        assert PIPELINES["cycles"].engine_version() == "bpy 5.0.1"
        assert "properties" in PIPELINES["cycles"].settings_type.model_json_schema()

    @pytest.mark.parametrize(("name", "extension"), [("png", ".png"), ("jpeg", ".jpg"), ("exr", ".exr")])
    def test_the_output_follows_the_format(self, name: str, extension: str) -> None:
        pipeline = get_pipeline("cycles")
        assert pipeline.output(CyclesSettings.model_validate({"format": name})).extension == extension

    def test_what_the_scene_decides_is_left_out_of_the_pixel_settings(self) -> None:
        pixels = get_pipeline("cycles").pixel_settings(CyclesSettings(samples=8))
        assert pixels == {"samples": 8, "format": "png", "device": "auto"}
