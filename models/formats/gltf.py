"""Reads the JSON of a glTF 2.0 scene (``.gltf``, ``.glb``) without trusting it: no engine, no allocation by its word.

What passes names no file outside of the model's folder, and no number in it is larger than the bytes that it speaks of.
Source: the glTF 2.0 specification (ISO/IEC 12113:2022).
"""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, NoReturn
from urllib.parse import unquote

from models.errors import ModelInvalid
from models.formats.json_text import check_values
from models.formats.references import FileReference, check_relative, place_of

MAX_JSON_BYTES = 64 << 20
"""With buffers inside of it as base64; a scene of 100,000 nodes has some 30 MB without."""
MAX_ITEMS = 1_000_000
"""Of one list: nodes, meshes, accessors …"""
MAX_DATALESS_BYTES = 1 << 30
"""Of all accessors without data together: zeros that an importer would make of a claim alone."""

_MAGIC = b"glTF"
_JSON_CHUNK, _BIN_CHUNK = 0x4E4F534A, 0x004E4942
_COMPONENT_BYTES = {5120: 1, 5121: 1, 5122: 2, 5123: 2, 5125: 4, 5126: 4}
_COMPONENTS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4, "MAT2": 4, "MAT3": 9, "MAT4": 16}
_LISTS = (
    *("accessors", "animations", "buffers", "bufferViews", "cameras", "images", "materials", "meshes"),
    *("nodes", "samplers", "scenes", "skins", "textures"),
)
_EXPORT_AGAIN = "Export it again as glTF 2.0, and upload that file."
_UPLOAD_AGAIN = "Copy it again from where it is whole, and upload it again."


@dataclass(frozen=True, slots=True, kw_only=True)
class GltfScene:
    """A scene that passed."""

    references: tuple[FileReference, ...]
    """Of buffers (kind ``data``) and images (``image``) in files of their own."""


def inspect_gltf(path: Path) -> None:
    """Check a main file alone; raises ``ModelInvalid``. Whether its references stay inside is for ``read_gltf``."""
    document = _Document.read(path)
    document.check()
    for uri, owner, _, _ in document.external():
        check_relative(uri, owner)


def read_gltf(root: Path, main: str) -> GltfScene:
    """Check ``root/main`` and what it refers to; raises ``ModelInvalid``. A file that is not there is no error."""
    document = _Document.read(root / main)
    document.check()
    found: dict[tuple[str, str], FileReference] = {}
    for uri, owner, kind, size in document.external():
        path = place_of(uri, owner, main)
        file = root / path
        if file.is_file() and file.stat().st_size < size:
            raise ModelInvalid(
                f"{path} has {file.stat().st_size} bytes; {main} says that its {owner} has {size}.",
                remedy=_UPLOAD_AGAIN,
            )
        found.setdefault((uri, kind), FileReference(raw=uri, path=path, owner=owner, kind=kind))
    return GltfScene(references=tuple(found.values()))


class _Document:
    """The JSON, and how many bytes come with it."""

    def __init__(self, *, name: str, data: dict[str, Any], binary: int | None) -> None:
        self._name = name
        self._data = data
        self._binary = binary
        """Length of a GLB's own buffer; ``None``: it has none."""

    @classmethod
    def read(cls, path: Path) -> _Document:
        with path.open("rb") as file:
            head = file.read(12)
            if head.startswith(_MAGIC) or path.suffix.lower() == ".glb":
                text, binary = _glb_chunks(file, head, path)
            else:
                file.seek(0)
                text, binary = _bounded(file, path.stat().st_size, path.name), None
        check_values(text, path.name)
        try:
            data = json.loads(text, parse_constant=_no_constant)
        except (ValueError, RecursionError) as error:
            raise ModelInvalid(f"{path.name} is not a glTF scene: {error}.", remedy=_EXPORT_AGAIN) from error
        if not isinstance(data, dict):
            raise ModelInvalid(f"{path.name} is not a glTF scene: it is no JSON object.", remedy=_EXPORT_AGAIN)
        return cls(name=path.name, data=data, binary=binary)

    def check(self) -> None:
        """Everything that the numbers in it say of each other."""
        asset = self._data.get("asset")
        version = asset.get("version") if isinstance(asset, dict) else None
        if not isinstance(version, str) or not version.startswith("2."):
            raise ModelInvalid(
                f"{self._name} is of glTF version {str(version)[:20]!r}; this farm reads 2.0.", remedy=_EXPORT_AGAIN
            )
        for name in _LISTS:
            self._list(name)
        sizes = [self._buffer_bytes(number, item) for number, item in enumerate(self._list("buffers"))]
        views = [self._view_bytes(number, item, sizes) for number, item in enumerate(self._list("bufferViews"))]
        dataless = sum(self._check_accessor(number, item, views) for number, item in enumerate(self._list("accessors")))
        if dataless > MAX_DATALESS_BYTES:
            raise self._wrong(f"its accessors without data claim {dataless} bytes")
        for number, image in enumerate(self._list("images")):
            if "uri" not in image:
                self._index(image.get("bufferView"), len(views), f"images[{number}].bufferView")
        self._check_tree()

    def external(self) -> list[tuple[str, str, str, int]]:
        """(decoded URI, owner, kind, least size in bytes) of each file that is named."""
        found = []
        for name, kind in (("buffers", "data"), ("images", "image")):
            for number, item in enumerate(self._list(name)):
                uri = item.get("uri")
                if uri is None:
                    continue
                if not isinstance(uri, str):
                    raise self._wrong(f"{name}[{number}].uri is no text")
                if uri[:5].lower() != "data:":
                    found.append((unquote(uri), f"{name}[{number}]", kind, int(item.get("byteLength") or 0)))
        return found

    def _buffer_bytes(self, number: int, buffer: dict[str, Any]) -> int:
        size, uri = self._number(buffer.get("byteLength"), f"buffers[{number}].byteLength"), buffer.get("uri")
        held = None
        if uri is None:
            held = self._binary if number == 0 else None
            if held is None and "extensions" not in buffer:  # a compressed buffer's fallback needs no bytes
                raise self._wrong(f"buffers[{number}] has neither a uri nor a part of the file")
        elif isinstance(uri, str) and uri[:5].lower() == "data:":
            held = (len(uri) - uri.find(",") - 1) * 3 // 4
        if held is not None and size > held:
            raise self._wrong(f"buffers[{number}] claims {size} bytes and has {held}")
        return size

    def _view_bytes(self, number: int, view: dict[str, Any], sizes: list[int]) -> tuple[int, int]:
        """(bytes, stride or 0) of a view."""
        where = f"bufferViews[{number}]"
        buffer = self._index(view.get("buffer"), len(sizes), f"{where}.buffer")
        offset = self._number(view.get("byteOffset", 0), f"{where}.byteOffset")
        size = self._number(view.get("byteLength"), f"{where}.byteLength")
        if offset + size > sizes[buffer]:
            raise self._wrong(f"{where} ends {offset + size - sizes[buffer]} bytes behind its buffer")
        return size, self._number(view.get("byteStride", 0), f"{where}.byteStride")

    def _check_accessor(self, number: int, accessor: dict[str, Any], views: list[tuple[int, int]]) -> int:
        """Bytes that it has no data for."""
        where = f"accessors[{number}]"
        element = self._element_bytes(accessor, where)
        count = self._number(accessor.get("count"), f"{where}.count")
        sparse = accessor.get("sparse")
        if isinstance(sparse, dict):
            changed = self._number(sparse.get("count"), f"{where}.sparse.count")
            for part, width in (("indices", 1), ("values", element)):
                piece = sparse.get(part)
                if not isinstance(piece, dict):
                    raise self._wrong(f"{where}.sparse.{part} is missing")
                self._within(piece, changed, width, views, f"{where}.sparse.{part}")
            if changed > count:
                raise self._wrong(f"{where}.sparse changes {changed} of {count} elements")
        if "bufferView" not in accessor:
            return count * element
        self._within(accessor, count, element, views, where)
        return 0

    def _within(
        self, owner: dict[str, Any], count: int, element: int, views: list[tuple[int, int]], where: str
    ) -> None:
        size, stride = views[self._index(owner.get("bufferView"), len(views), f"{where}.bufferView")]
        offset = self._number(owner.get("byteOffset", 0), f"{where}.byteOffset")
        end = offset + (count - 1) * (stride or element) + element if count else offset
        if end > size:
            raise self._wrong(f"{where} claims {count} elements, which end {end - size} bytes behind its view")

    def _element_bytes(self, accessor: dict[str, Any], where: str) -> int:
        try:
            return _COMPONENT_BYTES[accessor["componentType"]] * _COMPONENTS[accessor["type"]]
        except (KeyError, TypeError):
            raise self._wrong(f"{where} has no known type") from None

    def _check_tree(self) -> None:
        """Each node has one parent at most, and none is its own ancestor: an importer would go round for ever."""
        nodes = self._list("nodes")
        children: list[list[int]] = []
        parents = [0] * len(nodes)
        for number, node in enumerate(nodes):
            named = node.get("children", [])
            if not isinstance(named, list):
                raise self._wrong(f"nodes[{number}].children is no list")
            children.append([self._index(each, len(nodes), f"nodes[{number}].children") for each in named])
            for each in children[-1]:
                parents[each] += 1
                if parents[each] > 1:
                    raise self._wrong(f"nodes[{each}] has two parents")
        waiting = [number for number, count in enumerate(parents) if not count]
        reached = 0
        while waiting:
            reached += 1
            waiting += children[waiting.pop()]
        if reached != len(nodes):
            raise self._wrong("some of its nodes are their own ancestors")

    def _list(self, name: str) -> list[dict[str, Any]]:
        value = self._data.get(name, [])
        if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
            raise self._wrong(f"{name} is no list of objects")
        if len(value) > MAX_ITEMS:
            raise ModelInvalid(
                f"{self._name} has {len(value)} {name}; at most {MAX_ITEMS} are allowed.",
                remedy="Split the scene, or join what belongs together.",
            )
        return value

    def _index(self, value: object, length: int, where: str) -> int:
        number = self._number(value, where)
        if number >= length:
            raise self._wrong(f"{where} names number {number} of {length}")
        return number

    def _number(self, value: object, where: str) -> int:
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            raise self._wrong(f"{where} is no count")
        return value

    def _wrong(self, what: str) -> ModelInvalid:
        return ModelInvalid(f"{self._name} contradicts itself: {what}.", remedy=_EXPORT_AGAIN, cause="damaged")


def _glb_chunks(file: BinaryIO, head: bytes, path: Path) -> tuple[bytes, int | None]:
    """The JSON and the length of the binary chunk."""
    size = path.stat().st_size
    if len(head) < 12 or not head.startswith(_MAGIC):
        raise ModelInvalid(f"{path.name} is not a GLB file: it does not begin as one.", remedy=_EXPORT_AGAIN)
    _, version, length = struct.unpack("<4sII", head)
    if version != 2:
        raise ModelInvalid(f"{path.name} is GLB version {version}; this farm reads 2.", remedy=_EXPORT_AGAIN)
    if length > size:
        raise ModelInvalid(f"{path.name} is cut off: {size} of {length} bytes.", remedy=_UPLOAD_AGAIN)
    json_length = _chunk_length(file, _JSON_CHUNK, length, path.name)
    if json_length is None:
        raise ModelInvalid(f"{path.name} does not begin with its JSON.", remedy=_EXPORT_AGAIN)
    text = _bounded(file, json_length, path.name)
    return text, _chunk_length(file, _BIN_CHUNK, length, path.name)


def _chunk_length(file: BinaryIO, kind: int, total: int, name: str) -> int | None:
    head = file.read(8) if file.tell() + 8 <= total else b""
    if len(head) < 8:
        return None
    length, found = struct.unpack("<II", head)
    if file.tell() + length > total:
        raise ModelInvalid(
            f"{name} is damaged: a part of it claims {length} bytes, more than it has.", remedy=_UPLOAD_AGAIN
        )
    return int(length) if found == kind else None


def _bounded(file: BinaryIO, size: int, name: str) -> bytes:
    if size > MAX_JSON_BYTES:
        raise ModelInvalid(
            f"The JSON of {name} has {size} bytes; at most {MAX_JSON_BYTES} are allowed.",
            remedy="Export it as .glb, or with its buffers and pictures in files of their own.",
        )
    return file.read(size)


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a number")
