"""Which local file a scene's reference means, and which are never touched."""

from __future__ import annotations

from pathlib import Path

import pytest

from rayfarm import MissingFile
from rayfarm.locating import Located, Locator


@pytest.fixture
def scene(tmp_path: Path) -> Path:
    return write(tmp_path / "show" / "scene.blend")


def write(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x")
    return path


def located(locator: Locator, raw: str, *, owner: Path | None = None, **more: object) -> Located:
    found = locator.locate({"raw": raw, "kind": "image", "owner": "Wood", **more}, owner=owner)
    assert isinstance(found, Located), found
    return found


def refused(locator: Locator, raw: str) -> MissingFile:
    found = locator.locate({"raw": raw, "kind": "image", "owner": "Wood"})
    assert isinstance(found, MissingFile), found
    return found


class TestInTheScenesFolder:
    def test_a_relative_reference_keeps_its_place_and_needs_no_remapping(self, scene: Path) -> None:
        texture = write(scene.parent / "textures" / "wood.png")
        found = located(Locator(scene=scene), "//textures/wood.png", resolved="textures/wood.png")
        assert (found.files, found.target, found.is_plain) == (
            {"textures/wood.png": texture},
            "textures/wood.png",
            True,
        )

    def test_backslashes_and_another_case_are_understood_and_put_where_the_engine_looks(self, scene: Path) -> None:
        texture = write(scene.parent / "textures" / "Wood.PNG")
        found = located(Locator(scene=scene), "//Textures\\wood.png", resolved="Textures/wood.png")
        assert (found.files, found.is_plain) == ({"Textures/wood.png": texture}, True)

    def test_an_absolute_reference_into_the_folder_is_taken_and_remapped(self, scene: Path) -> None:
        texture = write(scene.parent / "wood.png")
        found = located(Locator(scene=scene), str(texture))
        assert (found.target, found.is_plain) == ("wood.png", False)

    def test_a_librarys_reference_starts_in_the_librarys_folder(self, scene: Path) -> None:
        write(scene.parent / "wood.png")
        inner = write(scene.parent / "lib" / "wood.png")
        found = located(Locator(scene=scene), "//wood.png", owner=inner.parent / "chair.blend", resolved="lib/wood.png")
        assert (found.files, found.is_plain) == ({"lib/wood.png": inner}, True)

    def test_all_tiles_of_an_image_are_taken(self, scene: Path) -> None:
        for tile in (1001, 1002):
            write(scene.parent / f"wood.{tile}.png")
        write(scene.parent / "wood.preview.png")
        found = located(Locator(scene=scene), "//wood.<UDIM>.png", resolved="wood.<UDIM>.png")
        assert sorted(found.files) == ["wood.1001.png", "wood.1002.png"]
        assert found.target == "wood.<UDIM>.png"

    def test_all_pictures_of_a_sequence_are_taken(self, scene: Path) -> None:
        for number in range(1, 4):
            write(scene.parent / "plate" / f"p_{number:04}.png")
        write(scene.parent / "plate" / "other_0001.png")
        found = located(Locator(scene=scene), "//plate/p_0001.png", sequence=True, resolved="plate/p_0001.png")
        assert len(found.files) == 3
        assert found.target == "plate/p_0001.png"

    def test_a_cache_folder_is_taken_whole(self, scene: Path) -> None:
        write(scene.parent / "cache" / "data" / "f_0001.vdb")
        found = located(Locator(scene=scene), "//cache", kind="cache", folder=True, resolved="cache")
        assert (list(found.files), found.target) == (["cache/data/f_0001.vdb"], "cache")


class TestOutsideTheScenesFolder:
    @pytest.mark.parametrize("form", ["//../shared/wood.png", "{absolute}", "//link/wood.png"])
    def test_nothing_is_taken_without_leave(self, scene: Path, form: str) -> None:
        outside = write(scene.parent.parent / "shared" / "wood.png")
        (scene.parent / "link").symlink_to(outside.parent)
        missing = refused(Locator(scene=scene), form.format(absolute=outside))
        assert "outside" in missing.problem
        assert "--allow" in missing.remedy

    def test_with_leave_it_gets_a_place_of_its_own_in_the_manifest(self, scene: Path) -> None:
        outside = write(scene.parent.parent / "shared" / "wood.png")
        locator = Locator(scene=scene, allow=[outside.parent])
        found = located(locator, "//../shared/wood.png")
        assert list(found.files.values()) == [outside] or next(iter(found.files.values())).samefile(outside)
        assert found.target.startswith("external/")
        assert ".." not in found.target
        assert not found.is_plain

    def test_a_library_from_elsewhere_brings_its_own_files_to_its_own_place(self, scene: Path) -> None:
        library = write(scene.parent.parent / "kit" / "chair.blend")
        oak = write(library.parent / "tex" / "oak.png")
        found = located(
            Locator(scene=scene, allow=[library.parent]),
            "//tex/oak.png",
            owner=library,
            resolved="external/abc/tex/oak.png",
        )
        assert (found.files, found.is_plain) == ({"external/abc/tex/oak.png": oak}, True)

    def test_a_folder_is_taken_only_where_the_scene_may_name_one(self, scene: Path) -> None:
        refused(Locator(scene=scene), "//.")

    def test_two_files_of_one_name_do_not_meet(self, scene: Path) -> None:
        one, two = (write(scene.parent.parent / name / "wood.png") for name in ("a", "b"))
        locator = Locator(scene=scene, allow=[one.parent, two.parent])
        assert located(locator, str(one)).target != located(locator, str(two)).target

    def test_a_mapped_windows_path_is_found_whatever_its_case(self, scene: Path) -> None:
        write(scene.parent / "tex" / "wood.png")
        locator = Locator(scene=scene, mappings=[("P:\\Show\\textures", str(scene.parent / "tex"))])
        assert located(locator, "p:\\show\\Textures\\wood.png").target == "tex/wood.png"

    def test_a_mapping_does_not_fit_half_a_name(self, scene: Path) -> None:
        write(scene.parent / "tex" / "x" / "wood.png")
        locator = Locator(scene=scene, mappings=[("P:/tex", str(scene.parent / "tex"))])
        refused(locator, "P:/textures/wood.png")

    def test_a_mapping_does_not_lead_out_of_its_folder_without_leave(self, scene: Path) -> None:
        write(scene.parent.parent / "secret.png")
        locator = Locator(scene=scene, mappings=[("P:/", str(scene.parent))])
        assert "outside" in refused(locator, "P:/../secret.png").problem


def test_a_file_that_is_nowhere_is_told_with_where_it_was_looked_for(scene: Path) -> None:
    missing = refused(Locator(scene=scene), "//textures/wood.png")
    assert str(scene.parent / "textures" / "wood.png") in missing.problem
    assert "--map //textures=FOLDER" in missing.remedy


def test_a_windows_path_without_a_mapping_says_how_to_map_it(scene: Path) -> None:
    assert "--map P:/tex=FOLDER" in refused(Locator(scene=scene), "P:\\tex\\wood.png").remedy


@pytest.mark.parametrize("raw", ["", "a\0b", "//" + "x" * 5000])
def test_odd_references_are_missing_files_and_no_crash(scene: Path, raw: str) -> None:
    refused(Locator(scene=scene), raw)
