"""Scenes of other programs, written by hand: a moving textured cube as glTF and GLB, a standing one as OBJ."""

from __future__ import annotations

import base64
import json
import struct
import zlib
from pathlib import Path
from typing import Any

FRAMES_PER_SECOND = 24
MOVES_FOR_S = 0.5


def write_png(path: Path, rows: tuple[bytes, ...] = (b"\xd0\x20\x20" * 2, b"\x20\x20\xd0" * 2)) -> None:
    """Two red pixels above two blue ones."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", len(rows[0]) // 3, len(rows), 8, 2, 0, 0, 0)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(b"".join(b"\0" + row for row in rows)))
        + chunk(b"IEND", b"")
    )


def cube_faces() -> list[list[tuple[float, float, float]]]:
    """Six faces of four corners each, counter-clockwise from outside."""
    faces = []
    for axis in range(3):
        for side in (-1.0, 1.0):
            corners = []
            for u, v in ((-1.0, -1.0), (1.0, -1.0), (1.0, 1.0), (-1.0, 1.0)):
                corner = [0.0, 0.0, 0.0]
                corner[axis], corner[(axis + 1) % 3], corner[(axis + 2) % 3] = side, u, v
                corners.append((corner[0], corner[1], corner[2]))
            faces.append(corners if side > 0 else corners[::-1])
    return faces


def gltf_document(
    *, image: str = "textures/paint.png", buffer: str | None = "scene.bin"
) -> tuple[dict[str, Any], bytes]:
    """(JSON, buffer): a cube that goes 2 units along x; ``buffer`` None: the buffer of a GLB."""
    faces = cube_faces()
    positions = b"".join(struct.pack("<3f", *corner) for face in faces for corner in face)
    uvs = b"".join(struct.pack("<2f", *uv) for _ in faces for uv in ((0, 1), (1, 1), (1, 0), (0, 0)))
    corners = [4 * face + corner for face in range(6) for corner in (0, 1, 2, 0, 2, 3)]
    pieces = [
        positions,
        uvs,
        struct.pack("<36H", *corners),
        struct.pack("<2f", 0.0, MOVES_FOR_S),
        struct.pack("<6f", 0, 0, 0, 2, 0, 0),
    ]
    views, offset = [], 0
    for piece in pieces:
        views.append({"buffer": 0, "byteOffset": offset, "byteLength": len(piece)})
        offset += len(piece)
    kinds = ((5126, "VEC3", 24), (5126, "VEC2", 24), (5123, "SCALAR", 36), (5126, "SCALAR", 2), (5126, "VEC3", 2))
    accessors: list[dict[str, Any]] = [
        {"bufferView": view, "componentType": component, "type": kind, "count": count}
        for view, (component, kind, count) in enumerate(kinds)
    ]
    accessors[0] |= {"min": [-1, -1, -1], "max": [1, 1, 1]}
    accessors[3] |= {"min": [0], "max": [MOVES_FOR_S]}
    texture = {"pbrMetallicRoughness": {"baseColorTexture": {"index": 0}, "metallicFactor": 0}}
    channel = {"sampler": 0, "target": {"node": 0, "path": "translation"}}
    document = {
        "asset": {"version": "2.0"},
        "scene": 0,
        "scenes": [{"nodes": [0]}],
        "nodes": [{"name": "Cube", "mesh": 0}],
        "meshes": [{"primitives": [{"attributes": {"POSITION": 0, "TEXCOORD_0": 1}, "indices": 2, "material": 0}]}],
        "materials": [texture],
        "textures": [{"source": 0}],
        "images": [{"uri": image}],
        "accessors": accessors,
        "bufferViews": views,
        "buffers": [{"byteLength": offset} | ({} if buffer is None else {"uri": buffer})],
        "animations": [{"channels": [channel], "samplers": [{"input": 3, "output": 4, "interpolation": "LINEAR"}]}],
    }
    return document, b"".join(pieces)


def write_gltf(folder: Path, **changes: Any) -> Path:
    """``scene.gltf``, ``scene.bin`` and ``textures/paint.png``."""
    document, buffer = gltf_document(**changes)
    write_png(folder / "textures" / "paint.png")
    (folder / "scene.bin").write_bytes(buffer)
    (folder / "scene.gltf").write_text(json.dumps(document))
    return folder / "scene.gltf"


def write_glb(folder: Path) -> Path:
    """``scene.glb`` with everything inside."""
    write_png(folder / "paint.png")
    image = "data:image/png;base64," + base64.b64encode((folder / "paint.png").read_bytes()).decode()
    (folder / "paint.png").unlink()
    (folder / "scene.glb").write_bytes(glb(*gltf_document(image=image, buffer=None)))
    return folder / "scene.glb"


def glb(document: dict[str, Any], buffer: bytes) -> bytes:
    text = json.dumps(document).encode()
    text += b" " * (-len(text) % 4)
    buffer += b"\0" * (-len(buffer) % 4)
    chunks = struct.pack("<II", len(text), 0x4E4F534A) + text + struct.pack("<II", len(buffer), 0x004E4942) + buffer
    return struct.pack("<4sII", b"glTF", 2, 12 + len(chunks)) + chunks


def write_obj(folder: Path, *, library: str = "scene.mtl", texture: str = "textures/paint.png") -> Path:
    """``scene.obj``, ``scene.mtl`` and ``textures/paint.png``."""
    write_png(folder / "textures" / "paint.png")
    (folder / "scene.mtl").write_text(f"newmtl Paint\nKd 1 1 1\nmap_Kd {texture}\n")
    lines = [f"mtllib {library}", "o Cube"]
    lines += [f"v {x} {y} {z}" for face in cube_faces() for x, y, z in face]
    lines += ["vt 0 0", "vt 1 0", "vt 1 1", "vt 0 1", "usemtl Paint"]
    lines += ["f " + " ".join(f"{4 * face + corner}/{corner}" for corner in range(1, 5)) for face in range(6)]
    (folder / "scene.obj").write_text("\n".join(lines) + "\n")
    return folder / "scene.obj"
