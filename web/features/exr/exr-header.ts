// The headers of an OpenEXR file: its parts, their channels, and where their blocks lie (after the OpenEXR file
// layout document). The library that draws does not tell of layers, so the choice of one starts here.
import { ExrProblem } from "./exr-problem";

export const COMPRESSIONS = ["none", "RLE", "ZIPS", "ZIP", "PIZ", "PXR24", "B44", "B44A", "DWAA", "DWAB"] as const;
export type Compression = (typeof COMPRESSIONS)[number];

/** Scan lines of a block. */
const LINES: Record<Compression, number> = {
  none: 1,
  RLE: 1,
  ZIPS: 1,
  ZIP: 16,
  PIZ: 32,
  PXR24: 16,
  B44: 32,
  B44A: 32,
  DWAA: 32,
  DWAB: 256,
};

export type SampleType = "uint" | "half" | "float";
export const SAMPLE_BYTES: Record<SampleType, number> = { uint: 4, half: 2, float: 4 };
const SAMPLE_TYPES: readonly SampleType[] = ["uint", "half", "float"];

export interface ExrChannel {
  name: string;
  type: SampleType;
}

export interface ExrPart {
  name: string;
  /** In the order of the file, which is the order within a block. */
  channels: ExrChannel[];
  compression: Compression;
  left: number;
  top: number;
  width: number;
  height: number;
  linesOfBlock: number;
  tile: { width: number; height: number } | null;
  /** Where its blocks begin. */
  offsets: number[];
}

export interface ExrFile {
  bytes: Uint8Array;
  isMultipart: boolean;
  parts: ExrPart[];
}

const MAGIC = 20000630;
const TILED = 0x200;
const DEEP = 0x800;
const MULTIPART = 0x1000;
const MOST_BLOCKS = 1 << 20;
const OFFSET_BYTES = 8;

interface RawPart {
  name: string;
  channels: ExrChannel[] | null;
  isSubsampled: boolean;
  compression: number | null;
  window: [left: number, top: number, right: number, bottom: number] | null;
  tile: { width: number; height: number; levels: number } | null;
  chunkCount: number | null;
}

/** Raises `ExrProblem` for what cannot be shown. */
export function readHeaders(bytes: Uint8Array): ExrFile {
  const reader = new Reader(bytes);
  if (bytes.length < 8 || reader.int() !== MAGIC) throw new ExrProblem("notExr");
  const flags = reader.int();
  if ((flags & DEEP) !== 0) throw new ExrProblem("deep");
  const isMultipart = (flags & MULTIPART) !== 0;
  const parts: ExrPart[] = [];
  // A header may claim any number of blocks; the file has to hold the table of where they lie, of all parts together.
  let room = Math.floor(bytes.length / OFFSET_BYTES);
  do {
    const part = settle(readPart(reader), !isMultipart && (flags & TILED) !== 0, room);
    room -= part.offsets.length;
    parts.push(part);
  } while (isMultipart && reader.peek() !== 0);
  if (isMultipart) reader.byte();
  for (const part of parts) {
    const count = part.offsets.length;
    for (let block = 0; block < count; block += 1) {
      const offset = reader.long();
      if (offset === 0 || offset + 8 > bytes.length) throw new ExrProblem("cutOff");
      part.offsets[block] = offset;
    }
  }
  return { bytes, isMultipart, parts };
}

function readPart(reader: Reader): RawPart {
  const part: RawPart = {
    name: "",
    channels: null,
    isSubsampled: false,
    compression: null,
    window: null,
    tile: null,
    chunkCount: null,
  };
  while (reader.peek() !== 0) {
    const name = reader.text();
    const type = reader.text();
    const length = reader.int();
    const end = reader.at + length;
    if (length < 0) throw new ExrProblem("header");
    if (name === "channels") readChannels(reader, part);
    else if (name === "compression") part.compression = reader.byte();
    else if (name === "dataWindow") part.window = [reader.int(), reader.int(), reader.int(), reader.int()];
    else if (name === "tiles") part.tile = { width: reader.int(), height: reader.int(), levels: reader.byte() & 0xf };
    else if (name === "chunkCount") part.chunkCount = reader.int();
    else if (name === "name" && type === "string") part.name = reader.fixedText(length);
    else if (name === "type" && reader.fixedText(length).startsWith("deep")) throw new ExrProblem("deep");
    reader.at = end;
  }
  reader.byte();
  return part;
}

function readChannels(reader: Reader, part: RawPart): void {
  const channels: ExrChannel[] = [];
  while (reader.peek() !== 0) {
    const name = reader.text();
    const type = SAMPLE_TYPES[reader.int()];
    if (type === undefined) throw new ExrProblem("header");
    reader.at += 4;
    if (reader.int() !== 1 || reader.int() !== 1) part.isSubsampled = true;
    channels.push({ name, type });
  }
  part.channels = channels;
}

function settle(raw: RawPart, isTiled: boolean, room: number): ExrPart {
  const compression = COMPRESSIONS[raw.compression ?? -1];
  if (raw.compression !== null && compression === undefined) {
    throw new ExrProblem("compression", `number ${raw.compression}`);
  }
  if (raw.channels === null || raw.window === null || compression === undefined) throw new ExrProblem("header");
  if (raw.isSubsampled) throw new ExrProblem("subsampled");
  const [left, top, right, bottom] = raw.window;
  const width = right - left + 1;
  const height = bottom - top + 1;
  if (width < 1 || height < 1) throw new ExrProblem("header");
  if (isTiled && raw.tile === null) throw new ExrProblem("header");
  if (raw.tile !== null && raw.tile.levels !== 0) throw new ExrProblem("tiles");
  const { tile } = raw;
  const lines = tile?.height ?? LINES[compression];
  const across = tile === null ? 1 : Math.ceil(width / tile.width);
  const count = raw.chunkCount ?? Math.ceil(height / lines) * across;
  if (!(count > 0 && count <= MOST_BLOCKS)) throw new ExrProblem("header");
  if (count > room) throw new ExrProblem("cutOff");
  return {
    name: raw.name,
    channels: raw.channels,
    compression,
    left,
    top,
    width,
    height,
    linesOfBlock: lines,
    tile: tile === null ? null : { width: tile.width, height: tile.height },
    offsets: new Array<number>(count).fill(0),
  };
}

/** Reads numbers one after the other; what lies behind the end of the file is a file that was cut off. */
class Reader {
  at = 0;
  private readonly view: DataView;
  private readonly decoder = new TextDecoder();

  constructor(private readonly bytes: Uint8Array) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  peek(): number {
    this.need(1);
    return this.bytes[this.at]!;
  }

  byte(): number {
    const value = this.peek();
    this.at += 1;
    return value;
  }

  int(): number {
    this.need(4);
    this.at += 4;
    return this.view.getInt32(this.at - 4, true);
  }

  long(): number {
    this.need(8);
    this.at += 8;
    return Number(this.view.getBigUint64(this.at - 8, true));
  }

  text(): string {
    const end = this.bytes.indexOf(0, this.at);
    if (end < 0) throw new ExrProblem("cutOff");
    const text = this.decoder.decode(this.bytes.subarray(this.at, end));
    this.at = end + 1;
    return text;
  }

  /** Does not go on: the attribute's length does. */
  fixedText(length: number): string {
    this.need(length);
    return this.decoder.decode(this.bytes.subarray(this.at, this.at + length));
  }

  private need(count: number): void {
    if (this.at < 0 || this.at + count > this.bytes.length) throw new ExrProblem("cutOff");
  }
}
