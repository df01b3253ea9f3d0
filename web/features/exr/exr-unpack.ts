// From the bytes of a block in the file to the samples as they would lie without compression: for each line, for each
// channel, the samples of the line.
import { strings } from "@/strings/en";
import { SAMPLE_BYTES, type ExrChannel, type ExrPart } from "./exr-header";

interface Block {
  packed: Uint8Array;
  width: number;
  lines: number;
}

/** As much as a layer may take; a block holds all layers of some lines. */
const LARGEST_BLOCK_BYTES = 640 * 1024 ** 2;
/** What DEFLATE makes of so much at once, a thousandfold at most, is still little. */
const PIECE_BYTES = 16 << 10;
/** A run of 128 takes two bytes. */
const MOST_GAIN_OF_RUNS = 64;

/** Compressions that are unpacked here; the others are the library's. */
export const OWN = ["none", "RLE", "ZIPS", "ZIP", "PXR24"] as const;

export function isOwn({ compression }: ExrPart): boolean {
  return (OWN as readonly string[]).includes(compression);
}

export async function unpack(part: ExrPart, { packed, width, lines }: Block): Promise<Uint8Array> {
  const size = width * lines * bytesOfPixel(part.channels);
  if (size > LARGEST_BLOCK_BYTES) throw new Error(strings.faults.exrBlockLength(size, LARGEST_BLOCK_BYTES));
  // A block that would only grow is left as it is.
  if (part.compression === "none" || packed.length >= size) return exactly(packed, size);
  if (part.compression === "RLE") return interleave(undoDeltas(runLengths(packed, size)));
  const raw = await inflate(packed, size);
  if (part.compression === "PXR24") return pxr24(raw, part.channels, width, lines, size);
  return interleave(undoDeltas(exactly(raw, size)));
}

export function bytesOfPixel(channels: readonly ExrChannel[]): number {
  return channels.reduce((sum, { type }) => sum + SAMPLE_BYTES[type], 0);
}

function exactly(bytes: Uint8Array, size: number): Uint8Array {
  if (bytes.length !== size) throw new Error(strings.faults.exrBlockLength(bytes.length, size));
  return bytes;
}

/** Raises where it becomes more than `most`, before that is in memory: a few bytes may say that they are gigabytes. */
export async function inflate(packed: Uint8Array, most: number): Promise<Uint8Array> {
  const stream = new DecompressionStream("deflate");
  const writer = stream.writable.getWriter();
  // What goes wrong is told by the side that reads.
  feed(writer, packed as Uint8Array<ArrayBuffer>).catch(() => undefined);
  const parts: Uint8Array[] = [];
  let size = 0;
  const reader = stream.readable.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    size += value.length;
    if (size > most) {
      await reader.cancel().catch(() => undefined);
      throw new Error(strings.faults.exrBlockLength(size, most));
    }
    parts.push(value);
  }
  const whole = new Uint8Array(size);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** Piece by piece: a browser unpacks all of what it is given at once, whether somebody reads it or not. */
async function feed(writer: WritableStreamDefaultWriter<BufferSource>, packed: Uint8Array<ArrayBuffer>): Promise<void> {
  for (let at = 0; at < packed.length; at += PIECE_BYTES) await writer.write(packed.subarray(at, at + PIECE_BYTES));
  await writer.close();
}

function runLengths(packed: Uint8Array, size: number): Uint8Array {
  if (size > packed.length * MOST_GAIN_OF_RUNS) throw new Error(strings.faults.exrRunsTooShort);
  const out = new Uint8Array(size);
  let at = 0;
  let to = 0;
  while (at < packed.length) {
    const count = (packed[at]! << 24) >> 24;
    at += 1;
    const length = count < 0 ? -count : count + 1;
    if (to + length > size) throw new Error(strings.faults.exrRunsTooLong);
    if (count < 0) {
      out.set(packed.subarray(at, at + length), to);
      at += length;
    } else {
      out.fill(packed[at]!, to, to + length);
      at += 1;
    }
    to += length;
  }
  if (to !== size) throw new Error(strings.faults.exrRunsTooShort);
  return out;
}

/** Each byte was stored as its distance from the one before. */
function undoDeltas(bytes: Uint8Array): Uint8Array {
  for (let at = 1; at < bytes.length; at += 1) bytes[at] = bytes[at - 1]! + bytes[at]! - 128;
  return bytes;
}

/** The first half holds the bytes at even places, the second those at odd ones. */
function interleave(bytes: Uint8Array): Uint8Array {
  const out = new Uint8Array(bytes.length);
  const half = (bytes.length + 1) >> 1;
  for (let at = 0; at < bytes.length; at += 1) out[at] = bytes[(at & 1) * half + (at >> 1)]!;
  return out;
}

/** Bytes of a line by significance, as distances from the sample before; floats have lost their last byte. */
function pxr24(raw: Uint8Array, channels: readonly ExrChannel[], width: number, lines: number, size: number) {
  const out = new Uint8Array(size);
  const view = new DataView(out.buffer);
  let from = 0;
  let to = 0;
  for (let line = 0; line < lines; line += 1) {
    for (const { type } of channels) {
      const stored = type === "float" ? 3 : SAMPLE_BYTES[type];
      if (from + stored * width > raw.length) throw new Error(strings.faults.exrBlockTooShort);
      let sample = 0;
      for (let x = 0; x < width; x += 1) {
        let delta = 0;
        for (let byte = 0; byte < stored; byte += 1) delta = (delta << 8) | raw[from + byte * width + x]!;
        if (type === "float") delta <<= 8;
        sample = (sample + delta) | 0;
        if (type === "half") view.setUint16(to, sample & 0xffff, true);
        else view.setInt32(to, sample, true);
        to += SAMPLE_BYTES[type];
      }
      from += stored * width;
    }
  }
  return out;
}
