// Where a cloud lies, for the first look at it.
import { Sphere, Vector3 } from "three";

const MOST_OF_IT = 0.9;

/** Where most of it is: single gaussians far away do not count, nor those of no place. Null: there are no others. */
export function boundsOf(centers: readonly Vector3[]): Sphere | null {
  const placed = centers.filter(({ x, y, z }) => [x, y, z].every(Number.isFinite));
  if (placed.length === 0) return null;
  const middle = new Vector3(
    median(placed.map(({ x }) => x)),
    median(placed.map(({ y }) => y)),
    median(placed.map(({ z }) => z)),
  );
  const distances = placed.map((center) => center.distanceTo(middle)).sort((one, other) => one - other);
  return new Sphere(middle, distances[Math.floor(distances.length * MOST_OF_IT)] || 1);
}

function median(values: number[]): number {
  values.sort((one, other) => one - other);
  return values[Math.floor(values.length / 2)] ?? 0;
}
