"use client";
// The names of shows, shots and tags that the project has, for completion.
import { $api } from "@/shared/api/client";
import { useProject } from "@/shared/api/project";

const MOST = 500;
const FRESH_MS = 60_000;

export interface Groups {
  shows: string[];
  /** Of the show that is named. */
  shots: string[];
  tags: string[];
}

export function useGroups(show: string): Groups {
  const path = { slug: useProject() };
  const options = { staleTime: FRESH_MS };
  const shows = $api.useQuery(
    "get",
    "/v1/projects/{slug}/shows",
    { params: { path, query: { limit: MOST } } },
    options,
  );
  const shots = $api.useQuery(
    "get",
    "/v1/projects/{slug}/shots",
    { params: { path, query: { show, limit: MOST } } },
    { ...options, enabled: show !== "" },
  );
  const tags = $api.useQuery("get", "/v1/projects/{slug}/tags", { params: { path, query: { limit: MOST } } }, options);
  return { shows: names(shows.data), shots: show === "" ? [] : names(shots.data), tags: names(tags.data) };
}

function names(page: { items: { name: string }[] } | undefined): string[] {
  return page?.items.map((each) => each.name) ?? [];
}
