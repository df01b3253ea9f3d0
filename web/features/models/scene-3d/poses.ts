// Cameras to look through, read from the files that a farm renders splats by: nerfstudio's camera paths, and
// transforms.json. Both look along -z with y up, as the viewer does.

export interface Pose {
  /** Camera to world, column by column. */
  matrix: number[];
  /** From the top of the picture to its bottom, degrees; null: the viewer's own. */
  fov: number | null;
}

/** A camera, or a path of them. */
export interface CameraPath {
  name: string;
  poses: Pose[];
}

/** Null: the JSON holds no cameras. */
export function cameraPathOf(name: string, json: unknown): CameraPath | null {
  if (json === null || typeof json !== "object") return null;
  const { camera_path: path, frames } = json as { camera_path?: unknown; frames?: unknown };
  const poses = Array.isArray(path)
    ? path.flatMap((item: unknown) => poseOf(item, "camera_to_world", fovOf))
    : Array.isArray(frames)
      ? frames.flatMap((item: unknown) => poseOf(item, "transform_matrix", (of) => lensOf({ ...json, ...of })))
      : [];
  return poses.length === 0 ? null : { name, poses };
}

function poseOf(item: unknown, key: string, fov: (of: Record<string, unknown>) => number | null): Pose[] {
  if (item === null || typeof item !== "object") return [];
  const of = item as Record<string, unknown>;
  const value = of[key];
  const rows = Array.isArray(value) ? (value.flat() as unknown[]) : [];
  const full = rows.length === 12 ? [...rows, 0, 0, 0, 1] : rows;
  if (full.length !== 16 || !full.every((each): each is number => Number.isFinite(each))) return [];
  const columns = [0, 1, 2, 3].flatMap((column) => [0, 1, 2, 3].map((row) => full[row * 4 + column] as number));
  return [{ matrix: columns, fov: fov(of) }];
}

function fovOf({ fov }: Record<string, unknown>): number | null {
  return typeof fov === "number" && fov > 0 && fov < 180 ? fov : null;
}

function lensOf({ fl_y, fl_x, h, w, camera_angle_x }: Record<string, unknown>): number | null {
  if (typeof h !== "number" || h <= 0) return null;
  const angled =
    typeof camera_angle_x === "number" && typeof w === "number" ? w / 2 / Math.tan(camera_angle_x / 2) : null;
  const focal = [fl_y, fl_x, angled].find((each): each is number => typeof each === "number" && each > 0);
  return focal === undefined ? null : (2 * Math.atan(h / 2 / focal) * 180) / Math.PI;
}
