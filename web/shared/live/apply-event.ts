// What an event changes in the cache of queries. Counts and states are written at once from the event itself; lists
// that may have gained or lost a row are read again at once, and then at most once in a second.
import type { Query, QueryClient } from "@tanstack/react-query";
import type { Schemas } from "@/shared/api/client";
import type { FarmEvent } from "./stream";

type Job = Schemas["JobView"];

const AGAIN_MS = 1000;
/** What was read in the last second or is being read now; `again`: and must be once more then. */
const readings = new WeakMap<QueryClient, Map<string, { again: boolean }>>();

/** Which paths hold what an event of this kind is about. */
const TOUCHED: readonly [prefix: string, paths: readonly string[]][] = [
  ["job.", ["/v1/jobs", "/v1/jobs/{job_id}", "/v1/queues"]],
  ["job.delivered", ["/v1/jobs/{job_id}/deliveries"]],
  ["delivery.", ["/v1/jobs/{job_id}/deliveries"]],
  ["frames.", ["/v1/jobs/{job_id}"]],
  ["frame.retried", ["/v1/jobs/{job_id}"]],
  ["chunk.", ["/v1/jobs/{job_id}", "/v1/replicas", "/v1/queues"]],
  ["node.", ["/v1/jobs/{job_id}/blocklist", "/v1/blocklists"]],
  ["output.", ["/v1/jobs/{job_id}/artifacts", "/v1/jobs/{job_id}/steps", "/v1/jobs/{job_id}"]],
  ["model.", ["/v1/models", "/v1/models/{model_id}"]],
  ["budget.", ["/v1/projects/{slug}/budget"]],
  ["credits.", ["/v1/projects/{slug}/credits"]],
  ["prepaid.", ["/v1/projects/{slug}/credits"]],
  ["invoice.", ["/v1/projects/{slug}/invoices"]],
  ["credit_note.", ["/v1/projects/{slug}/invoices"]],
  ["quotas.", ["/v1/projects/{slug}/quotas"]],
  ["webhook.", ["/v1/projects/{slug}/webhooks"]],
];

export function applyEvent(queries: QueryClient, event: FarmEvent): void {
  if (event.job !== null) patchJob(queries, event.job, event);
  for (const [prefix, paths] of TOUCHED) {
    if (event.kind.startsWith(prefix)) for (const path of paths) refreshSoon(queries, path, event.job);
  }
}

/** Everything that is shown is read again: after a break nobody knows what has changed. */
export function refreshAll(queries: QueryClient): void {
  void queries.invalidateQueries();
}

/**
 * Reads the queries of a path again: at once, then once in a second however many events ask for it, and never while a
 * read is under way, which on a busy project would not come to its end. Where the path is of one job, those of the job
 * alone: what is on screen of another must not be fetched anew, with links that begin anew.
 */
export function refreshSoon(queries: QueryClient, path: string, job: string | null = null): void {
  const of = path.includes("{job_id}") ? job : null;
  const name = of === null ? path : `${path} ${of}`;
  const mine = readings.get(queries) ?? new Map<string, { again: boolean }>();
  readings.set(queries, mine);
  const underWay = mine.get(name);
  if (underWay !== undefined) underWay.again = true;
  else void read();

  async function read(): Promise<void> {
    const filters = {
      predicate: ({ queryKey }: Query) => queryKey[1] === path && (of === null || isOfJob(queryKey, of)),
    };
    // What is being read already may be older than the event.
    const reading = { again: queries.isFetching(filters) > 0 };
    mine.set(name, reading);
    await Promise.all([
      queries.invalidateQueries(filters, { cancelRefetch: false }),
      new Promise((resolve) => setTimeout(resolve, AGAIN_MS)),
    ]);
    mine.delete(name);
    if (reading.again) await read();
  }
}

/** Whether a query names no other job; one whose key says nothing of jobs may be of this one. */
function isOfJob(key: readonly unknown[], job: string): boolean {
  const named = (key[2] as { params?: { path?: { job_id?: string } } } | undefined)?.params?.path?.job_id;
  return named === undefined || named === job;
}

/** Changes a job wherever the cache shows it. */
export function changeJob(queries: QueryClient, id: string, change: (job: Job) => Job): void {
  queries.setQueriesData<unknown>({ predicate: ({ queryKey }) => isJobQuery(queryKey) }, (old: unknown) =>
    changed(old, id, change),
  );
}

function patchJob(queries: QueryClient, id: string, event: FarmEvent): void {
  const change = jobChange(event);
  if (change !== null) changeJob(queries, id, change);
}

function isJobQuery(key: readonly unknown[]): boolean {
  return key[1] === "/v1/jobs" || key[1] === "/v1/jobs/{job_id}";
}

/** The fields of a job that the event tells anew; null: none. */
function jobChange(event: FarmEvent): ((job: Job) => Job) | null {
  const { state, counts } = event.data as { state?: Job["state"]; counts?: Job["counts"] };
  if (event.kind === "job.state" && state !== undefined) return (job) => ({ ...job, state });
  if (counts === undefined) return null;
  return (job) => {
    const merged = { ...job.counts, ...counts };
    const ended = merged.committed + merged.reused + merged.failed + merged.canceled + merged.skipped;
    return { ...job, counts: merged, progress: merged.total === 0 ? job.progress : ended / merged.total };
  };
}

/** A query's data with the job changed where it is in there: a job, a page of jobs, or pages of them. */
function changed(data: unknown, id: string, change: (job: Job) => Job): unknown {
  if (data === null || typeof data !== "object") return data;
  if ("id" in data && data.id === id) return change(data as Job);
  if ("items" in data && Array.isArray(data.items)) return { ...data, items: data.items.map(each) };
  if ("pages" in data && Array.isArray(data.pages)) return { ...data, pages: data.pages.map(each) };
  return data;
  function each(part: unknown): unknown {
    return changed(part, id, change);
  }
}
