// The pixels of one layer, as floats. Only its channels are kept, however many the file has.
import { SAMPLE_BYTES, type ExrFile, type ExrPart, type SampleType } from "./exr-header";
import type { ExrLayer } from "./exr-layers";
import { ExrProblem } from "./exr-problem";
import { bytesOfPixel, isOwn, unpack } from "./exr-unpack";

export interface LayerPixels {
  width: number;
  height: number;
  /** One for each channel of the layer, row by row from the top. */
  planes: Float32Array[];
}

/** A layer of four channels at 8K is 531 MB. */
const LARGEST_BYTES = 640 * 1024 ** 2;

export interface Chunk {
  packed: Uint8Array;
  x: number;
  y: number;
  width: number;
  lines: number;
}

export async function readLayer(file: ExrFile, layer: ExrLayer): Promise<LayerPixels> {
  const part = file.parts[layer.part];
  if (part === undefined || layer.channels.length === 0) throw new ExrProblem("noChannels");
  const size = part.width * part.height;
  const bytes = size * 4 * layer.channels.length;
  if (bytes > LARGEST_BYTES) throw new ExrProblem("large", Math.round(bytes / 1e6));
  if (!isOwn(part)) {
    const { readByLibrary } = await import("./exr-library"); // only for files that need it
    return readByLibrary(file, part, layer);
  }
  const planes = layer.channels.map(() => new Float32Array(size));
  const places = placesOf(part, layer);
  for (const chunk of chunksOf(file, part)) {
    let block: Uint8Array;
    try {
      block = await unpack(part, chunk);
    } catch {
      throw new ExrProblem("block", chunk.y);
    }
    copy(block, chunk, part, places, planes);
  }
  return { width: part.width, height: part.height, planes };
}

interface Place {
  /** Bytes of the channels before it, of one pixel. */
  before: number;
  type: SampleType;
}

function placesOf(part: ExrPart, layer: ExrLayer): Place[] {
  return layer.channels.map(({ name }) => {
    let before = 0;
    for (const channel of part.channels) {
      if (channel.name === name) return { before, type: channel.type };
      before += SAMPLE_BYTES[channel.type];
    }
    throw new ExrProblem("noChannels");
  });
}

export function* chunksOf({ bytes, isMultipart }: ExrFile, part: ExrPart): Generator<Chunk> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const { tile } = part;
  for (const offset of part.offsets) {
    let at = offset + (isMultipart ? 4 : 0);
    const head = tile === null ? 8 : 20;
    if (at + head > bytes.length) throw new ExrProblem("cutOff");
    const x = tile === null ? 0 : view.getInt32(at, true) * tile.width;
    const y = tile === null ? view.getInt32(at, true) - part.top : view.getInt32(at + 4, true) * tile.height;
    at += head;
    const length = view.getInt32(at - 4, true);
    if (length < 0 || at + length > bytes.length) throw new ExrProblem("cutOff");
    if (x < 0 || y < 0 || x >= part.width || y >= part.height) throw new ExrProblem("block", y);
    yield {
      packed: bytes.subarray(at, at + length),
      x,
      y,
      width: Math.min(tile?.width ?? part.width, part.width - x),
      lines: Math.min(part.linesOfBlock, part.height - y),
    };
  }
}

function copy(block: Uint8Array, chunk: Chunk, part: ExrPart, places: readonly Place[], planes: Float32Array[]): void {
  const view = new DataView(block.buffer, block.byteOffset, block.byteLength);
  const lineBytes = chunk.width * bytesOfPixel(part.channels);
  for (let line = 0; line < chunk.lines; line += 1) {
    const to = (chunk.y + line) * part.width + chunk.x;
    places.forEach(({ before, type }, index) => {
      const plane = planes[index]!;
      const from = line * lineBytes + before * chunk.width;
      if (type === "half") {
        for (let x = 0; x < chunk.width; x += 1) plane[to + x] = HALVES[view.getUint16(from + 2 * x, true)]!;
      } else if (type === "float") {
        for (let x = 0; x < chunk.width; x += 1) plane[to + x] = view.getFloat32(from + 4 * x, true);
      } else {
        for (let x = 0; x < chunk.width; x += 1) plane[to + x] = view.getUint32(from + 4 * x, true);
      }
    });
  }
}

/** Every 16-bit float there is. */
const HALVES = (() => {
  const table = new Float32Array(65536);
  for (let bits = 0; bits < 65536; bits += 1) {
    const sign = bits & 0x8000 ? -1 : 1;
    const exponent = (bits >> 10) & 0x1f;
    const fraction = bits & 0x3ff;
    if (exponent === 0) table[bits] = sign * fraction * 2 ** -24;
    else if (exponent === 31) table[bits] = fraction === 0 ? sign * Infinity : NaN;
    else table[bits] = sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
  }
  return table;
})();
