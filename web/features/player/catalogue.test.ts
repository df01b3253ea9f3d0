import { describe, expect, it, vi } from "vitest";
import { artifactOf } from "./artifact.fixture";
import { Catalogue } from "./catalogue";

describe("Catalogue", () => {
  it("asks once for the hundred frames around one, and not beyond the job's last", async () => {
    const list = vi.fn(async (first: number) => [artifactOf({ ordinal: first }), artifactOf({ ordinal: first + 1 })]);
    const catalogue = new Catalogue(list, 5050);
    await Promise.all([catalogue.picturesOf(5000), catalogue.picturesOf(5001)]);
    expect(list.mock.calls).toEqual([[5000, 5049]]);
  });

  it("plays a frame's preview, and the frame itself where it is small enough to be its own", async () => {
    const list = async () => [
      artifactOf({ ordinal: 0 }),
      artifactOf({ ordinal: 0, kind: "preview" }),
      artifactOf({ ordinal: 1 }),
    ];
    const catalogue = new Catalogue(list, 2);
    expect((await catalogue.picturesOf(0)).small?.kind).toBe("preview");
    expect((await catalogue.picturesOf(0)).full?.kind).toBe("frame");
    expect((await catalogue.picturesOf(1)).small?.kind).toBe("frame");
  });

  it("never hands an OpenEXR frame to the browser as a picture", async () => {
    const list = async () => [artifactOf({ media_type: "image/x-exr", name: "0.exr" })];
    const pictures = await new Catalogue(list, 1).picturesOf(0);
    expect(pictures).toMatchObject({ small: null, full: null, frame: { name: "0.exr" } });
  });

  it("has nothing to show of a file that has expired", async () => {
    const pictures = await new Catalogue(async () => [artifactOf({ url: null })], 1).picturesOf(0);
    expect(pictures.small).toBeNull();
  });

  it("asks again for a frame that was rendered anew, and once only for all of one block", async () => {
    const list = vi.fn(async () => [0, 1, 2].map((ordinal) => artifactOf({ ordinal })));
    const catalogue = new Catalogue(list, 10);
    await catalogue.picturesOf(0);
    catalogue.forget([0, 1]);
    await Promise.all([catalogue.picturesOf(0), catalogue.picturesOf(1), catalogue.picturesOf(2)]);
    expect(list).toHaveBeenCalledTimes(2);
  });

  it("asks for fresh links before the old ones end", async () => {
    let now = 0;
    const list = vi.fn(async () => [artifactOf()]);
    const catalogue = new Catalogue(list, 1, () => now);
    await catalogue.picturesOf(0);
    now = 60 * 60_000;
    await catalogue.picturesOf(0);
    expect(list).toHaveBeenCalledTimes(2);
  });

  it("forgets an answer that failed", async () => {
    const list = vi.fn().mockRejectedValueOnce(new Error("away")).mockResolvedValue([artifactOf()]);
    const catalogue = new Catalogue(list, 1);
    await expect(catalogue.picturesOf(0)).rejects.toThrow("away");
    expect((await catalogue.picturesOf(0)).small).not.toBeNull();
  });
});
