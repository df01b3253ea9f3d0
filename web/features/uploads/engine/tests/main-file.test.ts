// @vitest-environment node
import { describe, expect, it } from "vitest";
import { mainFilesOf, modelNameOf } from "../main-file";

const mains = (...paths: string[]) => mainFilesOf(paths).map(({ path }) => path);

describe("the main file", () => {
  it.each([
    ["shot.blend", "blender"],
    ["scene.XML", "mitsuba"],
    ["scene.mitsuba.json", "mitsuba"],
    ["garden.ply", "splats"],
    ["garden.spz", "splats"],
    ["robot.glb", "gltf"],
    ["model_index.json", "diffusion"],
    ["set.usdz", "usd"],
  ])("%s is one of kind %s", (path, kind) => {
    expect(mainFilesOf([path, "tex/a.png"])).toEqual([{ path, kind }]);
  });

  it("is the .blend, not a mesh or an export beside it", () => {
    expect(mains("shot.blend", "rock.obj", "robot.glb", "scan.ply")).toEqual(["shot.blend"]);
    expect(mains("robot.glb", "rock.obj")).toEqual(["robot.glb"]);
  });

  it("is the one on top, not a library below", () => {
    expect(mains("shot.blend", "lib/props.blend")).toEqual(["shot.blend"]);
    expect(mains("scenes/shot.blend", "tex/a.png")).toEqual(["scenes/shot.blend"]);
  });

  it("is to be chosen where several could be it", () => {
    expect(mains("b.blend", "a.blend", "x.png")).toEqual(["a.blend", "b.blend"]);
  });

  it("is none where no file is a scene", () => {
    expect(mains("a.png", "notes.txt")).toEqual([]);
  });

  it("names the model; of weights the folder does, since their file is always called the same", () => {
    expect(modelNameOf({ path: "scenes/shot 010.blend", kind: "blender" }, "show")).toBe("shot 010");
    expect(modelNameOf({ path: "a.mitsuba.json", kind: "mitsuba" }, null)).toBe("a");
    expect(modelNameOf({ path: "model_index.json", kind: "diffusion" }, "tiny-sd")).toBe("tiny-sd");
  });
});
