// Reads a file in pieces and answers with its SHA-256: away from the page, which stays quick meanwhile.
import { createSHA256 } from "hash-wasm";

const PIECE_BYTES = 4 << 20;

export interface HashQuestion {
  file: Blob;
}
export type HashAnswer = { bytes: number } | { digest: string } | { failed: string };

async function hash(file: Blob): Promise<string> {
  const hasher = await createSHA256();
  for (let start = 0; start < file.size; start += PIECE_BYTES) {
    const piece = await file.slice(start, start + PIECE_BYTES).arrayBuffer();
    hasher.update(new Uint8Array(piece));
    postMessage({ bytes: piece.byteLength } satisfies HashAnswer);
  }
  return hasher.digest("hex");
}

self.addEventListener("message", (message: MessageEvent<HashQuestion>) => {
  hash(message.data.file).then(
    (digest) => postMessage({ digest } satisfies HashAnswer),
    (error: unknown) => postMessage({ failed: String(error) } satisfies HashAnswer),
  );
});
