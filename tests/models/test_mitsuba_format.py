"""A Mitsuba scene is read into a tree of its own: parameters put in, includes in place, every file named."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import tostring

import pytest

from models.errors import ModelInvalid
from models.formats.mitsuba_xml import read_mitsuba

REPOSITORY = Path(__file__).resolve().parents[2]


def write(folder: Path, name: str, body: str, *, version: str = "3.0.0") -> str:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f'<scene version="{version}">{body}</scene>')
    return name


def bitmap(path: str) -> str:
    return f'<bsdf type="diffuse"><texture type="bitmap"><string name="filename" value="{path}"/></texture></bsdf>'


class TestTree:
    def test_the_sample_scene_is_read_whole(self) -> None:
        scene = read_mitsuba(REPOSITORY / "examples", "cornell.xml")
        assert list(scene.cameras()) == ["front"]
        integrator = scene.integrator()
        assert integrator is not None
        assert integrator.get("type") == "path"
        assert scene.references == []
        assert b"$" not in tostring(scene.root)

    def test_parameters_are_put_in_the_longest_name_first_and_the_first_value_wins(self, tmp_path: Path) -> None:
        write(
            tmp_path,
            "a.xml",
            '<default name="n" value="1"/><default name="name" value="wood$n"/><default name="n" value="9"/>'
            '<shape type="sphere" id="$name-$n"/>',
        )
        shape = read_mitsuba(tmp_path, "a.xml").root.find("shape")
        assert shape is not None
        assert shape.get("id") == "wood1-1"

    def test_a_parameter_without_a_value_is_named(self, tmp_path: Path) -> None:
        write(tmp_path, "a.xml", '<shape type="sphere" id="$nobody"/>')
        with pytest.raises(ModelInvalid, match=r"\$nobody"):
            read_mitsuba(tmp_path, "a.xml")

    def test_an_included_file_stands_in_its_place_with_the_parameters_of_the_scene(self, tmp_path: Path) -> None:
        write(tmp_path, "a.xml", '<default name="k" value="7"/><include filename="parts/b.xml"/>')
        write(tmp_path, "parts/b.xml", '<shape type="sphere" id="ball$k"/><include filename="parts/c.xml"/>')
        (tmp_path / "parts" / "c.xml").write_text('<shape type="cube" id="box"/>')
        shapes = read_mitsuba(tmp_path, "a.xml").root.findall("shape")
        assert [shape.get("id") for shape in shapes] == ["ball7", "box"]

    def test_an_old_scene_is_refused_with_the_way_to_convert_it(self, tmp_path: Path) -> None:
        write(tmp_path, "a.xml", "", version="0.6.0")
        with pytest.raises(ModelInvalid, match=r"version 0\.6\.0") as refused:
            read_mitsuba(tmp_path, "a.xml")
        assert "Mitsuba 3" in (refused.value.remedy or "")

    @pytest.mark.parametrize(
        ("body", "words"),
        [
            ('<shape type="teapot"/>', "teapot"),
            ('<shape type="sphere" colour="red"/>', "colour"),
            ('<object type="sphere"/>', "<object>"),
            ('<bsdf type="sphere"/>', "sphere"),
        ],
    )
    def test_what_mitsuba_does_not_have_is_named(self, tmp_path: Path, body: str, words: str) -> None:
        write(tmp_path, "a.xml", body)
        with pytest.raises(ModelInvalid, match=words):
            read_mitsuba(tmp_path, "a.xml")


class TestFiles:
    def test_every_file_is_listed_once_with_its_place_and_its_user(self, tmp_path: Path) -> None:
        body = bitmap("t/wood.png") + bitmap("t/wood.png")
        body += '<shape type="obj"><string name="filename" value="./m/../m/box.obj"/></shape>'
        body += '<emitter type="constant"><spectrum name="radiance" filename="sun.spd"/></emitter>'
        write(tmp_path, "a.xml", body)
        found = [(each.path, each.owner) for each in read_mitsuba(tmp_path, "a.xml").references]
        assert found == [
            ("t/wood.png", "bitmap.filename"),
            ("m/box.obj", "obj.filename"),
            ("sun.spd", "constant.radiance"),
        ]

    def test_a_path_up_and_back_into_the_model_is_fine(self, tmp_path: Path) -> None:
        write(tmp_path, "scenes/a.xml", bitmap("../t/wood.png"))
        assert read_mitsuba(tmp_path, "scenes/a.xml").references[0].path == "t/wood.png"

    def test_search_folders_and_the_manifests_own_map_decide_where_a_file_is(self, tmp_path: Path) -> None:
        (tmp_path / "t").mkdir()
        (tmp_path / "t" / "wood.png").write_bytes(b"x")
        write(tmp_path, "a.xml", '<path value="t"/>' + bitmap("wood.png") + bitmap("C:\\art\\iron.png"))
        scene = read_mitsuba(tmp_path, "a.xml", remap={"C:\\art\\iron.png": "t/iron.png"})
        assert [each.path for each in scene.references] == ["t/wood.png", "t/iron.png"]


DICT_SCENE: dict[str, Any] = {
    "type": "scene",
    "integrator": {"type": "path", "max_depth": 4, "hide_emitters": True},
    "cam": {
        "type": "perspective",
        "fov": 40.5,
        "to_world": [{"look_at": {"origin": [0, 0, 4], "target": [0, 0, 0], "up": [0, 1, 0]}}],
        "film": {"type": "hdrfilm", "width": 20, "height": 10},
    },
    "red": {"type": "diffuse", "reflectance": {"type": "rgb", "value": [0.8, 0.1, 0.1]}},
    "ball": {
        "type": "sphere",
        "center": [0, 0.5, 0],
        "to_world": [{"scale": 2}, {"rotate": {"axis": [0, 1, 0], "angle": 30}}, {"translate": [1, 0, 0]}],
        "bsdf": {"type": "ref", "id": "red"},
    },
    "sky": {"type": "constant", "radiance": {"type": "spectrum", "value": [[400, 0.5], [700, 1.0]]}},
}


class TestDictScenes:
    def test_a_dict_scene_becomes_the_tree_of_its_xml(self, tmp_path: Path) -> None:
        (tmp_path / "a.mitsuba.json").write_text(json.dumps(DICT_SCENE))
        scene = read_mitsuba(tmp_path, "a.mitsuba.json")
        assert list(scene.cameras()) == ["cam"]
        text = tostring(scene.root, encoding="unicode")
        for part in (
            '<integer name="max_depth" value="4" /><boolean name="hide_emitters" value="true" />',
            '<lookat origin="0, 0, 4" target="0, 0, 0" up="0, 1, 0" />',
            '<bsdf type="diffuse" name="red" id="red"><rgb name="reflectance" value="0.8, 0.1, 0.1" /></bsdf>',
            '<scale value="2" /><rotate x="0" y="1" z="0" angle="30" /><translate x="1" y="0" z="0" />',
            '<ref name="bsdf" id="red" />',
            '<spectrum name="radiance" value="400:0.5, 700:1.0" />',
        ):
            assert part in text

    @pytest.mark.parametrize(
        ("change", "words"),
        [
            ({"x": {"type": "os.system"}}, "os.system"),
            ({"x": [1, 2]}, "'x' needs 3 numbers"),
            ({"x": {"no": "type"}}, "'x' is neither"),
            ({"x": None}, "'x' is neither"),
            ({"x": {"type": "sphere", "to_world": [{"shear": 1}]}}, "to_world"),
            ({"x": {"type": "ply", "filename": "../../etc/passwd"}}, "passwd"),
            ({"type": "sphere"}, "not 'scene'"),
        ],
    )
    def test_what_cannot_be_read_is_named(self, tmp_path: Path, change: dict[str, Any], words: str) -> None:
        (tmp_path / "a.json").write_text(json.dumps(DICT_SCENE | change))
        with pytest.raises(ModelInvalid, match=words):
            read_mitsuba(tmp_path, "a.json")

    @pytest.mark.parametrize("text", ["{", '{"type": "scene", "x": NaN}', '{"x":' * 100_000])
    def test_what_is_no_json_is_refused(self, tmp_path: Path, text: str) -> None:
        (tmp_path / "a.json").write_text(text)
        with pytest.raises(ModelInvalid, match="not a JSON scene"):
            read_mitsuba(tmp_path, "a.json")
