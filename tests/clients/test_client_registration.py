"""The registration loop, against a farm that probes scenes as a table tells it to."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rayfarm import Client, MissingFiles, ModelInvalid, NotAModel, UsageError
from rayfarm.registration import main_of
from tests.clients.scripted_farm import FarmServer, Request


class ProbingFarm:
    """Keeps blobs and answers registrations: what a manifest lacks of ``needs`` is missing."""

    def __init__(self, server: FarmServer) -> None:
        self.blobs: dict[str, bytes] = {}
        self.manifests: list[dict[str, Any]] = []
        self.needs: dict[str, list[dict[str, Any]]] = {}
        """Manifest path → references of that file."""
        self.verdict: dict[str, Any] = {}
        server.on("POST", "/v1/blobs/lacking", self._lacking)
        server.on("PUT", "/v1/blobs/.*", self._put)
        server.on("POST", "/v1/models", self._register)
        server.on("GET", "/v1/models/m", self._read)

    def _lacking(self, request: Request) -> None:
        asked = json.loads(request.body)["digests"]
        request.json({"lacking": [digest for digest in asked if digest not in self.blobs]})

    def _put(self, request: Request) -> None:
        digest = request.path.rpartition("/")[2]
        if hashlib.sha256(request.body).hexdigest() != digest:
            request.problem(422, "digest-mismatch", "The bytes do not match.")
            return
        self.blobs[digest] = request.body
        request.json({"digest": digest, "size_bytes": len(request.body)}, 201)

    def _register(self, request: Request) -> None:
        self.manifests.append(json.loads(request.body)["manifest"])
        request.json({"id": "m", "name": "scene", "state": "probing"}, 202)

    def _read(self, request: Request) -> None:
        manifest = self.manifests[-1]
        there = {file["path"] for file in manifest["files"]}
        missing = [
            item
            for path, items in self.needs.items()
            if path in there
            for item in items
            if not self._follows(item, manifest["remap"], there)
        ]
        state = "incomplete" if missing else "ready"
        model = {"id": "m", "name": "scene", "state": state, "missing": missing, "probe": {"frame_start": 1}}
        request.json({**model, **self.verdict})

    @staticmethod
    def _follows(item: dict[str, Any], remap: dict[str, str], there: set[str]) -> bool:
        return remap.get(item["raw"], item.get("resolved")) in there and not item.get("stubborn")


@pytest.fixture
def farm(scripted: FarmServer) -> ProbingFarm:
    return ProbingFarm(scripted)


@pytest.fixture
def scene(tmp_path: Path, blend: Callable[[bytes], bytes]) -> Path:
    path = tmp_path / "scene.blend"
    path.write_bytes(blend(b"scene"))
    return path


def image(raw: str, resolved: str | None, owner_file: str = "scene.blend") -> dict[str, Any]:
    return {"raw": raw, "kind": "image", "owner": "Wood", "resolved": resolved, "owner_file": owner_file}


class TestAWholeScene:
    def test_it_is_ready_after_one_round(self, client: Client, farm: ProbingFarm, scene: Path) -> None:
        assert client.register_model(scene).state == "ready"
        assert [file["path"] for file in farm.manifests[0]["files"]] == ["scene.blend"]

    def test_its_bytes_are_sent_once_in_all(
        self, client: Client, farm: ProbingFarm, scene: Path, scripted: FarmServer
    ) -> None:
        client.register_model(scene)
        client.register_model(scene)
        assert len(scripted.requests("PUT", "/v1/blobs/.*")) == 1


class TestAFolder:
    def test_every_file_below_it_is_sent_but_what_is_hidden_or_elsewhere(
        self, client: Client, farm: ProbingFarm, scene: Path
    ) -> None:
        (scene.parent / "tex").mkdir()
        (scene.parent / "tex" / "wood.png").write_bytes(b"wood")
        (scene.parent / ".git").mkdir()
        (scene.parent / ".git" / "config").write_bytes(b"private")
        (scene.parent / "tex" / "passwd").symlink_to("/etc/passwd")
        assert client.register_model(scene.parent).state == "ready"
        assert [file["path"] for file in farm.manifests[0]["files"]] == ["scene.blend", "tex/wood.png"]
        assert farm.manifests[0]["main"] == "scene.blend"

    def test_meshes_beside_a_scene_are_no_clouds(self, client: Client, farm: ProbingFarm, scene: Path) -> None:
        (scene.parent / "bunny.ply").write_bytes(b"ply")
        client.register_model(scene.parent)
        assert farm.manifests[0]["main"] == "scene.blend"

    def test_one_with_several_scenes_asks_which(
        self, client: Client, scene: Path, scripted: FarmServer, blend: Callable[[bytes], bytes]
    ) -> None:
        (scene.parent / "other.blend").write_bytes(blend(b"other"))
        with pytest.raises(UsageError, match=r"other\.blend, scene\.blend"):
            client.register_model(scene.parent)
        assert scripted.seen == []


class TestMissingFiles:
    def test_libraries_of_libraries_are_found_round_by_round(
        self, client: Client, farm: ProbingFarm, scene: Path, blend: Callable[[bytes], bytes]
    ) -> None:
        (scene.parent / "lib").mkdir()
        (scene.parent / "lib" / "chair.blend").write_bytes(blend(b"chair"))
        (scene.parent / "lib" / "oak.png").write_bytes(b"oak")
        farm.needs = {
            "scene.blend": [image("//lib/chair.blend", "lib/chair.blend")],
            "lib/chair.blend": [image("//oak.png", "lib/oak.png", "lib/chair.blend")],
        }
        steps: list[str] = []
        assert client.register_model(scene, on_step=steps.append).state == "ready"
        assert [len(manifest["files"]) for manifest in farm.manifests] == [1, 2, 3]
        assert farm.manifests[-1]["remap"] == {}
        assert any("more file" in step for step in steps)

    def test_a_file_from_elsewhere_is_remapped(self, client: Client, farm: ProbingFarm, scene: Path) -> None:
        elsewhere = scene.parent.parent / f"{scene.parent.name}-textures"
        elsewhere.mkdir()
        (elsewhere / "wood.png").write_bytes(b"wood")
        farm.needs = {"scene.blend": [image("P:\\tex\\wood.png", None)]}
        client.register_model(scene, map=[("P:/tex", str(elsewhere))], allow=[elsewhere])
        remap = farm.manifests[-1]["remap"]
        assert list(remap) == ["P:\\tex\\wood.png"]
        assert remap["P:\\tex\\wood.png"] in {file["path"] for file in farm.manifests[-1]["files"]}

    def test_all_that_is_not_here_is_listed_at_once_and_nothing_more_is_sent(
        self, client: Client, farm: ProbingFarm, scene: Path
    ) -> None:
        (scene.parent / "here.png").write_bytes(b"here")
        farm.needs = {
            "scene.blend": [image("//here.png", "here.png"), image("//a.png", "a.png"), image("C:\\b.png", None)]
        }
        with pytest.raises(MissingFiles) as caught:
            client.register_model(scene)
        assert [file.raw for file in caught.value.files] == ["//a.png", "C:\\b.png"]
        assert all("--map" in file.remedy for file in caught.value.files)
        assert len(farm.blobs) == 1

    def test_a_file_that_the_scene_does_not_find_though_sent_ends_the_loop(
        self, client: Client, farm: ProbingFarm, scene: Path
    ) -> None:
        (scene.parent / "a.png").write_bytes(b"a")
        farm.needs = {"scene.blend": [{**image("//a.png", "a.png"), "stubborn": True}]}
        with pytest.raises(MissingFiles, match="was uploaded"):
            client.register_model(scene)
        assert farm.manifests[-1]["remap"] == {"//a.png": "a.png"}


class TestRefusedScenes:
    def test_a_text_file_named_blend_is_refused_before_a_byte_is_sent(
        self, client: Client, scripted: FarmServer, tmp_path: Path
    ) -> None:
        (tmp_path / "x.blend").write_text("not a scene")
        with pytest.raises(NotAModel):
            client.register_model(tmp_path / "x.blend")
        assert scripted.seen == []

    def test_a_truncated_scene_is_refused_before_a_byte_is_sent(
        self, client: Client, scripted: FarmServer, scene: Path
    ) -> None:
        scene.write_bytes(scene.read_bytes()[:-30])
        with pytest.raises(NotAModel):
            client.register_model(scene)
        assert scripted.seen == []

    def test_a_scene_that_is_not_there_is_told_with_its_name(self, client: Client, tmp_path: Path) -> None:
        with pytest.raises(UsageError, match=r"gone\.blend does not exist"):
            client.register_model(tmp_path / "gone.blend")

    def test_the_farms_verdict_is_passed_on_with_its_remedy(
        self, client: Client, farm: ProbingFarm, scene: Path
    ) -> None:
        farm.verdict = {"state": "invalid", "problem": {"detail": "It crashed Blender."}, "remedy": "Save it again."}
        with pytest.raises(ModelInvalid) as caught:
            client.register_model(scene)
        assert (caught.value.message, caught.value.remedy) == ("It crashed Blender.", "Save it again.")


class TestUploads:
    def test_only_what_the_farm_lacks_is_sent(self, client: Client, farm: ProbingFarm, tmp_path: Path) -> None:
        paths = [tmp_path / f"{number}.bin" for number in range(20)]
        for number, path in enumerate(paths):
            path.write_bytes(b"%d" % (number // 2) * 1000)
        farm.blobs[hashlib.sha256(b"0" * 1000).hexdigest()] = b"0" * 1000
        sent: list[int] = []
        report = client.upload(paths, on_sent=lambda count, _: sent.append(count))
        assert report.sent_files == 9  # ten contents, one known
        assert sum(sent) == report.sent_bytes
        assert [blob.path for blob in report.blobs] == paths

    def test_an_upload_that_breaks_off_is_sent_again(
        self, client: Client, farm: ProbingFarm, scripted: FarmServer, tmp_path: Path
    ) -> None:
        (tmp_path / "a.bin").write_bytes(b"a" * 300_000)
        keep = farm._put
        scripted.in_turn("PUT", "/v1/blobs/.*", lambda request: request.drop(), keep)
        client.upload([tmp_path / "a.bin"])
        assert list(farm.blobs.values()) == [b"a" * 300_000]

    def test_a_file_that_changes_while_it_is_sent_is_told(
        self, client: Client, farm: ProbingFarm, tmp_path: Path
    ) -> None:
        path = tmp_path / "a.bin"
        path.write_bytes(b"a" * 3_000_000)

        def change(_count: int, _total: int) -> None:
            path.write_bytes(b"b" * 3_000_000)

        with pytest.raises(UsageError, match="changed while"):
            client.upload([path], on_sent=change)
        assert farm.blobs == {}


@pytest.mark.parametrize(
    ("names", "main"),
    [
        (("scene.blend", "export.glb", "chair.obj", "scan.ply"), "scene.blend"),
        (("room.xml", "chair.obj", "scan.ply"), "room.xml"),
        (("scene.usda", "chair.obj"), "scene.usda"),
        (("chair.obj", "chair.mtl"), "chair.obj"),
    ],
)
def test_an_export_or_a_mesh_is_a_folders_model_only_where_no_scene_is(
    tmp_path: Path, names: tuple[str, ...], main: str
) -> None:
    for name in names:
        (tmp_path / name).touch()
    assert main_of(tmp_path).name == main
    (tmp_path / f"other-{main}").touch()
    with pytest.raises(UsageError, match="several scenes"):
        main_of(tmp_path)
