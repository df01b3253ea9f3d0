"""Folders of weights meet the real engine and the probe: what is wrong with one is said, and nothing of it runs."""

from __future__ import annotations

import hashlib
import json
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from jobs.states import EndReason
from models.errors import ModelInvalid
from models.kinds import ModelKind
from models.manifest import Manifest, ManifestFile
from models.probe import ProbeReport
from pipelines.errors import EngineError
from pipelines.probe_run import probe_model
from pipelines.registry import get_pipeline
from tests.pipelines.diffusion_stage import SETUP_TIMEOUT_S, SLOW_MACHINE, Stage, model_of

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(SETUP_TIMEOUT_S)]

UNET = "unet/diffusion_pytorch_model.safetensors"


@pytest.fixture
def copy(stage: Stage, request: pytest.FixtureRequest) -> Path:
    """Of the tiny Stable Diffusion, to be spoiled."""
    target = stage.models / "copies" / hashlib.sha256(request.node.name.encode()).hexdigest()[:12]
    shutil.copytree(stage.models / "sd", target)
    return target


class Bomb:
    """Leaves a file where it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self._mark = mark

    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (self._mark,)


def pickled_weights(root: Path) -> None:
    (root / UNET).write_bytes(pickle.dumps(Bomb(root / "exploded")))


def pickle_beside(root: Path) -> None:
    (root / "unet" / "diffusion_pytorch_model.bin").write_bytes(pickle.dumps(Bomb(root / "exploded")))


def foreign_class(root: Path) -> None:
    index = json.loads((root / "model_index.json").read_text()) | {"unet": ["payload", "UNet2DConditionModel"]}
    (root / "model_index.json").write_text(json.dumps(index))


def code_beside(root: Path) -> None:
    (root / "unet" / "payload.py").write_text("raise SystemExit")


def tensor_missing(root: Path) -> None:
    weights = load_file(root / UNET)
    del weights["conv_in.bias"]
    save_file(weights, root / UNET)


def text_tensor_missing(root: Path) -> None:
    path = root / "text_encoder" / "model.safetensors"
    weights = load_file(path)
    weights.pop(next(name for name in weights if name.endswith("final_layer_norm.bias")))
    save_file(weights, path)


def tensor_of_another_shape(root: Path) -> None:
    weights = load_file(root / UNET) | {"conv_in.bias": np.zeros(7, np.float32)}
    save_file(weights, root / UNET)


def picture_too_large(root: Path) -> None:
    config = json.loads((root / "unet" / "config.json").read_text()) | {"sample_size": 100_000}
    (root / "unet" / "config.json").write_text(json.dumps(config))


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (pickled_weights, f"{UNET} is a pickle"),
        (pickle_beside, "diffusion_pytorch_model.bin is a pickle"),
        (foreign_class, "wants unet to be"),
        (code_beside, "payload.py is code"),
        (tensor_missing, "unet"),
        (text_tensor_missing, "text_encoder lacks 1 of its weights, such as .*final_layer_norm.bias"),
        (tensor_of_another_shape, "unet does not open"),
        (picture_too_large, "own picture size is not usable"),
    ],
)
async def test_a_spoilt_folder_is_refused_by_name_and_the_next_model_loads(
    stage: Stage, copy: Path, spoil: Callable[[Path], None], words: str
) -> None:
    spoil(copy)
    with pytest.raises(EngineError, match=words) as refusal:
        await stage.load(copy)
    assert refusal.value.reason is EndReason.MODEL_INVALID
    assert str(copy) not in refusal.value.message
    assert not (copy / "exploded").exists()
    assert (await stage.render()).main.is_file()


async def test_16_bit_copies_are_rendered_where_there_are_no_others(stage: Stage, copy: Path) -> None:
    for path in list(copy.glob("*/*.safetensors")):
        if path.parent.name != "loras":
            halves = {name: value.astype(np.float16) for name, value in load_file(path).items()}
            save_file(halves, path.with_suffix(".fp16.safetensors"), metadata={"format": "pt"})
            path.unlink()
    await stage.load(copy)
    output = await stage.render(model=copy.relative_to(stage.models).as_posix())
    assert output.metrics["dtype"] == "fp32"


async def test_the_probe_says_what_a_folder_holds_and_refuses_a_pickle(copy: Path, tmp_path: Path) -> None:
    def manifest() -> Manifest:
        files = [path for path in sorted(copy.rglob("*")) if path.is_file()]
        return Manifest(
            kind=ModelKind.DIFFUSION,
            main="model_index.json",
            files=tuple(
                ManifestFile(
                    path=path.relative_to(copy).as_posix(),
                    digest=hashlib.sha256(path.read_bytes()).hexdigest(),
                    size_bytes=path.stat().st_size,
                )
                for path in files
            ),
        )

    async def probe() -> ProbeReport:
        return await probe_model(
            model_of(copy),
            pipeline=get_pipeline("diffusion"),
            manifest=manifest(),
            workdir=tmp_path / "work",
            settings=SLOW_MACHINE,
        )

    report = await probe()
    assert report.resolution == (64, 64, 100)
    assert report.engine == "StableDiffusionPipeline"
    assert report.details["family"] == "sd"
    assert report.details["scheduler"] == "PNDMScheduler"
    assert "loras/kohya.safetensors" in report.details["loras"]
    assert "pictures/plate.0001.png" in report.details["pictures"]
    assert report.missing == ()
    pickle_beside(copy)
    with pytest.raises(ModelInvalid, match="is a pickle"):
        await probe()


async def test_weights_that_one_precision_could_not_load_are_there_for_the_next_job(stage: Stage, copy: Path) -> None:
    model = str(copy.relative_to(stage.models))
    before = (await stage.render(model=model)).main.read_bytes()
    (copy / UNET).rename(copy / "away")  # stands for memory that one precision alone runs out of
    with pytest.raises(EngineError, match="no weights"):
        await stage.render(model=model, dtype="bf16")
    (copy / "away").rename(copy / UNET)
    assert (await stage.render(model=model)).main.read_bytes() == before


async def test_steps_that_the_models_own_scheduler_cannot_take_are_no_fault_of_the_engine(
    stage: Stage, copy: Path
) -> None:
    index = json.loads((copy / "model_index.json").read_text()) | {"scheduler": ["diffusers", "LCMScheduler"]}
    (copy / "model_index.json").write_text(json.dumps(index))
    path = copy / "scheduler" / "scheduler_config.json"
    own = {"_class_name": "LCMScheduler", "original_inference_steps": 4}
    path.write_text(json.dumps(json.loads(path.read_text()) | own))
    name = str(copy.relative_to(stage.models))
    with pytest.raises(EngineError, match="LCMScheduler cannot take 5 steps") as refusal:
        await stage.render(model=name, steps=5)
    assert refusal.value.reason is EndReason.MODEL_INVALID
    assert refusal.value.remedy == "Lower steps, or name another scheduler."
    await stage.render(model=name, steps=4)
    await stage.render(model=name, steps=5, scheduler="ddim")
    await stage.render(model=name, steps=3, init_image="pictures/plate.0001.png", strength=0.5)
