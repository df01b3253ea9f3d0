"use client";
// The project that a page is about: it stands in the address, so that a link can be shared.
import { usePathname } from "next/navigation";

/** Path segments; `/projects/default/jobs/0198…/` is `["projects", "default", "jobs", "0198…"]`. */
export function useSegments(): string[] {
  return (usePathname() ?? "").split("/").filter(Boolean).map(decoded);
}

/** As it stands where it is not well written: then nothing has that name, and the page says so. */
function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}

/** Slug of the project in the address; raises outside of `/projects/…`. */
export function useProject(): string {
  const slug = useProjectOrNone();
  if (slug === null) throw new Error("This page is of no project.");
  return slug;
}

export function useProjectOrNone(): string | null {
  const [section, slug] = useSegments();
  return section === "projects" && slug !== undefined ? slug : null;
}

/** The header that names the project, for `params.header` of a request. */
export function useProjectHeader(): { "X-Rayfarm-Project": string } {
  return projectHeader(useProject());
}

export function projectHeader(slug: string): { "X-Rayfarm-Project": string } {
  return { "X-Rayfarm-Project": slug };
}

const LAST_PROJECT = "rayfarm.project";

/** Kept for the next visit to `/`. */
export function rememberProject(slug: string): void {
  localStorage.setItem(LAST_PROJECT, slug);
}

export function lastProject(): string | null {
  return localStorage.getItem(LAST_PROJECT);
}
