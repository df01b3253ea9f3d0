// Reads a zip as untrusted: its directory at the end first, with bounds on how many files and bytes it may become, then
// each file, which must come to the length and the checksum that the directory says.
import { Problem } from "@/shared/api/problem";
import { formatBytes } from "@/shared/format/format";
import { strings } from "@/strings/en";

export interface ZipEntry {
  path: string;
  packedBytes: number;
  bytes: number;
  crc32: number;
  isDeflated: boolean;
  offset: number;
  modifiedAt: number;
}

export interface ZipBounds {
  files: number;
  bytes: number;
}

export const BOUNDS: ZipBounds = { files: 200_000, bytes: 64 * 2 ** 30 };

/** Scenes pack to a half or a tenth; a whole zip that becomes much more than that is there to fill a disk. */
const USUAL_GAIN = 50;
const ALWAYS_TAKEN_BYTES = 2 * 2 ** 30;
/** Of what the browser may still keep: unpacked files lie on its disk, where other pages keep theirs. */
const MOST_OF_STORAGE = 0.5;

/** How much this zip may become here. */
export async function boundsFor(zip: Blob): Promise<ZipBounds> {
  const likely = Math.max(ALWAYS_TAKEN_BYTES, zip.size * USUAL_GAIN);
  return { files: BOUNDS.files, bytes: Math.min(BOUNDS.bytes, likely, await storageLeft()) };
}

/** Bytes; unbounded where the browser does not say, as on plain http. */
async function storageLeft(): Promise<number> {
  const { quota, usage } = (await globalThis.navigator?.storage?.estimate().catch(() => undefined)) ?? {};
  return quota === undefined ? Infinity : Math.floor(Math.max(0, quota - (usage ?? 0)) * MOST_OF_STORAGE);
}

/** Bytes of a stretch of nothing that DEFLATE makes of one byte at most. */
const MOST_GAIN = 1100;
const END = 0x06054b50;
const END_64 = 0x06064b50;
const LOCATOR_64 = 0x07064b50;
const ENTRY = 0x02014b50;
const LOCAL = 0x04034b50;
const LONGEST_END_BYTES = 22 + 0xffff;
const MOST_DIRECTORY_BYTES = 256 << 20;
const UNIX_LINK = 0o120000;

/** The files in it; folders are left out. Raises `Problem` for what is no zip, or one that is not to be unpacked. */
export async function directoryOf(zip: Blob, within?: ZipBounds): Promise<ZipEntry[]> {
  const bounds = within ?? (await boundsFor(zip));
  const { count, size, offset } = await endOf(zip);
  if (count > bounds.files) throw refused(strings.uploads.zipTooManyFiles(bounds.files));
  if (size > MOST_DIRECTORY_BYTES || offset + size > zip.size) throw refused(strings.uploads.zipBroken);
  const view = await viewOf(zip, offset, size);
  const entries: ZipEntry[] = [];
  let total = 0;
  let packed = 0;
  let at = 0;
  for (let number = 0; number < count; number += 1) {
    if (at + 46 > view.byteLength || view.getUint32(at, true) !== ENTRY) throw refused(strings.uploads.zipBroken);
    const { entry, next } = readEntry(view, at);
    at = next;
    if (entry === null) continue;
    total += entry.bytes;
    packed += entry.packedBytes;
    if (packed > zip.size) throw refused(strings.uploads.zipBroken); // entries that share their bytes: a bomb
    if (total > bounds.bytes || entry.bytes > entry.packedBytes * MOST_GAIN + MOST_GAIN) {
      throw refused(strings.uploads.zipTooLarge(formatBytes(bounds.bytes)));
    }
    entries.push(entry);
  }
  return entries;
}

/** One file of it. Raises `Problem` where it does not come to what the directory says. */
export async function unpackEntry(
  zip: Blob,
  entry: ZipEntry,
  crc32Of: (bytes: ReadableStream<Uint8Array>) => Promise<number>,
): Promise<File> {
  const head = await viewOf(zip, entry.offset, 30);
  if (head.byteLength < 30 || head.getUint32(0, true) !== LOCAL) throw refused(strings.uploads.zipBroken);
  const start = entry.offset + 30 + head.getUint16(26, true) + head.getUint16(28, true);
  const packed = zip.slice(start, start + entry.packedBytes);
  const content = entry.isDeflated ? await inflated(packed, entry.bytes) : packed;
  if (content.size !== entry.bytes || (await crc32Of(content.stream())) !== entry.crc32) {
    throw refused(strings.uploads.zipBroken);
  }
  const name = entry.path.slice(entry.path.lastIndexOf("/") + 1);
  return new File([content], name, { lastModified: entry.modifiedAt });
}

async function inflated(packed: Blob, bytes: number): Promise<Blob> {
  let seen = 0;
  const bounded = new TransformStream<Uint8Array, Uint8Array>({
    transform(piece, controller) {
      seen += piece.byteLength;
      if (seen > bytes) controller.error(refused(strings.uploads.zipBroken));
      else controller.enqueue(piece);
    },
  });
  const inflating = new DecompressionStream("deflate-raw") as unknown as TransformStream<Uint8Array, Uint8Array>;
  try {
    return await new Response(packed.stream().pipeThrough(inflating).pipeThrough(bounded)).blob();
  } catch {
    throw refused(strings.uploads.zipBroken);
  }
}

async function endOf(zip: Blob): Promise<{ count: number; size: number; offset: number }> {
  const start = Math.max(0, zip.size - LONGEST_END_BYTES);
  const tail = await viewOf(zip, start, zip.size - start);
  let at = tail.byteLength - 22;
  while (at >= 0 && tail.getUint32(at, true) !== END) at -= 1;
  if (at < 0) throw refused(strings.uploads.zipBroken);
  const count = tail.getUint16(at + 10, true);
  const size = tail.getUint32(at + 12, true);
  const offset = tail.getUint32(at + 16, true);
  if (count !== 0xffff && size !== 0xffffffff && offset !== 0xffffffff) return { count, size, offset };
  if (at < 20 || tail.getUint32(at - 20, true) !== LOCATOR_64) return { count, size, offset };
  const end = await viewOf(zip, bigAt(tail, at - 20 + 8), 56);
  if (end.byteLength < 56 || end.getUint32(0, true) !== END_64) throw refused(strings.uploads.zipBroken);
  return { count: bigAt(end, 32), size: bigAt(end, 40), offset: bigAt(end, 48) };
}

function readEntry(view: DataView, at: number): { entry: ZipEntry | null; next: number } {
  const flags = view.getUint16(at + 8, true);
  const method = view.getUint16(at + 10, true);
  const nameBytes = view.getUint16(at + 28, true);
  const extraBytes = view.getUint16(at + 30, true);
  const next = at + 46 + nameBytes + extraBytes + view.getUint16(at + 32, true);
  if (next > view.byteLength) throw refused(strings.uploads.zipBroken);
  const path = new TextDecoder().decode(new Uint8Array(view.buffer, view.byteOffset + at + 46, nameBytes));
  const mode = view.getUint32(at + 38, true) >>> 16;
  if (path.endsWith("/") || (mode & 0o170000) === UNIX_LINK) return { entry: null, next };
  if ((flags & 1) !== 0) throw refused(strings.uploads.zipLocked);
  if (method !== 0 && method !== 8) throw refused(strings.uploads.zipMethod);
  const sizes = {
    bytes: view.getUint32(at + 24, true),
    packedBytes: view.getUint32(at + 20, true),
    offset: view.getUint32(at + 42, true),
  };
  readLarge(view, at + 46 + nameBytes, extraBytes, sizes);
  const entry: ZipEntry = {
    path,
    ...sizes,
    crc32: view.getUint32(at + 16, true),
    isDeflated: method === 8,
    modifiedAt: timeOf(view.getUint16(at + 14, true), view.getUint16(at + 12, true)),
  };
  return { entry, next };
}

/** Sizes beyond 4 GiB stand in an extra field, in this order, each only where its own place is full. */
function readLarge(
  view: DataView,
  start: number,
  length: number,
  sizes: { bytes: number; packedBytes: number; offset: number },
): void {
  for (let at = start; at + 4 <= start + length; at += 4 + view.getUint16(at + 2, true)) {
    if (view.getUint16(at, true) !== 1) continue;
    let place = at + 4;
    for (const key of ["bytes", "packedBytes", "offset"] as const) {
      if (sizes[key] !== 0xffffffff || place + 8 > view.byteLength) continue;
      sizes[key] = bigAt(view, place);
      place += 8;
    }
  }
}

function timeOf(date: number, time: number): number {
  const day = [1980 + (date >> 9), ((date >> 5) & 15) - 1, date & 31] as const;
  return new Date(...day, time >> 11, (time >> 5) & 63, (time & 31) * 2).getTime();
}

function bigAt(view: DataView, at: number): number {
  const value = Number(view.getBigUint64(at, true));
  if (!Number.isSafeInteger(value)) throw refused(strings.uploads.zipBroken);
  return value;
}

async function viewOf(blob: Blob, start: number, size: number): Promise<DataView> {
  return new DataView(await blob.slice(start, start + size).arrayBuffer());
}

function refused(words: { detail: string; remedy: string }): Problem {
  return new Problem(0, { code: "zip-refused", ...words });
}
