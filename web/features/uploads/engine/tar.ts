// An archive of small files as `POST /v1/blobs:batch` takes it: ustar, each entry named by its digest.

const BLOCK = 512;

export interface TarEntry {
  digest: string;
  file: Blob;
}

export function tarOf(entries: readonly TarEntry[]): Blob {
  const parts: BlobPart[] = [];
  for (const { digest, file } of entries) {
    parts.push(headerOf(digest, file.size), file, new Uint8Array(-file.size & (BLOCK - 1)));
  }
  parts.push(new Uint8Array(2 * BLOCK));
  return new Blob(parts, { type: "application/x-tar" });
}

/** Bytes that a file takes in an archive. */
export function archivedBytes(size: number): number {
  return BLOCK + size + (-size & (BLOCK - 1));
}

export const ARCHIVE_END_BYTES = 2 * BLOCK;

function headerOf(name: string, size: number): Uint8Array<ArrayBuffer> {
  const header = new Uint8Array(BLOCK);
  const write = (text: string, at: number) => header.set(new TextEncoder().encode(text), at);
  const octal = (value: number, digits: number) => `${value.toString(8).padStart(digits, "0")}\0`;
  write(name, 0);
  write(octal(0o644, 7), 100);
  write(octal(0, 7), 108);
  write(octal(0, 7), 116);
  write(octal(size, 11), 124);
  write(octal(0, 11), 136);
  write(" ".repeat(8), 148);
  write("0", 156);
  write("ustar\x0000", 257);
  const sum = header.reduce((total, byte) => total + byte, 0);
  write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
  return header;
}
