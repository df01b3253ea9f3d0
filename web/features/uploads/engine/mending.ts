// Finds, among files that are at hand, those that a scene refers to and lacks: the path that it names may be one of
// another machine, so the file that agrees with it from its end on is taken.

/** A reference that the probe could not follow, of `missing` of a model. */
export interface MissingReference {
  raw: string;
  kind: string;
  owner: string;
  /** Where the engine looks in the model; null: outside of it. */
  resolved: string | null;
  sequence: boolean;
  folder: boolean;
}

export interface Mended {
  /** Manifest path → path among the files at hand. */
  added: Map<string, string>;
  /** Reference → manifest path. */
  remap: Map<string, string>;
  unmended: MissingReference[];
}

/** Folder of a manifest for files from outside the scene's folder. */
const OUTSIDE = "external";
const TILES: readonly [token: string, pattern: string][] = [
  ["<UDIM>", "\\d{4}"],
  ["<UVTILE>", "u\\d+_v\\d+"],
];

export function missingOf(missing: readonly unknown[]): MissingReference[] {
  return missing.flatMap((item) => {
    if (item === null || typeof item !== "object") return [];
    const { raw, kind, owner, resolved, sequence, folder } = item as Partial<MissingReference>;
    if (typeof raw !== "string" || raw === "") return [];
    return [
      {
        raw,
        kind: kind ?? "file",
        owner: owner ?? "",
        resolved: resolved ?? null,
        sequence: sequence === true,
        folder: folder === true,
      },
    ];
  });
}

/** Among the files of the model itself: references that lead to another machine are led to where the file lies. */
export function mendWithin(missing: readonly MissingReference[], paths: readonly string[]): Mended {
  const remap = new Map<string, string>();
  const unmended: MissingReference[] = [];
  for (const reference of missing) {
    const found = filesOf(reference, paths);
    if (found === null || found.target === reference.resolved) unmended.push(reference);
    else remap.set(reference.raw, found.target);
  }
  return { added: new Map(), remap, unmended };
}

/** Among more files: each goes where the engine looks for it, or into a folder of its own and is led to from there. */
export function mendWith(
  missing: readonly MissingReference[],
  here: readonly string[],
  manifest: readonly string[],
): Mended {
  const added = new Map<string, string>();
  const remap = new Map<string, string>();
  const unmended: MissingReference[] = [];
  // No manifest may hold one file under two spellings.
  const spelled = new Map(manifest.map((path) => [path.toLowerCase(), path]));
  for (const reference of missing) {
    const found = filesOf(reference, here);
    if (found === null) {
      unmended.push(reference);
      continue;
    }
    const target = reference.resolved ?? `${OUTSIDE}/${found.target}`;
    let spelling = target;
    for (const path of found.files) {
      const place = placeOf(path, found, target);
      const known = spelled.get(place.toLowerCase()) ?? place;
      spelled.set(place.toLowerCase(), known);
      added.set(known, path);
      if (place === target) spelling = known;
    }
    if (spelling !== reference.resolved) remap.set(reference.raw, spelling);
  }
  return { added, remap, unmended };
}

interface Found {
  target: string;
  files: string[];
}

/** Where a file of what was found goes, if that goes to `target`. */
function placeOf(path: string, found: Found, target: string): string {
  if (path === found.target) return target;
  if (path.startsWith(`${found.target}/`)) return target + path.slice(found.target.length);
  const folder = target.slice(0, target.lastIndexOf("/") + 1);
  return folder + path.slice(path.lastIndexOf("/") + 1);
}

function filesOf(reference: MissingReference, here: readonly string[]): Found | null {
  const wanted = reference.raw.replaceAll("\\", "/").split("/").filter(Boolean);
  const name = wanted.at(-1);
  if (name === undefined) return null;
  if (reference.folder) {
    const inside = folderNamed(wanted, here);
    if (inside !== null) return inside;
  }
  const pattern = tilesOf(name) ?? (reference.sequence ? sequenceOf(name) : null);
  const fits = pattern ?? new RegExp(`^${escaped(name)}$`, "i");
  const best = closest(
    wanted,
    here.filter((path) => fits.test(nameOf(path))),
  );
  if (best === null) return null;
  if (pattern === null) return { target: best, files: [best] };
  const folder = best.slice(0, best.length - nameOf(best).length);
  const files = here.filter((path) => path.startsWith(folder) && fits.test(path.slice(folder.length)));
  return { target: tilesOf(name) === null ? exactOr(files, folder + name) : folder + name, files };
}

function exactOr(files: readonly string[], path: string): string {
  return files.find((each) => each.toLowerCase() === path.toLowerCase()) ?? files[0] ?? path;
}

function folderNamed(wanted: readonly string[], here: readonly string[]): Found | null {
  const name = wanted.at(-1)?.toLowerCase();
  const folders = new Set<string>();
  for (const path of here) {
    const parts = path.split("/");
    for (let end = 1; end < parts.length; end += 1) {
      if (parts[end - 1]?.toLowerCase() === name) folders.add(parts.slice(0, end).join("/"));
    }
  }
  const best = closest(wanted, [...folders]);
  if (best === null) return null;
  return { target: best, files: here.filter((path) => path.startsWith(`${best}/`)) };
}

/** The path whose last parts agree with the reference the longest; the shortest of several. */
function closest(wanted: readonly string[], paths: readonly string[]): string | null {
  const last = wanted.slice(0, -1).reverse();
  let best: { path: string; same: number } | null = null;
  for (const path of [...paths].sort((one, other) => one.length - other.length || one.localeCompare(other))) {
    const folders = path.split("/").slice(0, -1).reverse();
    let same = 0;
    while (same < folders.length && folders[same]?.toLowerCase() === last[same]?.toLowerCase()) same += 1;
    if (best === null || same > best.same) best = { path, same };
  }
  return best?.path ?? null;
}

function tilesOf(name: string): RegExp | null {
  for (const [token, digits] of TILES) {
    const at = name.indexOf(token);
    if (at >= 0) {
      return new RegExp(`^${escaped(name.slice(0, at))}${digits}${escaped(name.slice(at + token.length))}$`, "i");
    }
  }
  return null;
}

/** What the files of a numbered sequence are called, by one of them; null: it has no number. */
function sequenceOf(name: string): RegExp | null {
  const match = /(\d+)(?=\D*$)/.exec(name);
  if (match === null) return null;
  const after = name.slice(match.index + match[0].length);
  return new RegExp(`^${escaped(name.slice(0, match.index))}\\d+${escaped(after)}$`, "i");
}

function nameOf(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
}
