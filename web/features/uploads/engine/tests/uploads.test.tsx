// @vitest-environment node
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { restoreSession } from "@/shared/session/session";
import type { SceneFile } from "../scene-files";
import type { Upload } from "../upload";
import { Uploads, type NewUpload } from "../uploads";
import { FakeFarm, sha256 } from "./fake-farm";

let farm: FakeFarm;
let hashed: string[];

beforeEach(async () => {
  farm = new FakeFarm();
  farm.install();
  hashed = [];
  await restoreSession();
});
afterEach(() => vi.unstubAllGlobals());

function newUploads(): Uploads {
  return new Uploads({
    async hash(file, onBytes) {
      onBytes(file.size);
      hashed.push((file as File).name);
      return sha256(new Uint8Array(await file.arrayBuffer()));
    },
    pause: async () => undefined,
    now: Date.now,
  });
}

function fileOf(path: string, content: string | Uint8Array<ArrayBuffer>): SceneFile {
  return { path, file: new File([content], path, { lastModified: 1 }) };
}

function orderOf(files: SceneFile[], more: Partial<NewUpload> = {}): NewUpload {
  const main = { path: files[0]?.path ?? "", kind: "blender" as const };
  return { project: "default", name: "shot", folder: "shot", main, files, ...more };
}

/** The upload once it stands still. */
async function endOf(uploads: Uploads, id: string): Promise<Upload> {
  return vi.waitFor(() => {
    const upload = uploads.find(id);
    if (upload === null || !["ready", "incomplete", "invalid", "failed", "paused"].includes(upload.state)) {
      throw new Error(`it is ${upload?.state}`);
    }
    return upload;
  }, 5000);
}

describe("an upload", () => {
  it("sends what the farm lacks and nothing that it has, and registers all of it", async () => {
    const files = [fileOf("shot.blend", "scene"), fileOf("tex/wood.png", "wood"), fileOf("tex/brass.png", "brass")];
    farm.blobs.set(sha256("wood"), new Uint8Array());
    const uploads = newUploads();
    const end = await endOf(uploads, uploads.start(orderOf(files)));
    expect(end.state).toBe("ready");
    expect(end.lackingBytes).toBe("scene".length + "brass".length);
    expect(end.sentBytes).toBe(end.lackingBytes);
    expect([...farm.blobs.keys()].sort()).toEqual([sha256("scene"), sha256("wood"), sha256("brass")].sort());
    expect(farm.manifests[0]?.manifest).toMatchObject({
      kind: "blender",
      main: "shot.blend",
      files: [
        { path: "shot.blend", digest: sha256("scene"), size_bytes: 5 },
        { path: "tex/wood.png", digest: sha256("wood"), size_bytes: 4 },
        { path: "tex/brass.png", digest: sha256("brass"), size_bytes: 5 },
      ],
    });
  });

  it("sends a thousand small files in one request", async () => {
    const files = Array.from({ length: 1000 }, (_, number) => fileOf(`cache/${number}.bphys`, `particle ${number}`));
    const uploads = newUploads();
    expect((await endOf(uploads, uploads.start(orderOf(files)))).state).toBe("ready");
    expect(farm.blobs.size).toBe(1000);
    expect(farm.times("POST", "/v1/blobs:batch")).toBe(1);
    expect(farm.times("PUT", "/v1/blobs/")).toBe(0);
  });

  it("sends a large file in parts, and after a break only those that are not there", async () => {
    const content = new Uint8Array(65 << 20).fill(7);
    let isBroken = true;
    farm.instead = ({ path }) => (isBroken && path.endsWith("/4") ? Response.json({}, { status: 400 }) : null);
    const uploads = newUploads();
    const id = uploads.start(orderOf([fileOf("shot.blend", content)]));
    expect((await endOf(uploads, id)).state).toBe("failed");
    const before = new Set(farm.parts.get(sha256(content))?.keys());
    expect(before.size).toBeGreaterThan(0);

    isBroken = false;
    farm.asked.length = 0;
    uploads.resume(id);
    const end = await endOf(uploads, id);
    expect(end.state).toBe("ready");
    expect(end.sentBytes).toBe(content.byteLength);
    const again = farm.asked
      .filter(({ path }) => path.startsWith("/v1/parts/"))
      .map(({ path }) => Number(path.split("/").at(-1)));
    expect(again.sort()).toEqual([1, 2, 3, 4, 5].filter((number) => !before.has(number)));
    expect(farm.blobs.has(sha256(content))).toBe(true);
  }, 20_000);

  it("goes through the farm where the browser does not reach the storage", async () => {
    const content = new Uint8Array(65 << 20).fill(9);
    farm.instead = ({ path }) => (path.startsWith("/v1/parts/") ? "broken" : null);
    const uploads = newUploads();
    expect((await endOf(uploads, uploads.start(orderOf([fileOf("shot.blend", content)])))).state).toBe("ready");
    expect(farm.times("PUT", `/v1/blobs/${sha256(content)}`)).toBe(1);
    expect(farm.parts.size).toBe(0);
  }, 20_000);

  it("tries again after a broken line and when the farm is busy, as long as the farm asks", async () => {
    const pauses: number[] = [];
    const answers = [
      "broken" as const,
      Response.json({ code: "too-many-requests", retry_after_s: 7 }, { status: 429 }),
      new Response("a proxy's page", { status: 502 }),
    ];
    farm.instead = ({ path }) =>
      path.startsWith("/v1/blobs/") && path !== "/v1/blobs/lacking" ? (answers.shift() ?? null) : null;
    const uploads = new Uploads({
      hash: async (file) => sha256(new Uint8Array(await file.arrayBuffer())),
      pause: async (ms) => void pauses.push(ms),
      now: Date.now,
    });
    const end = await endOf(uploads, uploads.start(orderOf([fileOf("shot.blend", "scene")])));
    expect(end.state).toBe("ready");
    expect(end.sentBytes).toBe(5);
    expect(pauses).toHaveLength(3);
    expect(pauses[1]).toBe(7000);
  });

  it("says which file changed while it was sent, in words that help", async () => {
    const uploads = new Uploads({ hash: async () => "0".repeat(64), pause: async () => undefined, now: Date.now });
    const end = await endOf(uploads, uploads.start(orderOf([fileOf("shot.blend", "scene")])));
    expect(end.state).toBe("failed");
    expect(end.problem?.code).toBe("file-changed");
    expect(end.problem?.message).toContain("shot.blend");
  });

  it("stops when it is paused, and goes on from what is there", async () => {
    const files = [fileOf("shot.blend", "scene"), fileOf("big.exr", new Uint8Array(5 << 20))];
    const uploads = newUploads();
    let id = "";
    farm.instead = ({ method, path }) => {
      if (method === "PUT" && path !== `/v1/blobs/${sha256("scene")}`) uploads.pause(id);
      return null;
    };
    id = uploads.start(orderOf(files));
    expect((await endOf(uploads, id)).state).toBe("paused");
    expect(farm.manifests).toHaveLength(0);
    farm.instead = () => null;
    uploads.resume(id);
    expect((await endOf(uploads, id)).state).toBe("ready");
    expect(farm.manifests).toHaveLength(1);
  });

  it("leaves its parts on the farm when it is canceled, since a colleague may be sending the same file", async () => {
    const content = new Uint8Array(65 << 20).fill(3);
    farm.instead = ({ path }) => (path.endsWith("/3") ? Response.json({}, { status: 400 }) : null);
    const uploads = newUploads();
    const id = uploads.start(orderOf([fileOf("shot.blend", content)]));
    await endOf(uploads, id);
    expect(farm.parts.size).toBe(1);
    uploads.cancel(id);
    expect(farm.parts.size).toBe(1);
    expect(farm.times("DELETE", "/v1/uploads/")).toBe(0);
    expect(uploads.all()).toEqual([]);
  }, 20_000);

  it("leads references of the artist's own machine to the files that came with the scene", async () => {
    farm.missing = [
      { raw: "C:\\show\\tex\\wood.png", kind: "image", owner: "wood", resolved: null, sequence: false, folder: false },
    ];
    const uploads = newUploads();
    const files = [fileOf("shot.blend", "scene"), fileOf("tex/wood.png", "wood")];
    const end = await endOf(uploads, uploads.start(orderOf(files)));
    expect(end.state).toBe("ready");
    expect(farm.manifests.at(-1)?.manifest.remap).toEqual({ "C:\\show\\tex\\wood.png": "tex/wood.png" });
  });

  it("says how many files are missing where they did not come", async () => {
    farm.missing = [{ raw: "//tex/gone.png", kind: "image", owner: "wood", resolved: "tex/gone.png" }];
    const uploads = newUploads();
    const end = await endOf(uploads, uploads.start(orderOf([fileOf("shot.blend", "scene")])));
    expect(end.state).toBe("incomplete");
    expect(end.problem?.message).toBe("1 file is missing.");
    expect(end.model?.id).toBe("model-1");
  });

  it("sends only the files that are new where it completes a model", async () => {
    const kept = { path: "shot.blend", digest: sha256("scene"), size_bytes: 5, chunks: [] };
    const uploads = newUploads();
    const order = orderOf([fileOf("tex/gone.png", "found")], {
      main: { path: "shot.blend", kind: "blender" },
      base: { files: [kept], remap: { "//a": "tex/gone.png" } },
    });
    expect((await endOf(uploads, uploads.start(order))).state).toBe("ready");
    expect([...farm.blobs.keys()]).toEqual([sha256("found")]);
    const { files, remap } = farm.manifests[0]?.manifest ?? { files: [], remap: {} };
    expect(files.map(({ path }) => path)).toEqual(["shot.blend", "tex/gone.png"]);
    expect(remap).toEqual({ "//a": "tex/gone.png" });
  });

  it("shows nothing of one person to the next", async () => {
    const uploads = newUploads();
    await endOf(uploads, uploads.start(orderOf([fileOf("shot.blend", "scene")])));
    uploads.leave();
    expect(uploads.all()).toEqual([]);
  });
});
