// @vitest-environment node
import { describe, expect, it } from "vitest";
import { mendWith, mendWithin, type MissingReference } from "../mending";

function missing(raw: string, more: Partial<MissingReference> = {}): MissingReference {
  return { raw, kind: "image", owner: "wood", resolved: null, sequence: false, folder: false, ...more };
}

describe("a reference to another machine", () => {
  it("is led to the file of that name whose folders agree the longest", () => {
    const paths = ["shot.blend", "old/tex/wood.png", "show/tex/wood.png"];
    const { remap } = mendWithin([missing("C:\\work\\show\\tex\\Wood.png")], paths);
    expect(remap.get("C:\\work\\show\\tex\\Wood.png")).toBe("show/tex/wood.png");
  });

  it("stays missing where no file has the name", () => {
    const { remap, unmended } = mendWithin([missing("/mnt/gone.png")], ["shot.blend"]);
    expect(remap.size).toBe(0);
    expect(unmended).toHaveLength(1);
  });

  it("of a tiled image is led to its tiles", () => {
    const { remap } = mendWithin([missing("/mnt/skin.<UDIM>.png")], ["tex/skin.1001.png", "tex/skin.1002.png"]);
    expect(remap.get("/mnt/skin.<UDIM>.png")).toBe("tex/skin.<UDIM>.png");
  });

  it("of a folder is led to the folder", () => {
    const { remap } = mendWithin([missing("D:\\fx\\cache_fluid", { folder: true })], ["fx/cache_fluid/data/1.vdb"]);
    expect(remap.get("D:\\fx\\cache_fluid")).toBe("fx/cache_fluid");
  });
});

describe("files that are added later", () => {
  it("go where the engine looks for them, without a detour", () => {
    const wanted = missing("//tex/wood.png", { resolved: "tex/wood.png" });
    const { added, remap } = mendWith([wanted], ["wood.png"], ["shot.blend"]);
    expect([...added]).toEqual([["tex/wood.png", "wood.png"]]);
    expect(remap.size).toBe(0);
  });

  it("from outside the scene's folder get a place of their own, and the reference is led there", () => {
    const { added, remap } = mendWith([missing("/mnt/lib/wood.png")], ["lib/wood.png"], ["shot.blend"]);
    expect([...added]).toEqual([["external/lib/wood.png", "lib/wood.png"]]);
    expect(remap.get("/mnt/lib/wood.png")).toBe("external/lib/wood.png");
  });

  it("of a sequence come all of them", () => {
    const wanted = missing("//plate/p.0001.exr", { resolved: "plate/p.0001.exr", sequence: true });
    const { added } = mendWith([wanted], ["p.0001.exr", "p.0002.exr", "q.0001.exr"], ["shot.blend"]);
    expect([...added.keys()]).toEqual(["plate/p.0001.exr", "plate/p.0002.exr"]);
  });

  it("never stand in a manifest under two spellings", () => {
    const wanted = [
      missing("//tex/Wood.png", { resolved: "tex/Wood.png" }),
      missing("//tex/wood.png", { resolved: "tex/wood.png" }),
    ];
    const { added, remap } = mendWith(wanted, ["wood.png"], ["shot.blend"]);
    expect([...added.keys()]).toEqual(["tex/Wood.png"]);
    expect(remap.get("//tex/wood.png")).toBe("tex/Wood.png");
  });

  it("says what is still missing", () => {
    const { unmended } = mendWith([missing("//a.png", { resolved: "a.png" })], ["b.png"], []);
    expect(unmended.map(({ raw }) => raw)).toEqual(["//a.png"]);
  });
});
