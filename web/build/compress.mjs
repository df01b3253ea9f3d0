// Writes `X.gz` and `X.br` beside what compresses, once at build, so that no request pays for it.
import { readdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { promisify } from "node:util";
import { brotliCompress, constants, gzip } from "node:zlib";

const OUT = path.resolve(import.meta.dirname, "../out");
const TEXT = /\.(html|js|css|txt|json|svg|wasm)$/;
const SMALLEST = 1024;

for (const entry of await readdir(OUT, { recursive: true, withFileTypes: true })) {
  const file = path.join(entry.parentPath, entry.name);
  if (!entry.isFile() || !TEXT.test(entry.name)) continue;
  const content = await readFile(file);
  if (content.length < SMALLEST) continue;
  await writeFile(`${file}.gz`, await promisify(gzip)(content, { level: 9 }));
  const quality = { params: { [constants.BROTLI_PARAM_QUALITY]: 9 } };
  await writeFile(`${file}.br`, await promisify(brotliCompress)(content, quality));
}
