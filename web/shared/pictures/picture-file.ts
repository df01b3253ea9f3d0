// The bytes of a picture behind an artifact's signed link.
import type { Schemas } from "@/shared/api/client";
import { Problem, problemOf } from "@/shared/api/problem";
import { strings } from "@/strings/en";

export type Artifact = Schemas["ArtifactView"];

const SHOWN_BY_BROWSERS = ["image/png", "image/jpeg", "image/webp", "image/gif", "image/avif"];

export function isBrowserPicture(artifact: Artifact): boolean {
  return SHOWN_BY_BROWSERS.includes(artifact.media_type);
}

export function isExr(artifact: Artifact): boolean {
  return artifact.media_type === "image/x-exr" || artifact.media_type === "image/aces" || /\.exr$/i.test(artifact.name);
}

/**
 * The link as this page should ask for it. Files that the farm serves itself are asked for where the page came from:
 * the policy of the page knows that place, and the farm may have several names.
 */
export function linkOf(url: string): string {
  const at = new URL(url, window.location.href);
  return at.pathname.startsWith("/v1/") ? at.pathname + at.search : url;
}

/** Raises `Problem`: the link has ended (403, 404, 410), or nobody answers. */
export async function fetchFile(url: string, signal?: AbortSignal): Promise<Blob> {
  let answer: Response;
  try {
    answer = await fetch(linkOf(url), { signal });
  } catch (error) {
    if (signal?.aborted === true) throw error;
    throw new Problem(0, { detail: strings.faults.fileUnreachable, remedy: strings.faults.checkConnection });
  }
  if (!answer.ok) throw await problemOf(answer);
  return answer.blob();
}

/** Whether a fresh link may help. */
export function hasLinkEnded(error: unknown): boolean {
  return error instanceof Problem && [401, 403, 404, 410].includes(error.status);
}
