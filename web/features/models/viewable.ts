// Which models can be looked at in the browser, and up to what size.
import type { Schemas } from "@/shared/api/client";

type Model = Pick<Schemas["ModelDetail"], "kind" | "manifest">;

/** More than a browser's tab should hold beside its graphics memory. */
export const MOST_VIEWED_BYTES = 600 << 20;

export function canBeViewed({ kind }: Model): boolean {
  return kind === "splats" || kind === "gltf";
}
