// The digests of files: remembered ones, and the others read by workers and remembered as they come.
import type { Hasher } from "./hash-pool";
import { rememberDigests, rememberedDigests } from "./memory";
import { stampOf, type SceneFile } from "./scene-files";

const REMEMBER_EVERY_MS = 1000;

/** Digest by path. `onBytes`: bytes more whose digest is known. */
export async function digestsOf(
  files: readonly SceneFile[],
  hash: Hasher,
  onBytes: (bytes: number) => void,
  signal: AbortSignal,
): Promise<Map<string, string>> {
  const known = await rememberedDigests(files.map(stampOf));
  const digests = new Map<string, string>();
  let fresh = new Map<string, string>();
  let keptAt = Date.now();
  try {
    await Promise.all(
      files.map(async (each) => {
        const stamp = stampOf(each);
        const remembered = known.get(stamp);
        if (remembered !== undefined) onBytes(each.file.size);
        const digest = remembered ?? (await hash(each.file, onBytes, signal));
        digests.set(each.path, digest);
        if (remembered !== undefined) return;
        fresh.set(stamp, digest);
        if (Date.now() - keptAt > REMEMBER_EVERY_MS) keep();
      }),
    );
  } finally {
    keep();
  }
  signal.throwIfAborted();
  return digests;

  function keep() {
    if (fresh.size > 0) void rememberDigests(fresh);
    fresh = new Map();
    keptAt = Date.now();
  }
}
