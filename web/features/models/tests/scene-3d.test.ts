import { Vector3 } from "three";
import { describe, expect, it } from "vitest";
import { Problem } from "@/shared/api/problem";
import { strings } from "@/strings/en";
import { boundsOf } from "../scene-3d/bounds";
import { documentOf, filesOfGltf, toLoad, unknownPacking } from "../scene-3d/gltf-files";
import { cameraPathOf } from "../scene-3d/poses";
import { nothingToSee, readScene } from "../scene-3d/scene-problem";

describe("cameras beside a cloud", () => {
  const rows = [1, 0, 0, 5, 0, 1, 0, 6, 0, 0, 1, 7, 0, 0, 0, 1];

  it("are read from a nerfstudio camera path, row by row into columns", () => {
    const path = cameraPathOf("path.json", { camera_path: [{ camera_to_world: rows, fov: 40 }] });
    expect(path?.poses[0]?.fov).toBe(40);
    expect(path?.poses[0]?.matrix.slice(12)).toEqual([5, 6, 7, 1]);
  });

  it("are read from transforms.json, with the angle of their lens", () => {
    const matrix = [rows.slice(0, 4), rows.slice(4, 8), rows.slice(8, 12)];
    const path = cameraPathOf("t.json", { fl_y: 100, h: 200, w: 300, frames: [{ transform_matrix: matrix }] });
    expect(path?.poses[0]?.fov).toBeCloseTo(90);
    expect(path?.poses[0]?.matrix.slice(12)).toEqual([5, 6, 7, 1]);
  });

  it.each([null, [], { frames: "x" }, { camera_path: [{ camera_to_world: [1, 2] }] }])("are none in %j", (json) =>
    expect(cameraPathOf("x.json", json)).toBeNull(),
  );
});

describe("a glTF", () => {
  it("loads its files from the model alone, never from where it says", () => {
    const document = {
      buffers: [{ uri: "robot%20v1.bin" }, { uri: "data:,x" }, {}],
      images: [{ uri: "https://elsewhere.example/x.png" }, { uri: "../../../etc/passwd" }, { uri: "../tex/a.png" }],
    };
    expect([...filesOfGltf(document, "scenes/robot.gltf")]).toEqual([
      ["robot%20v1.bin", "scenes/robot v1.bin"],
      ["../tex/a.png", "tex/a.png"],
    ]);
  });

  it("that is too much with all its files is refused before one of them is loaded", () => {
    const files = new Map([
      ["a.gltf", 1],
      ["a.bin", 400 << 20],
      ["b.bin", 300 << 20],
    ]);
    expect(() => toLoad(["a.bin", "b.bin"], { main: "a.gltf", files })).toThrow(/700/);
    expect(toLoad(["a.bin", "a.bin", "lacking.bin"], { main: "a.gltf", files })).toEqual(["a.bin"]);
  });

  it("says which compression the viewer does not unpack", () => {
    expect(unknownPacking({ extensionsRequired: ["KHR_draco_mesh_compression"] })).toBe("KHR_draco_mesh_compression");
    expect(unknownPacking({ asset: {} })).toBeNull();
  });

  it("has its document in the first chunk of a .glb", () => {
    const json = new TextEncoder().encode('{"asset":{"version":"2.0"}}');
    const bytes = new Uint8Array(20 + json.length);
    new DataView(bytes.buffer).setUint32(0, 0x46546c67, true);
    new DataView(bytes.buffer).setUint32(12, json.length, true);
    bytes.set(json, 20);
    expect(documentOf(bytes)).toEqual({ asset: { version: "2.0" } });
  });
});

describe("a scene that cannot be read", () => {
  it("is said to be damaged and what to do, with the reader's own words for who asks", async () => {
    const damaged = readScene(() => documentOf(new TextEncoder().encode("{ cut")));
    await expect(damaged).rejects.toMatchObject({
      message: strings.models.damaged("").detail,
      remedy: expect.stringContaining("JSON") as string,
    });
    await expect(damaged).rejects.toBeInstanceOf(Problem);
  });

  it("keeps what was said in words already", async () => {
    const problem = nothingToSee();
    await expect(readScene(() => Promise.reject(problem))).rejects.toBe(problem);
  });
});

describe("a cloud", () => {
  const ring = [0, 1, 2, 3].map((at) => new Vector3(Math.cos((at * Math.PI) / 2), Math.sin((at * Math.PI) / 2), 4));

  it("is looked at where it lies, whatever single gaussians have no place", () => {
    const bounds = boundsOf([new Vector3(NaN, 0, 0), ...ring, new Vector3(0, -Infinity, 0)]);
    expect(bounds?.center.toArray().every(Number.isFinite)).toBe(true);
    expect(bounds?.center.z).toBe(4);
    expect(bounds?.radius).toBeGreaterThan(0);
  });

  it.each([[[]], [[new Vector3(NaN, NaN, NaN)]]])("of no place has no bounds", (centers) => {
    expect(boundsOf(centers)).toBeNull();
  });
});
