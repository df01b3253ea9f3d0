// Which file of a scene an engine opens, and what kind of model that makes it: the rules of the Python client.
import type { Schemas } from "@/shared/api/client";

export type ModelKind = Schemas["ModelKind"];

const ENDINGS: readonly [kind: ModelKind, endings: readonly string[]][] = [
  ["blender", [".blend"]],
  ["diffusion", ["model_index.json"]],
  ["mitsuba", [".xml", ".mitsuba.json"]],
  ["splats", [".ply", ".splat", ".spz", ".sog"]],
  ["gltf", [".gltf", ".glb"]],
  ["obj", [".obj"]],
  ["usd", [".usd", ".usda", ".usdc", ".usdz"]],
  ["fbx", [".fbx"]],
];

/** Kinds that lie about as exports or parts of a scene: such a file counts only where none of a lower rank is there. */
const RANK: Partial<Record<ModelKind, number>> = { gltf: 1, usd: 1, fbx: 1, obj: 2, splats: 2 };

export const KNOWN_ENDINGS = ENDINGS.flatMap(([, endings]) => endings);

export interface MainFile {
  path: string;
  kind: ModelKind;
}

/** The kind of a main file by its name; null: the farm knows none. */
export function kindOf(path: string): ModelKind | null {
  const name = path.toLowerCase();
  return ENDINGS.find(([, endings]) => endings.some((ending) => name.endsWith(ending)))?.[0] ?? null;
}

/** What may be the main file: one is it, several are to be chosen from, none is no scene. */
export function mainFilesOf(paths: readonly string[]): MainFile[] {
  const found = paths.flatMap((path) => {
    const kind = kindOf(path);
    return kind === null ? [] : [{ path, kind, rank: RANK[kind] ?? 0, depth: path.split("/").length }];
  });
  const rank = Math.min(...found.map((each) => each.rank));
  const ranked = found.filter((each) => each.rank === rank);
  const depth = Math.min(...ranked.map((each) => each.depth));
  return ranked
    .filter((each) => each.depth === depth)
    .map(({ path, kind }) => ({ path, kind }))
    .sort((one, other) => one.path.localeCompare(other.path));
}

/** What a model is called where nobody says: the scene's name, or the folder's where the file's name says nothing. */
export function modelNameOf(main: MainFile, folder: string | null): string {
  const name = main.path.slice(main.path.lastIndexOf("/") + 1);
  const stem = name.replace(/\.mitsuba\.json$/i, "").replace(/\.[^.]+$/, "");
  return (main.kind === "diffusion" && folder !== null ? folder : stem).slice(0, 200) || "scene";
}
