// A file that is not any more what it was when it was dropped: saved again, moved, or removed.
import { asProblem, Problem } from "@/shared/api/problem";
import { strings } from "@/strings/en";

export const FILE_CHANGED = "file-changed";

export function fileChanged(path: string): Problem {
  const words = strings.uploads.fileChanged(path);
  return new Problem(0, { code: FILE_CHANGED, path, detail: words, remedy: strings.uploads.fileChangedRemedy });
}

/** Raises where the browser can no longer read the file. */
export async function requireReadable(path: string, file: Blob): Promise<void> {
  try {
    await file.slice(0, 1).arrayBuffer();
  } catch {
    throw fileChanged(path);
  }
}

/** Raises the failure, told as a changed file where it comes of one: a browser says the same of a broken line. */
export async function explain(pieces: readonly { path: string; file: Blob }[], error: unknown): Promise<never> {
  if (asProblem(error).status === 0) for (const { path, file } of pieces) await requireReadable(path, file);
  throw error;
}
