// What a list of jobs is narrowed to, as it stands in the address, in a saved view and in the request.
import type { paths } from "@/shared/api/schema";
import type { Schemas } from "@/shared/api/client";

export type JobState = Schemas["JobState"];
export type JobSort = Schemas["JobSort"];
type JobQuery = NonNullable<paths["/v1/jobs"]["get"]["parameters"]["query"]>;

export interface JobFilters {
  state: JobState[];
  name: string;
  tag: string[];
  show: string;
  shot: string;
  pipeline: string;
  model: string;
  /** Only jobs of who is signed in. */
  mine: boolean;
  sort: JobSort;
}

export const STATES: readonly JobState[] = [
  "queued",
  "blocked",
  "running",
  "awaiting_approval",
  "paused",
  "finishing",
  "canceling",
  "succeeded",
  "failed",
  "canceled",
];
export const SORTS: readonly JobSort[] = ["-created_at", "created_at", "-ended_at", "ended_at", "name", "-name"];
const NEWEST: JobSort = "-created_at";

export const NO_FILTERS: JobFilters = {
  state: [],
  name: "",
  tag: [],
  show: "",
  shot: "",
  pipeline: "",
  model: "",
  mine: false,
  sort: NEWEST,
};

const WORDS = ["name", "show", "shot", "pipeline", "model"] as const;
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** What an address asks for; what it cannot mean is left out, so that a mistyped link shows a list all the same. */
export function filtersOf(address: URLSearchParams): JobFilters {
  const filters: JobFilters = {
    ...NO_FILTERS,
    state: STATES.filter((state) => address.getAll("state").includes(state)),
    tag: [...new Set(address.getAll("tag").filter(Boolean))],
    mine: address.get("mine") === "1",
    sort: SORTS.find((sort) => sort === address.get("sort")) ?? NEWEST,
  };
  for (const key of WORDS) filters[key] = address.get(key) ?? "";
  if (!UUID.test(filters.model)) filters.model = "";
  return filters;
}

/** The address's part behind `?`; empty where nothing is narrowed. */
export function addressOfFilters(filters: JobFilters): string {
  const address = new URLSearchParams();
  for (const state of filters.state) address.append("state", state);
  for (const key of WORDS) if (filters[key] !== "") address.set(key, filters[key]);
  for (const tag of filters.tag) address.append("tag", tag);
  if (filters.mine) address.set("mine", "1");
  if (filters.sort !== NEWEST) address.set("sort", filters.sort);
  return address.toString();
}

/** The request's parameters. */
export function queryOf(filters: JobFilters): JobQuery {
  const query: JobQuery = { sort: filters.sort };
  if (filters.state.length > 0) query.state = filters.state;
  if (filters.tag.length > 0) query.tag = filters.tag;
  for (const key of WORDS) {
    const word = filters[key].trim();
    if (word !== "") query[key] = word;
  }
  if (filters.mine) query.submitted_by = "me";
  return query;
}

/** Whether anything but the order is asked for. */
export function isNarrowed(filters: JobFilters): boolean {
  return addressOfFilters({ ...filters, sort: NEWEST }) !== "";
}
