import { afterEach, expect, it, vi } from "vitest";
import { answeringFarm } from "@/tests/answering-farm";
import { fileBytes } from "../scene-3d/file-bytes";

afterEach(() => vi.unstubAllGlobals());

it("a file of a model that is larger than it may be is not loaded", async () => {
  const asked = await answeringFarm({
    "GET /v1/models/m1/file": () => ({ size_bytes: 5 << 20, pieces: [{ url: "http://farm.test/v1/files/1" }] }),
  });
  const { signal } = new AbortController();
  const read = fileBytes({ project: "film", id: "m1" }, "cameras.json", signal, { mostBytes: 4 << 20 });
  await expect(read).rejects.toMatchObject({ code: "too-large-to-view" });
  expect(asked.map(({ path }) => path)).not.toContain("/v1/files/1");
});
