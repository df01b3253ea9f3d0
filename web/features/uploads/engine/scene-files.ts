// The files of a scene as a browser hands them over, and which of them go to the farm under which path.

/** A file under its path in what was dropped. */
export interface SceneFile {
  path: string;
  file: File;
  /** Of a file out of a zip, whose times say nothing: many tools write the same for all. */
  crc32?: number;
}

export interface Gathered {
  /** What was dropped as one thing (a folder, a zip); null: files side by side. */
  name: string | null;
  files: SceneFile[];
  /** Paths that stay here, and why. */
  leftOut: { path: string; why: "hidden" | "backup" | "unsafe" | "double" }[];
}

const MOST_PATH_BYTES = 1024;
const MOST_NAME_BYTES = 255;
/** Blender's own copies of earlier saves: no scene refers to them. */
const BACKUP = /\.blend\d+$/i;
const encoder = new TextEncoder();

/** Whether a manifest takes the path: relative, normal, with `/` alone, and never out of its folder. */
export function isSafePath(path: string): boolean {
  if (path === "" || path.includes("\\") || path.startsWith("/") || /^[A-Za-z]:/.test(path)) return false;
  if (/[\u0000-\u001f\u007f]/.test(path) || encoder.encode(path).length > MOST_PATH_BYTES) return false;
  return path
    .split("/")
    .every((part) => !["", ".", ".."].includes(part) && encoder.encode(part).length <= MOST_NAME_BYTES);
}

/** The files with paths below the one folder that holds them all, without what no farm needs or takes. */
export function gather(files: readonly SceneFile[], name: string | null): Gathered {
  const leftOut: Gathered["leftOut"] = [];
  const kept: SceneFile[] = [];
  const seen = new Set<string>();
  for (const each of files) {
    const { path } = each;
    const why = reasonAgainst(path, seen);
    if (why === null) kept.push(each);
    else leftOut.push({ path, why });
    seen.add(path.toLowerCase());
  }
  const folder = sharedFolder(kept.map(({ path }) => path));
  if (folder === null) return { name, files: kept, leftOut };
  const inside = kept.map((each) => ({ ...each, path: each.path.slice(folder.length + 1) }));
  return { name: name ?? folder, files: inside, leftOut };
}

function reasonAgainst(path: string, seen: ReadonlySet<string>): "hidden" | "backup" | "unsafe" | "double" | null {
  if (!isSafePath(path)) return "unsafe";
  const parts = path.split("/");
  if (parts.some((part) => part.startsWith(".")) || parts[0] === "__MACOSX") return "hidden";
  if (BACKUP.test(path)) return "backup";
  return seen.has(path.toLowerCase()) ? "double" : null;
}

/** The first folder of all paths; null: they do not share one. */
function sharedFolder(paths: readonly string[]): string | null {
  const [first] = paths;
  if (first === undefined || !first.includes("/")) return null;
  const folder = first.slice(0, first.indexOf("/"));
  return paths.every((path) => path.startsWith(`${folder}/`)) ? folder : null;
}

/** What tells that a file is still the one whose digest is known. */
export function stampOf({ path, file, crc32 }: SceneFile): string {
  return `${path}|${file.size}|${crc32 === undefined ? file.lastModified : `crc32 ${crc32}`}`;
}
