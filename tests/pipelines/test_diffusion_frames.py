"""Frames of tiny diffusion models, by the real engine in its sandbox. What they show is noise: what counts is whose."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from jobs.states import EndReason
from pipelines.diffusion.pipeline import frame_seed
from pipelines.diffusion.settings import DiffusionSettings, Sampler
from pipelines.errors import EngineError
from pipelines.live_preview import FILE_NAME, read_preview
from pipelines.post.compare import psnr
from pipelines.registry import get_pipeline
from tests.pipelines.diffusion_stage import DIGEST, SETUP_TIMEOUT_S, Stage, pixels

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(SETUP_TIMEOUT_S)]

GOLDENS = Path(__file__).with_name("goldens")
GOLDEN_TOLERANCE_DB = 50.0
"""Another CPU's vector units round differently. Another seed's picture is 12 dB away, another prompt's up to 43."""
TRAVEL = [{"frame": 1, "prompt": "a red fox"}, {"frame": 5, "prompt": "THE SEA", "negative_prompt": "blur"}]
PLATES = "pictures/plate.####.png"


class TestPictures:
    @pytest.mark.parametrize(
        ("name", "wish"),
        [
            ("diffusion_sd", {"negative_prompt": "blur", "scheduler": "euler"}),
            ("diffusion_sd_image", {"init_image": PLATES, "strength": 0.7, "width": 64, "height": 64}),
            ("diffusion_sdxl", {"model": "sdxl", "scheduler": "dpmpp_2m_karras"}),
        ],
    )
    async def test_a_seed_gives_the_picture_that_it_always_gave(
        self, stage: Stage, tmp_path: Path, name: str, wish: dict[str, Any]
    ) -> None:
        found, golden = await stage.picture(**wish), pixels(GOLDENS / f"{name}.png")
        assert found.shape == golden.shape == (64, 64, 3)
        difference = np.abs(found.astype(np.int16) - golden.astype(np.int16))
        Image.fromarray(difference.astype(np.uint8)).save(tmp_path / "difference.png")
        mismatch = float(np.mean(difference > 0))
        assert psnr(golden, found) >= GOLDEN_TOLERANCE_DB, f"{mismatch:.1%} differ, see {tmp_path}/difference.png"

    async def test_one_seed_is_one_picture_to_the_bit_whatever_came_between(self, stage: Stage) -> None:
        first = (await stage.render()).main.read_bytes()
        assert (await stage.render()).main.read_bytes() == first
        await stage.render(scheduler="heun", init_image=PLATES, loras=[{"path": "loras/text.safetensors"}])
        await stage.render(dtype="bf16", prompt="other")
        await stage.render(model="sdxl")
        assert (await stage.render()).main.read_bytes() == first

    async def test_the_seed_is_made_from_model_settings_and_frame_where_none_is_given(self, stage: Stage) -> None:
        outputs = [await stage.render(seed=None, seed_mode=None, frame=number) for number in (1, 2)]
        settings = DiffusionSettings(prompt="a red fox", steps=3)
        expected = [frame_seed(settings, model_digest=DIGEST, frame=number) for number in (1, 2)]
        assert [output.metrics["seed"] for output in outputs] == expected
        again = await stage.render(seed=expected[1], frame=1)
        assert again.main.read_bytes() == outputs[1].main.read_bytes() != outputs[0].main.read_bytes()

    async def test_prompt_negative_guidance_and_steps_each_change_the_picture(self, stage: Stage) -> None:
        wishes: tuple[dict[str, Any], ...] = (
            *({}, {"prompt": "THE SEA"}, {"negative_prompt": "blur"}, {"guidance_scale": 2.0}, {"steps": 4}),
            *({"guidance_scale": 1.0}, {"seed": 6}),
        )
        assert len({(await stage.render(**wish)).main.read_bytes() for wish in wishes}) == len(wishes)

    async def test_every_scheduler_on_the_list_makes_a_picture(self, stage: Stage) -> None:
        made = {sampler: (await stage.render(scheduler=sampler)).main.read_bytes() for sampler in Sampler}
        assert made.pop(Sampler.PNDM) == (await stage.render()).main.read_bytes()  # the model's own
        assert len(set(made.values())) >= len(made) - 1  # of few steps, two may agree

    @pytest.mark.parametrize(("name", "kind"), [("png", "PNG"), ("jpeg", "JPEG"), ("webp", "WEBP")])
    async def test_size_and_format_are_as_asked(self, stage: Stage, name: str, kind: str) -> None:
        output = await stage.render(format=name, width=96, height=64)
        with Image.open(output.main) as opened:
            assert (opened.format, opened.size) == (kind, (96, 64))
        assert (
            output.main.suffix == get_pipeline("diffusion").output(DiffusionSettings(prompt="", format=name)).extension
        )


class TestImageToImage:
    async def test_the_picture_and_the_strength_count(self, stage: Stage) -> None:
        wishes: tuple[dict[str, Any], ...] = (
            {},
            {"init_image": "pictures/plate.0001.png", "width": 64, "height": 64},
            {"init_image": "pictures/plate.0002.png", "width": 64, "height": 64},
            {"init_image": "pictures/plate.0001.png", "width": 64, "height": 64, "strength": 0.4},
        )
        assert len({(await stage.render(**wish)).main.read_bytes() for wish in wishes}) == len(wishes)

    async def test_each_frame_of_a_sequence_takes_its_own_picture_and_size(self, stage: Stage) -> None:
        second = await stage.render(init_image=PLATES, frame=2)
        named = await stage.render(init_image="pictures/plate.0002.png", frame=1)
        assert second.main.read_bytes() == named.main.read_bytes()
        assert (await stage.picture(init_image=PLATES, frame=7)).shape == (72, 96, 3)  # 100x75, rounded down

    @pytest.mark.parametrize(
        ("name", "words"),
        [("pictures/plate.0009.png", "is not among the model's files"), ("unet/config.json", "cannot be read")],
    )
    async def test_what_is_absent_or_no_picture_is_refused_by_name(self, stage: Stage, name: str, words: str) -> None:
        with pytest.raises(EngineError, match=f"{name} {words}") as refusal:
            await stage.render(init_image=name)
        assert refusal.value.reason is EndReason.MODEL_INVALID


class TestTravel:
    @pytest.mark.parametrize("model", ["sd", "sdxl"])
    async def test_its_ends_are_the_single_prompts_and_its_middle_is_neither(self, stage: Stage, model: str) -> None:
        journey = {
            frame: (await stage.render(model=model, keyframes=TRAVEL, frame=frame)).main.read_bytes()
            for frame in (0, 1, 3, 5, 9)
        }
        first = (await stage.render(model=model, prompt="a red fox")).main.read_bytes()
        last = (await stage.render(model=model, prompt="THE SEA", negative_prompt="blur")).main.read_bytes()
        assert journey[0] == journey[1] == first
        assert journey[5] == journey[9] == last
        assert journey[3] not in (first, last)


class TestLoras:
    @pytest.mark.parametrize("model", ["sd", "sdxl"])
    async def test_one_changes_the_picture_in_either_spelling_and_leaves_no_trace(
        self, stage: Stage, model: str
    ) -> None:
        async def with_lora(*loras: tuple[str, float]) -> bytes:
            named = [{"path": f"loras/{name}.safetensors", "weight": weight} for name, weight in loras]
            return (await stage.render(model=model, loras=named)).main.read_bytes()

        plain = await with_lora()
        changed = await with_lora(("diffusers", 1.0))
        assert changed != plain
        assert await with_lora(("kohya", 1.0)) == changed
        assert await with_lora(("diffusers", 0.5), ("kohya", 0.5)) not in (plain, await with_lora(("diffusers", 0.5)))
        assert await with_lora(("text", 1.0)) not in (plain, changed)
        assert await with_lora(("diffusers", 0.0)) == plain == await with_lora()

    async def test_one_for_another_model_is_refused_and_not_half_merged(self, stage: Stage) -> None:
        plain = (await stage.render()).main.read_bytes()
        both = [{"path": "loras/diffusers.safetensors"}, {"path": "loras/foreign.safetensors"}]
        with pytest.raises(EngineError, match=r"loras/foreign\.safetensors changes the layer unet\.no_such_layer"):
            await stage.render(loras=both)
        with pytest.raises(EngineError, match=r"loras/absent\.safetensors is not among the model's files"):
            await stage.render(loras=[{"path": "loras/absent.safetensors"}])
        with pytest.raises(EngineError, match="is not among the model's files"):
            await stage.render(loras=[{"path": "unet/diffusion_pytorch_model.safetensors"}])
        assert (await stage.render()).main.read_bytes() == plain

    @pytest.mark.parametrize("faulty", ["foreign", "absent"])
    async def test_prompts_encoded_under_one_do_not_outlive_the_refusal_of_the_next(
        self, stage: Stage, faulty: str
    ) -> None:
        plain = (await stage.render()).main.read_bytes()
        assert (await stage.render(loras=[{"path": "loras/text.safetensors"}])).main.read_bytes() != plain
        with pytest.raises(EngineError, match=rf"loras/{faulty}\.safetensors"):
            await stage.render(loras=[{"path": f"loras/{faulty}.safetensors"}])
        assert (await stage.render()).main.read_bytes() == plain


class TestRecord:
    async def test_progress_tells_the_steps(self, stage: Stage) -> None:
        heard: list[tuple[float, str]] = []
        await stage.render(steps=40, scheduler="ddim", on_progress=lambda share, text, _: heard.append((share, text)))
        assert heard
        assert [share for share, _ in heard] == sorted(share for share, _ in heard)
        for share, text in heard:
            told = re.fullmatch(r"step (\d+) of 40", text)
            assert told is not None
            assert share == pytest.approx(int(told[1]) / 41)

    @pytest.mark.parametrize("model", ["sd", "sdxl"])
    async def test_previews_show_the_frame_so_far_and_change_no_pixel_of_it(self, stage: Stage, model: str) -> None:
        plain = await stage.render(model=model, steps=4)
        shown = await stage.render(model=model, steps=4, preview_every_s=0.0)
        assert shown.main.read_bytes() == plain.main.read_bytes()
        assert read_preview(plain.main.parent) is None
        assert read_preview(shown.main.parent) is not None, shown.log
        made = pixels(shown.main.parent / FILE_NAME)
        assert made.shape == pixels(shown.main).shape
        assert made.std() > 1  # of the noise that the tiny model makes

    async def test_metrics_say_device_precision_seed_and_memory(self, stage: Stage) -> None:
        metrics = (await stage.render(device="cpu")).metrics
        assert (metrics["device"], metrics["dtype"], metrics["seed"]) == ("CPU", "fp32", 5)
        weights = sum(path.stat().st_size for path in (stage.models / "sd").glob("*/*model.safetensors"))
        assert metrics["weight_bytes"] == weights < metrics["peak_rss_bytes"]
        assert (await stage.render(device="cpu", dtype="bf16")).metrics["dtype"] == "bf16"

    async def test_a_prompt_that_is_cut_off_is_said_so(self, stage: Stage) -> None:
        assert (await stage.render()).warnings == ()
        (warning,) = (await stage.render(prompt="fox " * 60)).warnings
        assert "tokens; the model sees the first 77" in warning

    @pytest.mark.parametrize(
        ("wish", "words"), [({"device": "cuda"}, "asks for CUDA"), ({"dtype": "fp16"}, "asks for fp16")]
    )
    async def test_a_gpu_that_is_not_there_is_no_cpu(self, stage: Stage, wish: dict[str, Any], words: str) -> None:
        if (await stage.render()).metrics["device"] != "CPU":
            pytest.skip("this machine has a GPU")
        with pytest.raises(EngineError, match=words):
            await stage.render(**wish)

    async def test_the_engine_works_without_network_and_within_its_own_files(self, stage: Stage) -> None:
        await stage.render()
        assert stage.host.sandbox is not None
        assert stage.host.sandbox.network == "none"
        assert stage.host.sandbox.files == "confined"
