import { readFileSync } from "node:fs";
import path from "node:path";
import { deflateSync } from "node:zlib";
import { describe, expect, it, vi } from "vitest";
import { readHeaders } from "./exr-header";
import { isDepth, layersOf } from "./exr-layers";
import { ExrProblem } from "./exr-problem";
import { readLayer, type LayerPixels } from "./exr-read";
import { inflate } from "./exr-unpack";

// The files are written by fixtures/write.py: the farm's own writers, OpenEXR's library and Blender.
const WIDTH = 24;

function bytesOf(name: string): Uint8Array {
  return new Uint8Array(readFileSync(path.join(import.meta.dirname, "fixtures", `${name}.exr`)));
}

async function layerOf(name: string, layer: string): Promise<LayerPixels> {
  const file = readHeaders(bytesOf(name));
  const found = layersOf(file).find((each) => each.name === layer);
  if (found === undefined) throw new Error(`no layer ${layer}`);
  return readLayer(file, found);
}

/** The values of a pixel, one for each channel. */
function pixel({ planes }: LayerPixels, x: number, y: number): number[] {
  return planes.map((plane) => plane[y * WIDTH + x]!);
}

describe("an OpenEXR file of the farm", () => {
  it("is read as layers, the picture itself first", () => {
    const layers = layersOf(readHeaders(bytesOf("layers")));
    expect(layers.map(({ name, channels }) => [name, channels.map(({ label }) => label).join("")])).toEqual([
      ["", "RGBA"],
      ["Normal", "RGB"],
      ["Depth", "Z"],
    ]);
    expect(layers.map(isDepth)).toEqual([false, false, true]);
  });

  it("gives each layer its own values, and never one for the other", async () => {
    expect(pixel(await layerOf("layers", ""), 12, 9)).toEqual([0.5, 0.5, 0.25, 1]);
    expect(pixel(await layerOf("layers", "Normal"), 6, 9)).toEqual([-0.25, 0, 1]);
    expect(pixel(await layerOf("layers", "Depth"), 23, 17)).toEqual([1 + 23 + 1700]);
  });

  it("keeps distances whole beside colours of half the bits", async () => {
    expect(pixel(await layerOf("half-and-float", "Z"), 7, 13)).toEqual([1308]);
    expect(pixel(await layerOf("half-and-float", ""), 6, 9)).toEqual([0.25, 0.5, 0.25, 1]);
  });

  it.each(["no", "rle", "zips", "pxr24", "piz"])("is the same picture with %s compression", async (name) => {
    const layer = await layerOf(name, "");
    expect([layer.width, layer.height]).toEqual([24, 18]);
    expect(pixel(layer, 0, 0)).toEqual([0, 0, 0.25, 1]);
    expect(pixel(layer, 12, 9)).toEqual([0.5, 0.5, 0.25, 1]);
  });

  it.each(["b44", "dwaa"])("is nearly the same picture with %s compression, which loses a little", async (name) => {
    const layer = await layerOf(name, "");
    pixel(layer, 18, 9).forEach((value, channel) => expect(value).toBeCloseTo([0.75, 0.5, 0.25, 1][channel]!, 1));
  });

  it("lets a layer of a PIZ file be chosen too", async () => {
    expect(pixel(await layerOf("piz-layers", "Depth"), 23, 17)).toEqual([1724]);
    expect(pixel(await layerOf("piz-layers", "Normal"), 6, 9)).toEqual([-0.25, 0, 1]);
  });

  it("says of layers that share a DWA part that they are not shown, and shows nothing wrong", async () => {
    await expect(layerOf("dwaa-layers", "")).rejects.toMatchObject({ kind: "compression", detail: "DWAA" });
  });
});

describe("a multilayer file of Blender", () => {
  it("has a layer for each pass, the combined picture first", () => {
    const names = layersOf(readHeaders(bytesOf("blender"))).map(({ name }) => name);
    expect(names[0]).toBe("ViewLayer.Combined");
    expect(names).toContain("ViewLayer.Depth");
    expect(names).toContain("ViewLayer.Normal");
  });

  it("shows the cube's distance and normal in its middle", async () => {
    const [distance] = pixel(await layerOf("blender", "ViewLayer.Depth"), 12, 9);
    expect(distance).toBeGreaterThan(5);
    expect(distance).toBeLessThan(20);
    const normal = pixel(await layerOf("blender", "ViewLayer.Normal"), 12, 9);
    expect(Math.hypot(...normal)).toBeCloseTo(1, 1);
  });
});

describe("a file that cannot be shown", () => {
  function kindOf(bytes: Uint8Array): unknown {
    try {
      readHeaders(bytes);
      return null;
    } catch (error) {
      return error instanceof ExrProblem ? error.kind : error;
    }
  }

  it("says that it is no OpenEXR file", () => {
    expect(kindOf(new TextEncoder().encode("<html>not found</html>"))).toBe("notExr");
    expect(kindOf(new Uint8Array(0))).toBe("notExr");
  });

  it.each([9, 60, 300, 700])("says that it was cut off after %i bytes", (length) => {
    expect(kindOf(bytesOf("layers").slice(0, length))).toBe("cutOff");
  });

  it("says that it was cut off where blocks lack", async () => {
    const whole = bytesOf("no");
    const file = readHeaders(whole);
    const cut = { ...file, bytes: whole.subarray(0, whole.length - 10) };
    await expect(readLayer(cut, layersOf(file)[0]!)).rejects.toMatchObject({ kind: "cutOff" });
  });

  it("says which block is broken", async () => {
    const bytes = bytesOf("layers").slice();
    const file = readHeaders(bytes);
    const second = file.parts[0]!.offsets[1]!;
    bytes.fill(0xff, second + 8, second + 40);
    await expect(readLayer(file, layersOf(file)[0]!)).rejects.toMatchObject({ kind: "block", detail: 16 });
  });

  it("that claims more blocks than it has bytes for is refused before there is room made for them", () => {
    const attribute = (name: string, type: string, value: Buffer) => {
      const length = Buffer.alloc(4);
      length.writeInt32LE(value.length);
      return Buffer.concat([Buffer.from(`${name}\0${type}\0`), length, value]);
    };
    const ints = (...numbers: number[]) => Buffer.from(new Int32Array(numbers).buffer);
    const part = Buffer.concat([
      attribute("channels", "chlist", Buffer.concat([Buffer.from("R\0"), ints(1, 0, 1, 1), Buffer.from([0])])),
      attribute("compression", "compression", Buffer.from([0])),
      attribute("dataWindow", "box2i", ints(0, 0, 0, 0)),
      attribute("chunkCount", "int", ints(500)),
      Buffer.from([0]),
    ]);
    const start = ints(20000630, 2 | 0x1000);
    const made = vi.spyOn(Array.prototype, "fill");
    const whole = Buffer.concat([start, ...Array<Buffer>(40).fill(part), Buffer.from([0])]);
    made.mockClear();
    expect(kindOf(new Uint8Array(whole))).toBe("cutOff");
    // The bytes of 40 headers would hold one table of 500 offsets, and not 40.
    expect(made.mock.contexts.map((table) => (table as unknown[]).length)).toEqual([500]);
    made.mockRestore();
  });

  it("whose block would become more than the picture needs is left before it fills the memory", async () => {
    const bomb = deflateSync(Buffer.alloc(64 << 20));
    await expect(inflate(bomb, 1000)).rejects.toThrow(/1,?000/);
    expect(await inflate(deflateSync(Buffer.alloc(1000, 7)), 1000)).toEqual(new Uint8Array(1000).fill(7));
  });

  it("is refused in words or read, whatever byte of its header is flipped", () => {
    const whole = bytesOf("blender");
    for (let at = 4; at < 1200; at += 3) {
      const bytes = whole.slice();
      bytes[at]! ^= 0x55;
      const kind = kindOf(bytes);
      expect(kind === null || typeof kind === "string", `byte ${at}: ${String(kind)}`).toBe(true);
    }
  });
});
