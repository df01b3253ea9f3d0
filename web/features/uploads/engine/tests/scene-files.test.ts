// @vitest-environment node
import { describe, expect, it } from "vitest";
import { gather, isSafePath } from "../scene-files";

const file = new File(["x"], "x");
const of = (...paths: string[]) => paths.map((path) => ({ path, file }));

describe("a path of a scene", () => {
  it.each([
    "../shot.blend",
    "a/../../etc/passwd",
    "/etc/passwd",
    "C:/show/a.png",
    "a\\b.png",
    "a//b",
    ".",
    "a/\u0000b",
    "",
  ])("is refused where it could leave its folder: %j", (path) => expect(isSafePath(path)).toBe(false));

  it.each(["shot.blend", "tex/brass ü.png", "a/b/c.d/e", "..a/b..", "x".repeat(255)])("is taken: %s", (path) =>
    expect(isSafePath(path)).toBe(true),
  );

  it("is refused where no file system of a farm holds it", () => {
    expect(isSafePath("ü".repeat(128))).toBe(false);
    expect(isSafePath(Array(300).fill("abcd").join("/"))).toBe(false);
  });
});

describe("what was dropped", () => {
  it("is named by its folder, and its paths begin below that", () => {
    const { name, files } = gather(of("shot010/shot.blend", "shot010/tex/a.png"), null);
    expect(name).toBe("shot010");
    expect(files.map(({ path }) => path)).toEqual(["shot.blend", "tex/a.png"]);
  });

  it("keeps the paths of files side by side", () => {
    const { name, files } = gather(of("shot.blend", "tex/a.png"), null);
    expect(name).toBeNull();
    expect(files.map(({ path }) => path)).toEqual(["shot.blend", "tex/a.png"]);
  });

  it("is sent without hidden files, Blender's earlier saves, unsafe paths and doubles, and says so", () => {
    const { files, leftOut } = gather(
      of("s/shot.blend", "s/shot.blend1", "s/.DS_Store", "__MACOSX/s/x", "s/../up", "s/A.png", "s/a.png"),
      null,
    );
    expect(files.map(({ path }) => path)).toEqual(["shot.blend", "A.png"]);
    expect(leftOut.map(({ why }) => why)).toEqual(["backup", "hidden", "hidden", "unsafe", "double"]);
  });
});
