"""A hostile Mitsuba scene is refused in words before Mitsuba sees it; no file outside of the model is named to it."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from models.errors import ModelInvalid
from models.formats import json_text, mitsuba_xml
from models.formats.mitsuba_xml import read_mitsuba

REPOSITORY = Path(__file__).resolve().parents[2]
HEAD = '<scene version="3.0.0">'
SECRET = "the-key-of-the-farm"


def model(tmp_path: Path, text: str | bytes) -> Path:
    """A model's folder beside a secret."""
    (tmp_path / "secret.xml").write_text(f'{HEAD}<shape type="sphere" id="{SECRET}"/></scene>')
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "a.xml").write_bytes(text if isinstance(text, bytes) else text.encode())
    return folder


def refused(folder: Path) -> ModelInvalid:
    with pytest.raises(ModelInvalid) as caught:
        read_mitsuba(folder, "a.xml")
    assert caught.value.remedy or "needs a name" in caught.value.message
    assert SECRET not in str(caught.value)
    return caught.value


@pytest.mark.parametrize(
    "body",
    [
        '<include filename="../secret.xml"/>',
        '<include filename="/etc/passwd"/>',
        '<include filename="sub/../../secret.xml"/>',
        '<include filename="..\\secret.xml"/>',
        '<default name="d" value=".."/><include filename="$d/secret.xml"/>',
        '<path value=".."/><include filename="secret.xml"/>',
        '<path value="/"/><include filename="etc/passwd"/>',
        '<shape type="ply"><string name="filename" value="../secret.xml"/></shape>',
        '<shape type="ply"><string name="filename" value="C:\\secret"/></shape>',
        '<default name="f" value="/etc/passwd"/><shape type="obj"><string name="filename" value="$f"/></shape>',
        '<emitter type="constant"><spectrum name="radiance" filename="/etc/passwd"/></emitter>',
        '<bsdf type="conductor"><string name="material" value="../../../etc/passwd"/></bsdf>',
        '<bsdf type="principled"><string name="anything" value="../../secret.xml"/></bsdf>',
    ],
)
def test_a_way_out_of_the_models_folder_is_refused(tmp_path: Path, body: str) -> None:
    refused(model(tmp_path, f"{HEAD}{body}</scene>"))


@pytest.mark.parametrize(
    "dtd",
    [
        '<!DOCTYPE scene [<!ENTITY x SYSTEM "file:///etc/passwd">]>',
        '<!DOCTYPE scene SYSTEM "http://127.0.0.1:1/evil.dtd">',
        '<!DOCTYPE scene [<!ENTITY % p SYSTEM "file:///etc/passwd">%p;]>',
        "<!DOCTYPE scene [" + "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 12)) + "]>",
    ],
    ids=["external entity", "external dtd", "parameter entity", "billion laughs"],
)
def test_a_document_type_is_never_read(tmp_path: Path, dtd: str) -> None:
    error = refused(model(tmp_path, f'{dtd}{HEAD}<shape type="sphere" id="&x;"/></scene>'))
    assert "document type" in error.message


@pytest.mark.parametrize("plugin", ["../../model/evil", "/tmp/evil", "evil.so", "blender", "prb", ""])
def test_a_plugin_that_is_not_known_never_becomes_a_library_that_is_loaded(tmp_path: Path, plugin: str) -> None:
    error = refused(model(tmp_path, f'{HEAD}<shape type="{plugin}"/></scene>'))
    assert "does not run" in error.message


def test_a_document_type_in_utf_16_is_no_way_around(tmp_path: Path) -> None:
    dtd = '<?xml version="1.0" encoding="UTF-16"?><!DOCTYPE scene [<!ENTITY x SYSTEM "file:///etc/passwd">]>'
    folder = model(tmp_path, f'{dtd}{HEAD}<shape type="sphere" id="&x;"/></scene>'.encode("utf-16"))
    assert "document type" in refused(folder).message


def test_a_json_scene_of_millions_of_empty_lists_is_refused_before_it_is_parsed(tmp_path: Path) -> None:
    folder = model(tmp_path, f"{HEAD}</scene>")
    text = '{"type": "scene", "x": [' + "[]," * (json_text.MAX_VALUES // 2) + "[]]}"
    (folder / "a.mitsuba.json").write_text(text)
    with pytest.raises(ModelInvalid, match="values; at most"):
        read_mitsuba(folder, "a.mitsuba.json")


def test_parameters_that_multiply_each_other_end_at_a_limit(tmp_path: Path) -> None:
    laughs = "".join(f'<default name="p{n:02d}" value="{f"$p{n - 1:02d}" * 10}"/>' for n in range(1, 12))
    error = refused(model(tmp_path, f'{HEAD}<default name="p00" value="ha"/>{laughs}</scene>'))
    assert "characters" in error.message


def test_a_file_that_includes_itself_and_a_tree_of_includes_end_at_a_limit(tmp_path: Path) -> None:
    error = refused(model(tmp_path, f'{HEAD}<include filename="a.xml"/></scene>'))
    assert "include each other" in error.message
    for number in range(10):
        more = f'<include filename="{number + 1}.xml"/>' * 10
        (tmp_path / "model" / f"{number}.xml").write_text(f"{HEAD}{more}</scene>")
    (tmp_path / "model" / "10.xml").write_text(f"{HEAD}</scene>")
    (tmp_path / "model" / "a.xml").write_text(f'{HEAD}<include filename="0.xml"/></scene>')
    assert "included files" in refused(tmp_path / "model").message


def test_depth_elements_and_bytes_have_limits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    deep = '<bsdf type="twosided">' * 5000
    assert "tags inside tags" in refused(model(tmp_path, f"{HEAD}{deep}")).message
    main = tmp_path / "model" / "a.xml"
    monkeypatch.setattr(mitsuba_xml, "MAX_ELEMENTS", 100)
    main.write_text(HEAD + '<shape type="sphere"/>' * 101 + "</scene>")
    assert "100 elements" in refused(tmp_path / "model").message
    monkeypatch.setattr(mitsuba_xml, "MAX_FILE_BYTES", 1000)
    main.write_text(HEAD + " " * 1000 + "</scene>")
    assert "bytes" in refused(tmp_path / "model").message


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"\xff\xfe\x00",
        b"Shopping list",
        b"<scene",
        b'<?xml version="1.0" encoding="klingon"?><scene/>',
        b"\x00" * 50,
    ],
)
def test_what_is_no_xml_is_refused(tmp_path: Path, text: bytes) -> None:
    refused(model(tmp_path, text))


def test_a_scene_with_bytes_changed_at_random_is_read_or_refused_in_words(tmp_path: Path) -> None:
    whole = (REPOSITORY / "examples" / "cornell.xml").read_bytes()
    folder = model(tmp_path, whole)
    dice = random.Random(7)
    outcomes = set()
    for _ in range(300):
        damaged = bytearray(whole)
        for _ in range(dice.randint(1, 8)):
            damaged[dice.randrange(len(damaged))] = dice.randrange(256)
        (folder / "a.xml").write_bytes(damaged)
        try:
            read_mitsuba(folder, "a.xml")
            outcomes.add("read")
        except ModelInvalid:
            outcomes.add("refused")
    assert outcomes == {"read", "refused"}
