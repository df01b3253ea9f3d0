"""Writes tiny diffusion pipelines with random weights of a fixed seed (noise, not art), LoRAs and a picture.

Run as a script of its own, `build_diffusion.py TARGET [NAME …]`: it imports torch. Layout of the target: `sd/` and
`sdxl/`, or those named (each a whole model: weights, `loras/`, `pictures/`).
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import torch
from diffusers import (
    AutoencoderKL,
    PNDMScheduler,
    StableDiffusionPipeline,
    StableDiffusionXLPipeline,
    UNet2DConditionModel,
)
from PIL import Image
from safetensors.torch import save_file
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection, CLIPTokenizer

SEED = 20
TEXT_WIDTH = 32
LORA_RANK = 4
ATTENTION = "down_blocks.1.attentions.0.transformer_blocks.0.attn2.to_q"


def tokenizer(folder: Path) -> CLIPTokenizer:
    """Byte by byte: a vocabulary without a single merge."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in printable]
    symbols = [chr(byte) for byte in printable] + [chr(256 + number) for number in range(len(others))]
    words = [*symbols, *(f"{symbol}</w>" for symbol in symbols), "<|startoftext|>", "<|endoftext|>"]
    folder.mkdir(parents=True)
    (folder / "vocab.json").write_text(json.dumps({word: number for number, word in enumerate(words)}))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    made = CLIPTokenizer(str(folder / "vocab.json"), str(folder / "merges.txt"), model_max_length=77)
    return made


def text_config() -> CLIPTextConfig:
    return CLIPTextConfig(
        vocab_size=514,
        hidden_size=TEXT_WIDTH,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        max_position_embeddings=77,
        projection_dim=TEXT_WIDTH,
        bos_token_id=512,
        eos_token_id=513,
        pad_token_id=513,
    )


def vae() -> AutoencoderKL:
    return AutoencoderKL(
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        block_out_channels=(8, 16, 16, 16),
        norm_num_groups=8,
        latent_channels=4,
        sample_size=64,
    )


def unet(**more: object) -> UNet2DConditionModel:
    return UNet2DConditionModel(
        sample_size=8,
        block_out_channels=(32, 64),
        layers_per_block=1,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        attention_head_dim=8,
        norm_num_groups=8,
        **more,
    )


def scheduler() -> PNDMScheduler:
    return PNDMScheduler(
        beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", skip_prk_steps=True, steps_offset=1
    )


def build_sd(folder: Path) -> None:
    torch.manual_seed(SEED)
    StableDiffusionPipeline(
        unet=unet(cross_attention_dim=TEXT_WIDTH),
        vae=vae(),
        text_encoder=CLIPTextModel(text_config()),
        tokenizer=tokenizer(folder / "made-tokenizer"),
        scheduler=scheduler(),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    ).save_pretrained(folder)


def build_sdxl(folder: Path) -> None:
    torch.manual_seed(SEED)
    made = tokenizer(folder / "made-tokenizer")
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
        for path in (target / name / "made-tokenizer").iterdir():
            path.unlink()
        (target / name / "made-tokenizer").rmdir()
        add_loras(target / name, TEXT_WIDTH)
        add_pictures(target / name)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
