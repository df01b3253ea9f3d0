"""How a scene's files are laid out for the farm, held against the farm's own reading of references."""

from __future__ import annotations

from pathlib import Path

import pytest

from models.manifest import Manifest
from models.references import FileIndex
from rayfarm_addon.farm.errors import SceneProblem
from rayfarm_addon.farm.gathering import Bundle, Reference, gather


def written(*paths: Path) -> None:
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(path.name.encode())


def reference(raw: str, path: Path, **others: object) -> Reference:
    return Reference(raw=raw, path=path, kind="image", owner="Wood", **others)  # type: ignore[arg-type]


def read_by_the_farm(bundle: Bundle) -> FileIndex:
    """As the farm will look for references; the manifest is one that it takes."""
    files = [{"path": path, "digest": "0" * 64, "size_bytes": 1} for path in bundle.files]
    manifest = Manifest.model_validate({"kind": "blender", "main": bundle.main, "files": files, "remap": bundle.remap})
    return FileIndex.of((file.path for file in manifest.files), manifest.remap)


@pytest.fixture
def show(tmp_path: Path) -> Path:
    folder = tmp_path / "show"
    written(folder / "shots" / "shot.blend", folder / "copy.blend")
    return folder


def gathered(show: Path, *references: Reference, allowed: tuple[Path, ...] = ()) -> Bundle:
    scene = show / "shots" / "shot.blend"
    return gather(show / "copy.blend", scene=scene, references=references, allowed=(show, *allowed))


def test_what_lies_beside_the_scene_stays_beside_it(show: Path) -> None:
    written(show / "shots" / "tex" / "wood.png")
    bundle = gathered(show, reference("//tex/wood.png", show / "shots/tex/wood.png"))
    assert bundle.main == "shot.blend"
    assert bundle.remap == {}
    assert read_by_the_farm(bundle).target("//tex/wood.png", base_file=bundle.main) == "tex/wood.png"


def test_a_relative_reference_out_of_the_folder_lifts_the_root_and_needs_no_mapping(show: Path) -> None:
    written(show / "assets" / "ape.blend", show / "maps" / "fur.png")
    library = show / "assets/ape.blend"
    bundle = gathered(
        show,
        reference("//..\\assets\\ape.blend", library),
        reference("//../maps/fur.png", show / "maps/fur.png", owner_file=library),
    )
    assert bundle.main == "shots/shot.blend"
    assert bundle.remap == {}
    farm = read_by_the_farm(bundle)
    assert farm.target("//..\\assets\\ape.blend", base_file=bundle.main) == "assets/ape.blend"
    assert farm.target("//../maps/fur.png", base_file="assets/ape.blend") == "maps/fur.png"
    assert set(bundle.files) == {"shots/shot.blend", "assets/ape.blend", "maps/fur.png"}


def test_an_absolute_library_from_elsewhere_keeps_its_tree_so_that_its_own_textures_are_found(
    show: Path, tmp_path: Path
) -> None:
    library, texture = tmp_path / "store" / "lib" / "ape.blend", tmp_path / "store" / "maps" / "fur.png"
    written(library, texture)
    bundle = gathered(
        show,
        reference(str(library), library),
        reference("//../maps/fur.png", texture, owner_file=library),
        allowed=(tmp_path,),
    )
    assert bundle.main == "shot.blend"  # an absolute reference lifts no root
    farm = read_by_the_farm(bundle)
    place = farm.target(str(library), base_file=bundle.main)
    assert place is not None
    assert bundle.files[place] == library
    beside = farm.target("//../maps/fur.png", base_file=place)
    assert beside is not None
    assert bundle.files[beside] == texture


def test_an_absolute_reference_into_the_folder_is_mapped_to_its_place_there(show: Path) -> None:
    texture = show / "shots" / "wood.png"
    written(texture)
    bundle = gathered(show, reference(str(texture), texture))
    assert bundle.remap == {str(texture): "wood.png"}
    assert read_by_the_farm(bundle).holds("wood.png")


def test_tiles_sequences_and_cache_folders_go_whole(show: Path) -> None:
    shots = show / "shots"
    written(shots / "skin.1001.png", shots / "skin.1002.png", shots / "skin.txt")
    written(shots / "plate_0001.exr", shots / "plate_0002.exr", shots / "plate_x.exr")
    written(shots / "cache" / "a.vdb", shots / "cache" / "deep" / "b.vdb")
    bundle = gathered(
        show,
        reference("//skin.<UDIM>.png", shots / "skin.<UDIM>.png"),
        reference("//plate_0001.exr", shots / "plate_0001.exr", sequence=True),
        reference("//cache", shots / "cache", folder=True),
    )
    assert set(bundle.files) == {
        *("shot.blend", "skin.1001.png", "skin.1002.png", "plate_0001.exr", "plate_0002.exr"),
        *("cache/a.vdb", "cache/deep/b.vdb"),
    }
    farm = read_by_the_farm(bundle)
    assert farm.holds("skin.<UDIM>.png")
    assert farm.holds("plate_0001.exr", sequence=True)
    assert farm.holds("cache", folder=True)


def test_an_absolute_tiled_name_and_an_absolute_folder_are_mapped_as_such(show: Path, tmp_path: Path) -> None:
    store = tmp_path / "store"
    written(store / "skin.1001.png", store / "cache" / "a.vdb")
    tiles, folder = str(store / "skin.<UDIM>.png"), str(store / "cache")
    bundle = gathered(
        show, reference(tiles, Path(tiles)), reference(folder, Path(folder), folder=True), allowed=(tmp_path,)
    )
    farm = read_by_the_farm(bundle)
    assert farm.holds(bundle.remap[tiles])
    assert farm.holds(bundle.remap[folder], folder=True)


def test_all_that_is_missing_is_told_at_once_and_what_frames_do_not_need_is_left_out(show: Path) -> None:
    gone = [reference(f"//{name}.png", show / "shots" / f"{name}.png") for name in ("a", "b")]
    with pytest.raises(SceneProblem) as caught:
        gathered(show, *gone, reference("//c.wav", show / "shots/c.wav", required=False))
    assert len(caught.value.details) == 2
    assert "2 files" in caught.value.message
    assert gathered(show, reference("//c.wav", show / "shots/c.wav", required=False)).files.keys() == {"shot.blend"}


def test_a_link_that_leads_out_of_the_folder_is_not_followed_unasked(show: Path, tmp_path: Path) -> None:
    secret = tmp_path / "home" / "id_rsa"
    written(secret)
    (show / "shots" / "wood.png").symlink_to(secret)
    wood = reference("//wood.png", show / "shots/wood.png")
    with pytest.raises(SceneProblem) as caught:
        gathered(show, wood)
    assert caught.value.outside == (str(secret.parent.resolve()),)
    bundle = gathered(show, wood, allowed=(secret.parent,))
    assert bundle.files["wood.png"].read_bytes() == b"id_rsa"


def test_one_file_under_two_spellings_is_sent_once(show: Path) -> None:
    written(show / "shots" / "wood.png", show / "shots" / "WOOD.png")
    bundle = gathered(
        show,
        reference("//wood.png", show / "shots/wood.png"),
        reference("//WOOD.png", show / "shots/WOOD.png"),
    )
    assert set(bundle.files) == {"shot.blend", "wood.png"}
    assert read_by_the_farm(bundle).target("//WOOD.png", base_file=bundle.main) == "wood.png"


def test_a_scene_that_was_never_saved_takes_what_it_refers_to_from_allowed_folders(tmp_path: Path) -> None:
    texture, copy = tmp_path / "maps" / "wood.png", tmp_path / "temp" / "untitled.blend"
    written(texture, copy)
    bundle = gather(copy, scene=None, references=[reference(str(texture), texture)], allowed=[texture.parent])
    assert bundle.main == "untitled.blend"
    assert bundle.files[bundle.remap[str(texture)]] == texture
    read_by_the_farm(bundle)
