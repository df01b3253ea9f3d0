"""What a job may ask of the diffusion pipeline, what it is told when it asks wrongly, and which seed it gets."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
from pydantic import ValidationError

from jobs.errors import InvalidInput
from jobs.spec import Split, SplitMode
from pipelines.diffusion.pipeline import frame_seed
from pipelines.diffusion.settings import MAX_SEED, DiffusionSettings
from pipelines.registry import get_pipeline

DIGEST = "d" * 64
TRAVEL = [{"frame": 1, "prompt": "a"}, {"frame": 9, "prompt": "b"}]


def asked(**wish: Any) -> DiffusionSettings:
    return DiffusionSettings.model_validate({"prompt": "a fox"} | wish)


class TestRefusals:
    @pytest.mark.parametrize(
        ("wish", "words"),
        [
            ({"clip_skip": 2}, "clip_skip\n  Extra inputs are not permitted"),
            ({"scheduler": "euler_z"}, "scheduler\n  Input should be 'ddim', 'ddpm'"),
            ({"scheduler": "lms"}, "scheduler\n  Input should be"),
            ({"format": "exr"}, "'png', 'jpeg' or 'webp'"),
            ({"prompt": None}, "either a prompt or keyframes"),
            ({"keyframes": TRAVEL}, "either a prompt or keyframes"),
            ({"prompt": None, "keyframes": [*TRAVEL, TRAVEL[0]]}, "must rise"),
            ({"width": 100, "height": 64}, "multiple of 8 pixels; the nearest is 96"),
            ({"width": 64}, "width and height go together"),
            ({"width": 100_000, "height": 100_000}, "less than or equal to 4096"),
            ({"width": 4096, "height": 4096}, "16777216 pixels; at most 4194304"),
            ({"steps": 0}, "greater than or equal to 1"),
            ({"steps": 10_000}, "less than or equal to 500"),
            ({"scheduler": "lcm", "steps": 51}, "lcm has at most 50 steps .*, not 51"),
            ({"strength": 0.5}, "name an init_image"),
            ({"init_image": "a.png", "strength": 0.01, "steps": 10}, "leaves none of 10 steps"),
            ({"init_image": "../a.png"}, "escapes its folder"),
            ({"init_image": "/etc/passwd"}, "is absolute"),
            ({"init_image": "##/##.png"}, "one run of #"),
            ({"guidance_scale": 1, "negative_prompt": "blur"}, "has no effect"),
            ({"guidance_scale": float("nan")}, "guidance_scale"),
            ({"loras": [{"path": "a.safetensors", "scale": 1}]}, "scale\n  Extra inputs"),
            ({"loras": [{"path": "a.safetensors"}] * 2}, "named twice"),
            ({"loras": [{"path": "../a.safetensors"}]}, "escapes its folder"),
            ({"dtype": "fp16", "device": "cpu"}, "fp16 is for CUDA"),
            ({"dtype": "int8"}, "'auto', 'fp32', 'fp16' or 'bf16'"),
            ({"device": "gpu"}, "'cpu', 'cuda' or 'auto'"),
            ({"quality": 80}, "quality is for jpeg and webp only"),
            ({"seed": 2**32}, "less than or equal to 4294967295"),
        ],
    )
    def test_a_bad_setting_is_named(self, wish: dict[str, Any], words: str) -> None:
        with pytest.raises(ValidationError, match=words):
            asked(**wish)

    def test_a_frame_cannot_be_split(self) -> None:
        with pytest.raises(InvalidInput, match="on one replica"):
            get_pipeline("diffusion").check_split(asked(), Split(mode=SplitMode.BORDERS, parts=2))

    def test_files_that_the_probe_did_not_find_are_refused_at_submit(self) -> None:
        facts = {"details": {"loras": ["style.safetensors"], "pictures": ["plate.png"]}}
        pipeline = get_pipeline("diffusion")
        pipeline.check_scene(asked(loras=[{"path": "style.safetensors"}], init_image="plate.png"), facts)
        pipeline.check_scene(asked(init_image="plate.####.png"), facts)
        with pytest.raises(InvalidInput, match=r"no LoRA 'x\.safetensors'. Use style"):
            pipeline.check_scene(asked(loras=[{"path": "x.safetensors"}]), facts)
        with pytest.raises(InvalidInput, match=r"no picture 'x\.png'. Use plate"):
            pipeline.check_scene(asked(init_image="x.png"), facts)


class TestDescription:
    def test_it_describes_itself_without_torch(self) -> None:
        code = "import sys, pipelines.registry; sys.exit(bool({'torch', 'diffusers'} & set(sys.modules)))"
        assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
        version = get_pipeline("diffusion").engine_version()
        assert version is not None
        assert version.startswith("diffusers 0.42.1 transformers 5.23.0 torch 2.13.0")

    def test_the_size_of_a_frame_is_known_where_the_job_settles_it(self) -> None:
        pipeline = get_pipeline("diffusion")
        assert pipeline.frame_size(asked(width=640, height=360)) == (640, 360)
        assert pipeline.frame_size(asked()) is None

    def test_whatever_changes_a_pixel_is_in_the_fingerprint(self) -> None:
        pipeline = get_pipeline("diffusion")
        base = pipeline.pixel_settings(asked())
        for wish in (
            *({"prompt": "b"}, {"steps": 31}, {"guidance_scale": 3}, {"scheduler": "euler"}, {"seed": 4}),
            *({"seed_mode": "fixed"}, {"init_image": "a.png"}, {"loras": [{"path": "a"}]}, {"dtype": "bf16"}),
            *({"device": "cpu"}, {"format": "webp"}, {"width": 64, "height": 64}, {"negative_prompt": "c"}),
        ):
            assert pipeline.pixel_settings(asked(**wish)) != base, wish


class TestSeed:
    def test_a_given_seed_steps_with_the_frames_and_wraps(self) -> None:
        assert [frame_seed(asked(seed=7), model_digest=DIGEST, frame=n) for n in (0, 1, -1)] == [7, 8, 6]
        assert frame_seed(asked(seed=MAX_SEED), model_digest=DIGEST, frame=1) == 0

    def test_a_fixed_seed_and_a_journey_of_prompts_keep_their_noise(self) -> None:
        fixed = asked(seed=7, seed_mode="fixed")
        travel = DiffusionSettings.model_validate({"keyframes": TRAVEL, "seed": 7})
        for settings in (fixed, travel):
            assert [frame_seed(settings, model_digest=DIGEST, frame=n) for n in (1, 5)] == [7, 7]

    def test_without_one_it_follows_from_the_model_and_from_what_the_picture_shows(self) -> None:
        seed = frame_seed(asked(), model_digest=DIGEST, frame=1)
        assert seed == 3_352_452_084  # a change would give every such job another picture
        assert seed != frame_seed(asked(), model_digest="e" * 64, frame=1)
        assert seed != frame_seed(asked(steps=31), model_digest=DIGEST, frame=1)
        same = ({"device": "cpu"}, {"dtype": "bf16"}, {"format": "jpeg", "quality": 5}, {"seed_mode": "step"})
        assert {frame_seed(asked(**wish), model_digest=DIGEST, frame=1) for wish in same} == {seed}
