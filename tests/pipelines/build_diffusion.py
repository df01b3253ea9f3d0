"""Writes tiny diffusion pipelines with random weights of a fixed seed (noise, not art), LoRAs and a picture.

Run in a process of its own, `python -m tests.pipelines.build_diffusion TARGET [NAME …]`: it imports torch. Layout of
the target: `sd/` and `sdxl/`, or those named (each a whole model: weights, `loras/`, `pictures/`).
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import torch
from diffusers import StableDiffusionXLPipeline
from PIL import Image
from safetensors.torch import save_file
from transformers import CLIPTextModel, CLIPTextModelWithProjection

from examples.make_diffusion import (
    SEED,
    TEXT_WIDTH,
    TOKENIZER,
    build_sd,
    scheduler,
    text_config,
    tokenizer,
    unet,
    vae,
)

LORA_RANK = 4
ATTENTION = "down_blocks.1.attentions.0.transformer_blocks.0.attn2.to_q"


def build_sdxl(folder: Path) -> None:
    torch.manual_seed(SEED)
    made = tokenizer(folder / TOKENIZER)
    StableDiffusionXLPipeline(
        unet=unet(
            cross_attention_dim=2 * TEXT_WIDTH,
            addition_embed_type="text_time",
            addition_time_embed_dim=8,
            projection_class_embeddings_input_dim=TEXT_WIDTH + 6 * 8,
        ),
        vae=vae(),
        text_encoder=CLIPTextModel(text_config()),
        text_encoder_2=CLIPTextModelWithProjection(text_config()),
        tokenizer=made,
        tokenizer_2=made,
        scheduler=scheduler(),
    ).save_pretrained(folder)
    shutil.rmtree(folder / TOKENIZER)


def add_loras(folder: Path, text_width: int) -> None:
    """One layer's change in the names of diffusers and in those of Kohya's trainer; one for no layer."""
    torch.manual_seed(SEED + 1)
    down, up = torch.randn(LORA_RANK, 64), torch.randn(64, LORA_RANK)
    text_down, text_up = torch.randn(LORA_RANK, text_width), torch.randn(text_width, LORA_RANK)
    (folder / "loras").mkdir()
    save_file(
        {f"unet.{ATTENTION}.lora_A.weight": down, f"unet.{ATTENTION}.lora_B.weight": up},
        folder / "loras" / "diffusers.safetensors",
    )
    flat = "lora_unet_" + ATTENTION.replace(".", "_")
    save_file(
        {f"{flat}.lora_down.weight": down, f"{flat}.lora_up.weight": up, f"{flat}.alpha": torch.tensor(4.0)},
        folder / "loras" / "kohya.safetensors",
    )
    layer = "text_encoder.text_model.encoder.layers.0.self_attn.q_proj"
    save_file(
        {f"{layer}.lora_A.weight": text_down, f"{layer}.lora_B.weight": text_up}, folder / "loras" / "text.safetensors"
    )
    save_file(
        {"unet.no_such_layer.lora_A.weight": down, "unet.no_such_layer.lora_B.weight": up},
        folder / "loras" / "foreign.safetensors",
    )


def add_pictures(folder: Path) -> None:
    (folder / "pictures").mkdir()
    for number, size in ((1, (96, 72)), (2, (96, 72)), (7, (100, 75))):
        picture = Image.linear_gradient("L").resize(size).convert("RGB")
        if number == 2:
            picture = picture.transpose(Image.Transpose.ROTATE_180)
        picture.save(folder / "pictures" / f"plate.{number:04d}.png")


def main(target: Path, names: list[str]) -> None:
    for name, build in (("sd", build_sd), ("sdxl", build_sdxl)):
        if names and name not in names:
            continue
        build(target / name)
        add_loras(target / name, TEXT_WIDTH)
        add_pictures(target / name)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
