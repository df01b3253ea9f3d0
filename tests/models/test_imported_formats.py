"""The readers of scenes that Blender imports: what is whole passes, what lies is refused, noise never does worse."""

from __future__ import annotations

import json
import random
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from models.errors import ModelInvalid
from models.formats import fbx, gltf, json_text, obj, usd
from models.formats.fbx import inspect_fbx
from models.formats.gltf import inspect_gltf, read_gltf
from models.formats.obj import inspect_obj, read_obj
from models.formats.usd import inspect_usd
from models.kinds import ModelKind, check_main_file, kind_of
from tests.pipelines.imported_scenes import glb, gltf_document, write_glb, write_gltf, write_obj

FUZZ_ROUNDS = 400
"""Of each reader: some seconds together. Longer runs by hand found nothing more."""


def refused(check: Callable[[], object], words: str) -> ModelInvalid:
    with pytest.raises(ModelInvalid, match=words) as caught:
        check()
    assert caught.value.remedy
    return caught.value


def changed(folder: Path, change: Callable[[dict[str, Any]], object], **how: Any) -> Path:
    """A glTF scene whose JSON was changed."""
    document, buffer = gltf_document(**how)
    change(document)
    (folder / "scene.bin").write_bytes(buffer)
    (folder / "scene.gltf").write_text(json.dumps(document))
    return folder / "scene.gltf"


def record(name: bytes, properties: list[bytes], inner: bytes = b"", *, start: int) -> bytes:
    """One FBX record (version 7400), which lies at ``start``."""
    data = b"".join(properties)
    end = start + 13 + len(name) + len(data) + len(inner)
    return struct.pack("<IIIB", end, len(properties), len(data), len(name)) + name + data + inner


def fbx_bytes(properties: list[bytes], version: int = 7400) -> bytes:
    head = b"Kaydara FBX Binary  \x00\x1a\x00" + struct.pack("<I", version)
    child = record(b"Vertices", properties, start=27 + 13 + 7)
    return head + record(b"Objects", [], child + b"\0" * 13, start=27) + b"\0" * 13


def crate(folder: Path, *, tokens: tuple[int, int, int] = (3, 20, 12), start: int = 24, paths: int = 2) -> Path:
    """``scene.usdc``: a head, a TOKENS and a PATHS section, and the table of them."""
    names, places = struct.pack("<QQQ", *tokens) + b"\0" * 12, struct.pack("<Q", paths) + b"\0" * 8
    head = b"PXR-USDC" + bytes((0, 8, 0, 0, 0, 0, 0, 0)) + struct.pack("<q", 24 + len(names) + len(places))
    table = struct.pack("<Q16sqq", 2, b"TOKENS", start, len(names))
    table += struct.pack("<16sqq", b"PATHS", 24 + len(names), len(places))
    path = folder / "scene.usdc"
    path.write_bytes(head + names + places + table)
    return path


class TestKinds:
    def test_the_ending_says_the_kind_and_the_pipeline_is_cycles(self) -> None:
        assert [kind_of(f"a/scene.{end}") for end in ("gltf", "GLB", "obj", "usd", "usda", "usdc", "usdz", "FBX")] == [
            *(ModelKind.GLTF, ModelKind.GLTF, ModelKind.OBJ),
            *(ModelKind.USD, ModelKind.USD, ModelKind.USD, ModelKind.USD, ModelKind.FBX),
        ]
        assert {kind.pipeline for kind in (ModelKind.GLTF, ModelKind.OBJ, ModelKind.USD, ModelKind.FBX)} == {"cycles"}

    def test_a_main_file_of_another_kind_is_not_let_past_its_own_check(self, tmp_path: Path) -> None:
        (tmp_path / "scene.blend").write_text("v 0 0 0\n")
        refused(
            lambda: check_main_file(ModelKind.OBJ, tmp_path / "scene.blend"), "not the main file of a model of kind"
        )


class TestGltf:
    def test_what_it_needs_is_listed(self, tmp_path: Path) -> None:
        write_gltf(tmp_path)
        inspect_gltf(tmp_path / "scene.gltf")
        found = [(each.raw, each.path, each.kind) for each in read_gltf(tmp_path, "scene.gltf").references]
        assert found == [("scene.bin", "scene.bin", "data"), ("textures/paint.png", "textures/paint.png", "image")]
        write_glb(tmp_path)
        assert read_gltf(tmp_path, "scene.glb").references == ()

    def test_a_uri_is_decoded_and_may_go_up_inside_of_the_model(self, tmp_path: Path) -> None:
        (tmp_path / "shots").mkdir()
        write_gltf(tmp_path / "shots", image="../art/my%20paint.png")
        inspect_gltf(tmp_path / "shots" / "scene.gltf")
        assert read_gltf(tmp_path, "shots/scene.gltf").references[1].path == "art/my paint.png"

    @pytest.mark.parametrize(
        "uri",
        [
            *("../secret.bin", "a/../../secret.bin", "%2e%2e/secret.bin", "/etc/passwd", "%2Fetc%2Fpasswd"),
            *("http://host/a.bin", "file:///etc/passwd", "C:/a.bin", "a\\..\\b.bin", "a\x00b", ""),
        ],
    )
    def test_a_way_out_of_the_model_is_refused(self, tmp_path: Path, uri: str) -> None:
        write_gltf(tmp_path, image=uri)
        error = refused(lambda: read_gltf(tmp_path, "scene.gltf"), "not a path inside of the model's folder")
        assert "images" in error.message

    @pytest.mark.parametrize(
        ("change", "words"),
        [
            (lambda d: d["accessors"][0].update(count=10**9), "claims 1000000000 elements"),
            (lambda d: d["accessors"][0].update(count=-1), "no count"),
            (lambda d: d["accessors"][0].update(count=1.5), "no count"),
            (lambda d: d["bufferViews"][0].update(byteLength=10**12), "behind its buffer"),
            (lambda d: d["bufferViews"][0].update(byteOffset=2**63), "behind its buffer"),
            (lambda d: d["bufferViews"][0].update(buffer=7), "names number 7 of 1"),
            (lambda d: d["buffers"][0].update(byteLength=10**12), "has 10{12}"),
            (lambda d: d["accessors"].append({"componentType": 5126, "type": "VEC3", "count": 10**9}), "without data"),
            (lambda d: d["accessors"][0].update(type="VEC9"), "no known type"),
            (lambda d: d["nodes"].append({"children": [1]}), "own ancestors"),
            (lambda d: d["nodes"].extend([{"children": [0]}, {"children": [0]}]), "two parents"),
            (lambda d: d["nodes"][0].update(children=[99]), "names number 99 of 1"),
            (lambda d: d.update(nodes=7), "no list of objects"),
            (lambda d: d["asset"].update(version="1.0"), "version '1.0'"),
            (lambda d: d.pop("asset"), "version 'None'"),
            (lambda d: d["images"][0].pop("uri"), "no count"),
            (lambda d: d["accessors"][0].update(sparse={"count": 10**9}), "sparse"),
        ],
    )
    def test_a_claim_that_the_bytes_do_not_bear_out_is_refused(
        self, tmp_path: Path, change: Callable[[dict[str, Any]], object], words: str
    ) -> None:
        changed(tmp_path, change)
        refused(lambda: read_gltf(tmp_path, "scene.gltf"), words)

    def test_a_buffer_inside_of_the_json_must_have_its_bytes(self, tmp_path: Path) -> None:
        path = changed(tmp_path, lambda d: None, buffer="data:application/octet-stream;base64,AAAA")
        refused(lambda: inspect_gltf(path), "claims .* and has 3")

    def test_a_glb_that_is_cut_off_or_claims_more_is_refused(self, tmp_path: Path) -> None:
        data, path = write_glb(tmp_path).read_bytes(), tmp_path / "scene.glb"
        path.write_bytes(data[:-40])
        refused(lambda: inspect_gltf(path), "cut off")
        path.write_bytes(data[:12] + struct.pack("<I", 2**32 - 1) + data[16:])
        refused(lambda: inspect_gltf(path), "claims 4294967295 bytes")
        path.write_bytes(b"glTF" + struct.pack("<I", 1) + data[8:])
        refused(lambda: inspect_gltf(path), "GLB version 1")
        path.write_text("{}")
        refused(lambda: inspect_gltf(path), "not a GLB")
        path.write_bytes(glb({"asset": {"version": "2.0"}, "buffers": [{"byteLength": 10**9}]}, b""))
        refused(lambda: inspect_gltf(path), "claims 1000000000 bytes")

    def test_json_without_end_or_numbers_that_are_none_are_refused(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path = tmp_path / "scene.gltf"
        for text in ("[" * 100_000, '{"asset": NaN}', "", "[]", '{"asset": '):
            path.write_text(text)
            refused(lambda: inspect_gltf(path), "not a glTF scene")
        path.write_text('{"asset": {"version": "2.0"}, "extras": [' + "[]," * (json_text.MAX_VALUES // 2) + "[]]}")
        assert path.stat().st_size < gltf.MAX_JSON_BYTES // 4
        refused(lambda: inspect_gltf(path), "some 80000.. values; at most 8000000")
        monkeypatch.setattr(gltf, "MAX_ITEMS", 3)
        changed(tmp_path, lambda d: None)
        refused(lambda: inspect_gltf(path), "at most 3")
        monkeypatch.setattr(gltf, "MAX_JSON_BYTES", 100)
        refused(lambda: inspect_gltf(path), "at most 100")


class TestObj:
    def test_its_material_libraries_are_listed(self, tmp_path: Path) -> None:
        write_obj(tmp_path, library='"my scene.mtl"')
        assert [(each.raw, each.path) for each in read_obj(tmp_path, "scene.obj")] == [("my scene.mtl", "my scene.mtl")]

    @pytest.mark.parametrize("library", ["/etc/passwd", "../scene.mtl", "\\\n/etc/passwd", "C:\\a.mtl", "a\\b.mtl"])
    def test_a_library_outside_of_the_model_is_refused(self, tmp_path: Path, library: str) -> None:
        write_obj(tmp_path, library=library)
        refused(lambda: read_obj(tmp_path, "scene.obj"), "not a path inside of the model's folder")

    def test_what_is_no_obj_is_refused(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        path = tmp_path / "scene.obj"
        for data in (b"shopping list\n", b"v 0 0 0\n\0\0", b"\x7fELF", b"L\x01"):  # the last: a compiler's object file
            path.write_bytes(data)
            refused(lambda: inspect_obj(path), "not a Wavefront OBJ")
        path.write_bytes(b"")
        refused(lambda: inspect_obj(path), "is empty")
        path.write_text("v 0 0 0\n" + "mtllib a.mtl\n" * 300)
        refused(lambda: inspect_obj(path), "more than 256")
        monkeypatch.setattr(obj, "MAX_LIBRARY_BYTES", 10)
        write_obj(tmp_path)
        refused(lambda: read_obj(tmp_path, "scene.obj"), "more than 10 bytes")


class TestUsd:
    def test_a_crate_whose_numbers_can_be_true_passes(self, tmp_path: Path) -> None:
        inspect_usd(crate(tmp_path))

    @pytest.mark.parametrize(
        ("claims", "words"),
        [
            ({"tokens": (10**12, 20, 12)}, "claims 1000000000000 names"),
            ({"tokens": (3, 10**12, 12)}, "names"),
            ({"start": 10**9}, "TOKENS lies outside"),
            ({"start": -1}, "TOKENS lies outside"),
            ({"paths": 10**12}, "claims 1000000000000 paths"),
        ],
    )
    def test_a_claim_that_the_bytes_do_not_bear_out_is_refused(
        self, tmp_path: Path, claims: dict[str, Any], words: str
    ) -> None:
        path = crate(tmp_path, **claims)
        refused(lambda: inspect_usd(path), words)

    def test_an_ending_that_is_not_the_files_is_refused(self, tmp_path: Path) -> None:
        for name, data in (
            ("a.usdc", b"#usda 1.0\n"),
            ("a.usda", b"PXR-USDC"),
            ("a.usdz", b"#usda 1.0\n"),
            ("a.usd", b""),
        ):
            (tmp_path / name).write_bytes(data)
            refused(lambda name=name: inspect_usd(tmp_path / name), "not a USD file of that kind")  # type: ignore[misc]

    def test_a_package_holds_stored_files_that_stay_inside(self, tmp_path: Path) -> None:
        path = tmp_path / "scene.usdz"

        def package(members: dict[str, bytes], how: int = zipfile.ZIP_STORED) -> Path:
            with zipfile.ZipFile(path, "w", how) as file:
                for name, data in members.items():
                    file.writestr(name, data)
            return path

        inspect_usd(package({"scene.usda": b"#usda 1.0\n", "paint.png": b"x"}))
        bomb = package({"scene.usda": b"#usda 1.0\n" + b" " * 10**6}, zipfile.ZIP_DEFLATED)
        refused(lambda: inspect_usd(bomb), "compressed")
        refused(lambda: inspect_usd(package({"scene.usda": b"", "../../evil.png": b""})), "leads out of it")
        refused(lambda: inspect_usd(package({"readme.txt": b"", "scene.usda": b""})), "does not begin with a USD layer")
        path.write_bytes(package({"scene.usda": b"#usda 1.0\n"}).read_bytes()[:-30])
        refused(lambda: inspect_usd(path), "damaged")

    def test_a_text_too_long_to_hold_is_refused(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(usd, "MAX_TEXT_BYTES", 10)
        (tmp_path / "a.usda").write_text("#usda 1.0\n# long\n")
        refused(lambda: inspect_usd(tmp_path / "a.usda"), "at most 10")


def packed(length: int, stored: int) -> bytes:
    return b"d" + struct.pack("<III", length, 1, stored) + b"\0" * stored


class TestFbx:
    @pytest.mark.parametrize("properties", [[], [b"I\0\0\0\0", b"S\2\0\0\0ab", packed(4, 8), b"C\1"]])
    def test_a_whole_file_passes(self, tmp_path: Path, properties: list[bytes]) -> None:
        (tmp_path / "a.fbx").write_bytes(fbx_bytes(properties))
        inspect_fbx(tmp_path / "a.fbx")

    def test_a_text_file_passes_by_its_first_words(self, tmp_path: Path) -> None:
        (tmp_path / "a.fbx").write_text("; FBX 7.4.0 project file\nFBXHeaderExtension: {\n}\n")
        inspect_fbx(tmp_path / "a.fbx")

    @pytest.mark.parametrize(
        ("data", "words"),
        [
            (b"", "not an FBX file"),
            (b"hello", "not an FBX file"),
            (fbx_bytes([packed(10**9, 8)]), "claims 8000000000 bytes and has 8"),
            (fbx_bytes([b"S\xff\xff\xff\x7f"]), "ends outside of its record"),
            (fbx_bytes([b"Z"]), "no known kind"),
            (fbx_bytes([])[:-20], "cut off|ends"),
            (fbx_bytes([], version=5000), "version 5000"),
            (b"Kaydara FBX Binary  \x00", "cut off"),
        ],
    )
    def test_what_is_none_or_lies_is_refused(self, tmp_path: Path, data: bytes, words: str) -> None:
        (tmp_path / "a.fbx").write_bytes(data)
        refused(lambda: inspect_fbx(tmp_path / "a.fbx"), words)

    def test_records_without_end_and_arrays_without_bound_are_refused(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path = tmp_path / "a.fbx"
        path.write_bytes(fbx_bytes([packed(40, 8), b"C\1", b"C\1", b"C\1"]))
        for name, limit, words in (
            ("MAX_DEPTH", 1, "inside each other"),
            ("MAX_RECORDS", 1, "more than 1 records"),
            ("MAX_PROPERTIES", 3, "more than 3 properties"),
            ("MAX_UNPACKED_BYTES", 100, "unpacks to more"),
        ):
            with monkeypatch.context() as patch:
                patch.setattr(fbx, name, limit)
                refused(lambda: inspect_fbx(path), words)


@pytest.mark.parametrize("name", ["scene.gltf", "scene.glb", "scene.obj", "scene.usdc", "scene.usdz", "scene.fbx"])
def test_noise_is_refused_in_words_or_passes_and_nothing_else_happens(tmp_path: Path, name: str) -> None:
    write_gltf(tmp_path)
    write_glb(tmp_path)
    write_obj(tmp_path)
    crate(tmp_path)
    (tmp_path / "scene.fbx").write_bytes(fbx_bytes([b"I\0\0\0\0", b"S\2\0\0\0ab", packed(4, 8)]))
    with zipfile.ZipFile(tmp_path / "scene.usdz", "w") as package:
        package.writestr("scene.usda", "#usda 1.0\n")
    original = (tmp_path / name).read_bytes()
    choose = random.Random(4711)
    outcomes = set()
    for _ in range(FUZZ_ROUNDS):
        data = bytearray(original[: choose.randrange(1, len(original))] if choose.random() < 0.2 else original)
        for _ in range(choose.randrange(1, 8)):
            place = choose.randrange(len(data))
            data[place : place + choose.choice((0, 1, 1, 4))] = choose.randbytes(choose.choice((1, 1, 4)))
        (tmp_path / name).write_bytes(data)
        try:
            check_main_file(kind_of(name), tmp_path / name)
            if name.startswith("scene.gl"):
                read_gltf(tmp_path, name)
            outcomes.add("passed")
        except ModelInvalid as error:
            outcomes.add("refused" if error.remedy else "refused without a remedy")
    assert outcomes in ({"refused"}, {"refused", "passed"})
