// Unpacks a zip away from the page, and lets the page have the files as they come.
import { createCRC32 } from "hash-wasm";
import { asProblem } from "@/shared/api/problem";
import { isSafePath, type SceneFile } from "./scene-files";
import { directoryOf, unpackEntry } from "./zip";

export type UnzipAnswer = { files: SceneFile[] } | { failed: { detail: string; remedy: string | null } };

async function unzip(zip: Blob): Promise<SceneFile[]> {
  const crc32 = await createCRC32();
  const files: SceneFile[] = [];
  for (const entry of await directoryOf(zip)) {
    // Windows writes `\`, against the format; what would leave the folder is not even unpacked.
    const path = entry.path.replaceAll("\\", "/");
    if (!isSafePath(path)) continue;
    files.push({ path, file: await unpackEntry(zip, entry, crc32Of), crc32: entry.crc32 });
  }
  return files;

  async function crc32Of(content: ReadableStream<Uint8Array>): Promise<number> {
    crc32.init();
    const reader = content.getReader();
    for (let piece = await reader.read(); !piece.done; piece = await reader.read()) crc32.update(piece.value);
    return Number.parseInt(crc32.digest("hex"), 16);
  }
}

self.addEventListener("message", (message: MessageEvent<{ zip: Blob }>) => {
  unzip(message.data.zip).then(
    (files) => postMessage({ files } satisfies UnzipAnswer),
    (error: unknown) => {
      const { message: detail, remedy } = asProblem(error);
      postMessage({ failed: { detail, remedy } } satisfies UnzipAnswer);
    },
  );
});
