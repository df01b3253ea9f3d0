"""Folders of diffusion weights are read by their headers: no pickle, no code and no foreign class gets further."""

from __future__ import annotations

import json
import pickle
import struct
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.errors import ModelInvalid
from models.formats.diffusion import MAX_CONFIG_BYTES, Family, inspect_folder, inspect_index
from models.formats.safetensors import MAX_HEADER_BYTES, inspect_safetensors
from models.kinds import ModelKind, check_main_file, kind_of

INDEX: dict[str, Any] = {
    "_class_name": "StableDiffusionPipeline",
    "_diffusers_version": "0.42.1",
    "feature_extractor": ["transformers", "CLIPImageProcessor"],
    "image_encoder": [None, None],
    "requires_safety_checker": True,
    "safety_checker": ["stable_diffusion", "StableDiffusionSafetyChecker"],
    "scheduler": ["diffusers", "PNDMScheduler"],
    "text_encoder": ["transformers", "CLIPTextModel"],
    "tokenizer": ["transformers", "CLIPTokenizer"],
    "unet": ["diffusers", "UNet2DConditionModel"],
    "vae": ["diffusers", "AutoencoderKL"],
}
"""As the first Stable Diffusion was published."""


def safetensors(
    tensors: dict[str, Any] | None = None, data: bytes = b"\0" * 16, *, length: int | None = None, text: bytes = b""
) -> bytes:
    described = tensors if tensors is not None else {"w": {"dtype": "F32", "shape": [2, 2], "data_offsets": [0, 16]}}
    header = text or json.dumps(described).encode()
    return struct.pack("<Q", len(header) if length is None else length) + header + data


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Sound as far as headers tell."""
    root = tmp_path / "model"
    for name in ("unet", "vae", "text_encoder", "tokenizer", "scheduler"):
        (root / name).mkdir(parents=True)
        (root / name / "config.json").write_text("{}")
    for name in ("unet/diffusion_pytorch_model", "vae/diffusion_pytorch_model", "text_encoder/model"):
        (root / f"{name}.safetensors").write_bytes(safetensors())
    (root / "model_index.json").write_text(json.dumps(INDEX))
    return root


def with_index(folder: Path, **changes: Any) -> Path:
    path = folder / "model_index.json"
    path.write_text(json.dumps({key: value for key, value in (INDEX | changes).items() if value != "absent"}))
    return path


class TestSafetensors:
    def test_a_sound_header_names_its_tensors(self, tmp_path: Path) -> None:
        path = tmp_path / "w.safetensors"
        path.write_bytes(safetensors({"__metadata__": {"format": "pt"}, **json.loads(safetensors()[8:-16])}))
        found = inspect_safetensors(path)
        assert found.data_bytes == 16
        assert found.tensors["w"].shape == (2, 2)

    @pytest.mark.parametrize("head", [pickle.dumps({"w": 1}, 2), pickle.dumps([1] * 9, 5), b"PK\x03\x04" + b"\0" * 60])
    def test_a_pickle_by_the_name_of_safetensors_is_refused_as_what_it_is(self, tmp_path: Path, head: bytes) -> None:
        path = tmp_path / "w.safetensors"
        path.write_bytes(head)
        with pytest.raises(ModelInvalid, match="is a pickle, which can run code"):
            inspect_safetensors(path)

    @pytest.mark.parametrize(
        ("data", "words"),
        [
            (b"", "says that its header"),
            (b"\x05\0\0", "says that its header"),
            (safetensors(length=2**63), "9,223,372,036,854,775,808 bytes"),
            (safetensors(length=MAX_HEADER_BYTES + 1), "says that its header"),
            (safetensors(text=b"[1, 2]"), "not a table"),
            (safetensors(text=b"{" * 400), "not JSON"),
            (safetensors(text=b"[" * 100_000), "not JSON"),
            (safetensors({}), "holds 0 tensors"),
            (safetensors({"w": {"dtype": "F32", "shape": [2, 2]}}), "not described by"),
            (safetensors({"w": {"dtype": "X9", "shape": [4], "data_offsets": [0, 16]}}), "unknown type 'X9'"),
            (safetensors({"w": {"dtype": "F32", "shape": [-4], "data_offsets": [0, 16]}}), "no valid shape"),
            (safetensors({"w": {"dtype": "F32", "shape": [True] * 4, "data_offsets": [0, 16]}}), "no valid shape"),
            (safetensors({"w": {"dtype": "F32", "shape": [1] * 17, "data_offsets": [0, 4]}}), "no valid shape"),
            (safetensors({"w": {"dtype": "F32", "shape": [8], "data_offsets": [0, 32]}}), "outside the file"),
            (safetensors({"w": {"dtype": "F32", "shape": [4], "data_offsets": [16, 0]}}), "outside the file"),
            (safetensors({"w": {"dtype": "F32", "shape": [10**9, 10**9], "data_offsets": [0, 16]}}), "its shape says"),
            (safetensors({"w": {"dtype": "F32", "shape": [2], "data_offsets": [8, 16]}}), "overlap or leave holes"),
            (safetensors({"w": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}), "end at 8 of 16"),
            (safetensors({n: {"dtype": "F32", "shape": [4], "data_offsets": [0, 16]} for n in "ab"}), "overlap"),
            (safetensors(text=b'{"w": {}, "w": {}}'), "not JSON"),
            (safetensors({"__metadata__": {"a": 1}}), "metadata"),
        ],
    )
    def test_a_header_that_lies_is_refused(self, tmp_path: Path, data: bytes, words: str) -> None:
        path = tmp_path / "w.safetensors"
        path.write_bytes(data)
        with pytest.raises(ModelInvalid, match=words):
            inspect_safetensors(path)

    @settings(max_examples=300, deadline=None)
    @given(at=st.integers(0, 90), byte=st.integers(0, 255), cut=st.integers(0, 90))
    def test_no_damage_ends_in_anything_but_a_refusal(
        self, tmp_path_factory: pytest.TempPathFactory, at: int, byte: int, cut: int
    ) -> None:
        data = bytearray(safetensors())
        data[at % len(data)] = byte
        path = tmp_path_factory.getbasetemp() / "fuzzed.safetensors"
        path.write_bytes(data[: len(data) - cut % 40] if cut % 2 else data)
        try:
            found = inspect_safetensors(path)
        except ModelInvalid:
            return
        assert found.data_bytes == 16  # the damage fell into a name or into the data


class TestIndex:
    def test_published_folders_pass(self, folder: Path) -> None:
        found = inspect_folder(folder, "model_index.json")
        assert found.index.family is Family.SD
        assert set(found.index.components) == {"unet", "vae", "text_encoder", "tokenizer", "scheduler"}
        assert (found.folder, found.half, found.loras) == ("", False, ())

    @pytest.mark.parametrize(
        ("changes", "words"),
        [
            ({"_class_name": "FluxPipeline"}, "names the pipeline 'FluxPipeline'"),
            ({"_class_name": ["my_module", "Mine"]}, "which this farm does not run"),
            ({"unet": ["my_module", "UNet2DConditionModel"]}, "wants unet to be"),
            ({"unet": ["diffusers", "OnnxRuntimeModel"]}, "wants unet to be"),
            ({"unet": "os.system"}, "wants unet to be"),
            ({"unet": [["diffusers"], "UNet2DConditionModel"]}, "wants unet to be"),
            ({"scheduler": ["diffusers", "LMSDiscreteScheduler"]}, "wants scheduler to be"),
            ({"safety_checker": ["my_checker", "Checker"]}, "wants safety_checker to be"),
            ({"custom_pipeline": "clip_guided"}, "has the entry 'custom_pipeline'"),
            ({"controlnet": ["diffusers", "ControlNetModel"]}, "has the entry 'controlnet'"),
            ({"trust_remote_code": True}, "has the entry 'trust_remote_code'"),
            ({"vae": "absent"}, "names no vae"),
            ({"text_encoder": [None, None]}, "names no text_encoder"),
            ({"_class_name": "StableDiffusionXLPipeline"}, "names no text_encoder_2, tokenizer_2"),
        ],
    )
    def test_a_class_that_is_not_on_the_list_is_named_and_refused(
        self, folder: Path, changes: dict[str, Any], words: str
    ) -> None:
        with pytest.raises(ModelInvalid, match=words):
            check_main_file(ModelKind.DIFFUSION, with_index(folder, **changes))

    @pytest.mark.parametrize(
        ("text", "words"),
        [
            (b"", "not JSON"),
            (b"[]", "not a table"),
            (b"[" * 200_000, "not JSON"),
            (b'{"a": "' + b"x" * MAX_CONFIG_BYTES + b'"}', "larger than 1024 KiB"),
            (pickle.dumps({}), "is a pickle"),
        ],
    )
    def test_what_is_no_index_is_refused(self, tmp_path: Path, text: bytes, words: str) -> None:
        path = tmp_path / "model_index.json"
        path.write_bytes(text)
        with pytest.raises(ModelInvalid, match=words):
            inspect_index(path)

    def test_the_name_of_the_main_file_tells_the_kind(self) -> None:
        assert kind_of("model_index.json") is ModelKind.DIFFUSION


class TestFolder:
    @pytest.mark.parametrize(
        ("name", "content", "words"),
        [
            ("unet/diffusion_pytorch_model.bin", pickle.dumps({}), "unet/diffusion_pytorch_model.bin is a pickle"),
            ("old.ckpt", b"any", "old.ckpt is a pickle"),
            ("embedding.pt", b"PK\x03\x04", "embedding.pt is a pickle"),
            ("loras/style.safetensors", pickle.dumps({"w": 1}), "loras/style.safetensors is a pickle"),
            ("README.md", pickle.dumps({"w": 1}), "README.md is a pickle"),
            ("pipeline.py", b"print(1)", "pipeline.py is code"),
            ("unet/model.onnx", b"\x08\x07", "no kind of file"),
            ("unet/config.json", b'{"auto_map": {"AutoModel": "m.M"}}', "asks for code of its own .auto_map."),
            ("tokenizer/tokenizer_config.json", b'{"auto_map": {"A": "m.M"}}', "asks for code of its own"),
            ("unet/config.json", b'{"quantization_config": {"bits": 4}}', "quantized"),
            ("text_encoder/config.json", b'{"transformers_weights": "other.safetensors"}', "names weights of its own"),
            ("text_encoder/adapter_config.json", b'{"base_model_name_or_path": "/"}', "belongs to an adapter"),
            ("unet/diffusion_pytorch_model.safetensors.index.json", b'{"weight_map": {"a": "../x"}}', "both there"),
            ("unet/diffusion_pytorch_model.safetensors", b"\x01", "not a whole safetensors file"),
        ],
    )
    def test_a_file_that_has_no_place_is_named_and_refused(
        self, folder: Path, name: str, content: bytes, words: str
    ) -> None:
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(content)
        with pytest.raises(ModelInvalid, match=words):
            inspect_folder(folder, "model_index.json")

    def test_weights_that_are_absent_are_named(self, folder: Path) -> None:
        (folder / "vae" / "diffusion_pytorch_model.safetensors").unlink()
        with pytest.raises(ModelInvalid, match=r"no weights vae/diffusion_pytorch_model\.safetensors"):
            inspect_folder(folder, "model_index.json")

    def test_16_bit_copies_are_taken_where_there_are_no_others_but_never_mixed(self, folder: Path) -> None:
        weights = sorted(folder.rglob("*.safetensors"))
        weights[0].rename(weights[0].with_suffix(".fp16.safetensors"))
        with pytest.raises(ModelInvalid, match="only as fp16"):
            inspect_folder(folder, "model_index.json")
        for path in weights[1:]:
            path.rename(path.with_suffix(".fp16.safetensors"))
        assert inspect_folder(folder, "model_index.json").half

    @pytest.mark.parametrize("place", ["../../../etc/passwd", "part-2.safetensors", "config.json"])
    def test_a_list_of_shards_may_name_only_files_beside_it(self, folder: Path, place: str) -> None:
        single = folder / "unet" / "diffusion_pytorch_model.safetensors"
        single.rename(single.with_name("part-1.safetensors"))
        listed = single.with_name("diffusion_pytorch_model.safetensors.index.json")
        listed.write_text(json.dumps({"weight_map": {"a": "part-1.safetensors"}}))
        assert inspect_folder(folder, "model_index.json").weight_bytes > 0
        listed.write_text(json.dumps({"weight_map": {"a": "part-1.safetensors", "b": place}}))
        with pytest.raises(ModelInvalid, match="no safetensors file beside it"):
            inspect_folder(folder, "model_index.json")

    def test_a_folder_below_the_top_is_found_and_loras_and_pictures_are_listed(self, folder: Path) -> None:
        root = folder.parent / "whole"
        root.mkdir()
        folder.rename(root / "sd")
        (root / "style.safetensors").write_bytes(safetensors())
        (root / "plate.png").write_bytes(b"\x89PNG")
        found = inspect_folder(root, "sd/model_index.json")
        assert (found.folder, found.loras, found.pictures) == ("sd", ("style.safetensors",), ("plate.png",))
