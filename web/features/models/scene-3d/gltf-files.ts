// The files that a glTF is made of beside itself.
import { MOST_VIEWED_BYTES } from "../viewable";
import { tooLarge } from "./file-bytes";

/** Paths in the manifest of what the document names; what it carries in itself, or that lies outside, is left out. */
export function filesOfGltf(document: unknown, main: string): Map<string, string> {
  const found = new Map<string, string>();
  if (document === null || typeof document !== "object") return found;
  const { buffers, images } = document as { buffers?: unknown; images?: unknown };
  for (const item of [...listOf(buffers), ...listOf(images)]) {
    const uri = item.uri;
    if (typeof uri !== "string" || /^[a-z][a-z0-9+.-]*:/i.test(uri)) continue;
    const path = pathOf(uri, main);
    if (path !== null) found.set(uri, path);
  }
  return found;
}

interface Manifest {
  main: string;
  /** Bytes of each path. */
  files: ReadonlyMap<string, number>;
}

/** Each file once, of those that the model has. Raises `Problem` where all of them are more than a tab should hold. */
export function toLoad(named: Iterable<string>, { main, files }: Manifest): string[] {
  const paths = [...new Set(named)].filter((path) => files.has(path)); // it is shown without what it lacks
  const bytes = [main, ...paths].reduce((total, path) => total + (files.get(path) ?? 0), 0);
  if (bytes > MOST_VIEWED_BYTES) throw tooLarge(bytes, MOST_VIEWED_BYTES);
  return paths;
}

/** What the viewer cannot unpack; null: nothing. */
export function unknownPacking(document: unknown): string | null {
  const { extensionsRequired } = (document ?? {}) as { extensionsRequired?: unknown };
  const required = Array.isArray(extensionsRequired) ? (extensionsRequired as unknown[]) : [];
  return ["KHR_draco_mesh_compression", "KHR_texture_basisu"].find((each) => required.includes(each)) ?? null;
}

/** The JSON of a `.gltf`, or of a `.glb`, whose first chunk it is. */
export function documentOf(bytes: Uint8Array): unknown {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const isBinary = bytes.byteLength >= 20 && view.getUint32(0, true) === 0x46546c67;
  const text = isBinary ? bytes.subarray(20, 20 + view.getUint32(12, true)) : bytes;
  return JSON.parse(new TextDecoder().decode(text)) as unknown;
}

function pathOf(uri: string, main: string): string | null {
  let decoded: string;
  try {
    decoded = decodeURIComponent(uri);
  } catch {
    decoded = uri;
  }
  const parts = main.split("/").slice(0, -1);
  for (const part of decoded.split("/")) {
    if (part === "" || part === ".") continue;
    if (part !== "..") parts.push(part);
    else if (parts.pop() === undefined) return null;
  }
  return parts.join("/");
}

function listOf(value: unknown): { uri?: unknown }[] {
  return Array.isArray(value) ? (value as { uri?: unknown }[]) : [];
}
