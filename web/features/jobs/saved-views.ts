// Filters that somebody keeps under a name, in their browser, by project.
import { addressOfFilters, filtersOf, type JobFilters } from "./filters";

export interface SavedView {
  name: string;
  /** As it would stand in the address. */
  query: string;
}

const MOST = 50;

function keyOf(project: string): string {
  return `rayfarm.views/${project}`;
}

/** What cannot be read (of a later version, or edited) is no view. */
export function savedViews(project: string): SavedView[] {
  try {
    const kept: unknown = JSON.parse(localStorage.getItem(keyOf(project)) ?? "[]");
    return Array.isArray(kept) ? kept.filter(isView) : [];
  } catch {
    return [];
  }
}

/** One of the same name is replaced. */
export function saveView(project: string, name: string, filters: JobFilters): SavedView[] {
  const others = savedViews(project).filter((view) => view.name !== name);
  return keep(project, [...others, { name, query: addressOfFilters(filters) }].slice(-MOST));
}

export function deleteView(project: string, name: string): SavedView[] {
  return keep(
    project,
    savedViews(project).filter((view) => view.name !== name),
  );
}

export function filtersOfView(view: SavedView): JobFilters {
  return filtersOf(new URLSearchParams(view.query));
}

function keep(project: string, views: SavedView[]): SavedView[] {
  localStorage.setItem(keyOf(project), JSON.stringify(views));
  return views;
}

function isView(value: unknown): value is SavedView {
  return (
    typeof value === "object" &&
    value !== null &&
    "name" in value &&
    typeof value.name === "string" &&
    "query" in value &&
    typeof value.query === "string"
  );
}
