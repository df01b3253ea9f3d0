// @vitest-environment node
import { createCRC32 } from "hash-wasm";
import { deflateRawSync } from "node:zlib";
import { afterEach, describe, expect, it, vi } from "vitest";
import { boundsFor, directoryOf, unpackEntry } from "../zip";

interface Packed {
  path: string;
  content: string;
  isStored?: boolean;
  /** What the directory says of it, where that is a lie. */
  saysBytes?: number;
  saysCrc?: number;
  flags?: number;
  mode?: number;
}

async function crc32Of(content: ReadableStream<Uint8Array>): Promise<number> {
  const crc = await createCRC32();
  for await (const piece of content as unknown as AsyncIterable<Uint8Array>) crc.update(piece);
  return Number.parseInt(crc.digest("hex"), 16);
}

async function zipOf(files: Packed[]): Promise<Blob> {
  const body: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const { path, content, isStored, saysBytes, saysCrc, flags = 0, mode = 0o100644 } of files) {
    const plain = Buffer.from(content);
    const packed = isStored ? plain : deflateRawSync(plain);
    const name = Buffer.from(path);
    const crc = saysCrc ?? (await crc32Of(new Blob([plain]).stream()));
    const local = Buffer.alloc(30);
    local.writeUInt32LE(0x04034b50, 0);
    local.writeUInt16LE(name.length, 26);
    const entry = Buffer.alloc(46);
    entry.writeUInt32LE(0x02014b50, 0);
    entry.writeUInt16LE(flags, 8);
    entry.writeUInt16LE(isStored ? 0 : 8, 10);
    entry.writeUInt32LE(crc, 16);
    entry.writeUInt32LE(packed.length, 20);
    entry.writeUInt32LE(saysBytes ?? plain.length, 24);
    entry.writeUInt16LE(name.length, 28);
    entry.writeUInt32LE((mode << 16) >>> 0, 38);
    entry.writeUInt32LE(offset, 42);
    body.push(local, name, packed);
    directory.push(entry, name);
    offset += local.length + name.length + packed.length;
  }
  const listing = Buffer.concat(directory);
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50, 0);
  end.writeUInt16LE(files.length, 10);
  end.writeUInt32LE(listing.length, 12);
  end.writeUInt32LE(offset, 16);
  return new Blob([new Uint8Array(Buffer.concat([...body, listing, end]))]);
}

async function unpacked(zip: Blob): Promise<Record<string, string>> {
  const files: Record<string, string> = {};
  for (const entry of await directoryOf(zip)) files[entry.path] = await (await unpackEntry(zip, entry, crc32Of)).text();
  return files;
}

const refusal = (code: string) => expect.objectContaining({ code });

describe("a zip", () => {
  afterEach(() => vi.unstubAllGlobals());

  it("becomes its files, packed or stored", async () => {
    const zip = await zipOf([
      { path: "shot/", content: "" },
      { path: "shot/shot.blend", content: "scene ".repeat(500) },
      { path: "shot/tex/ü.png", content: "picture", isStored: true },
    ]);
    expect(await unpacked(zip)).toEqual({ "shot/shot.blend": "scene ".repeat(500), "shot/tex/ü.png": "picture" });
  });

  it("that is none is refused", async () => {
    await expect(directoryOf(new Blob(["no zip at all"]))).rejects.toEqual(refusal("zip-refused"));
  });

  it("that unpacks to more than it says is refused, before it fills the memory", async () => {
    const zip = await zipOf([{ path: "bomb", content: "0".repeat(100_000), saysBytes: 10 }]);
    const [entry] = await directoryOf(zip);
    await expect(unpackEntry(zip, entry!, crc32Of)).rejects.toEqual(refusal("zip-refused"));
  });

  it("whose file is damaged is refused", async () => {
    const zip = await zipOf([{ path: "shot.blend", content: "scene", saysCrc: 1 }]);
    const [entry] = await directoryOf(zip);
    await expect(unpackEntry(zip, entry!, crc32Of)).rejects.toEqual(refusal("zip-refused"));
  });

  it("that would become too much is refused by its directory alone", async () => {
    const files = Array.from({ length: 10 }, (_, number) => ({ path: `${number}`, content: "content" }));
    const zip = await zipOf(files);
    await expect(directoryOf(zip, { files: 9, bytes: 1000 })).rejects.toEqual(refusal("zip-refused"));
    await expect(directoryOf(zip, { files: 10, bytes: 69 })).rejects.toEqual(refusal("zip-refused"));
    expect(await directoryOf(zip, { files: 10, bytes: 70 })).toHaveLength(10);
  });

  it("may become fifty times itself, or 2 GiB where it is small, and never more than 64 GiB", async () => {
    const zipOfSize = (size: number) => ({ size }) as Blob;
    const most = async (size: number) => (await boundsFor(zipOfSize(size))).bytes;
    expect(await most(1 << 20)).toBe(2 * 2 ** 30);
    expect(await most(100 << 20)).toBe(5000 * 2 ** 20);
    expect(await most(10 * 2 ** 30)).toBe(64 * 2 ** 30);
  });

  it("that would take more than half of what the browser may keep is refused by its directory alone", async () => {
    const storage = { estimate: async () => ({ quota: 3000, usage: 1000 }) };
    vi.stubGlobal("navigator", { storage });
    const half = await zipOf([{ path: "a", content: "0".repeat(1000) }]);
    expect(await directoryOf(half)).toHaveLength(1);
    const more = await zipOf([{ path: "a", content: "0".repeat(1001) }]);
    await expect(directoryOf(more)).rejects.toEqual(refusal("zip-refused"));
  });

  it("with a password is refused with words that say so", async () => {
    const zip = await zipOf([{ path: "shot.blend", content: "scene", flags: 1 }]);
    await expect(directoryOf(zip)).rejects.toThrow(/password/);
  });

  it("gives no links, which could lead out of its folder", async () => {
    const zip = await zipOf([{ path: "link", content: "/etc/passwd", mode: 0o120777 }]);
    expect(await directoryOf(zip)).toEqual([]);
  });
});
