import { QueryClient, QueryObserver } from "@tanstack/react-query";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { applyEvent } from "./apply-event";
import type { FarmEvent } from "./stream";

const MINE = "0198aaaa";
const OTHER = "0198bbbb";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function event(kind: string, job: string, data: Record<string, unknown> = {}): FarmEvent {
  return { id: "1-1", kind, project: "p", job, model: null, seq: 1, at: "", data };
}

function keyOf(path: string, job: string) {
  return ["get", path, { params: { path: { job_id: job } } }];
}

it("an event of one job reads nothing of another again, so that its film plays on", () => {
  const queries = new QueryClient();
  const path = "/v1/jobs/{job_id}/artifacts";
  for (const job of [MINE, OTHER]) queries.setQueryData(keyOf(path, job), { items: [] });
  applyEvent(queries, event("output.ready", OTHER));
  vi.advanceTimersByTime(1000);
  expect(queries.getQueryState(keyOf(path, MINE))?.isInvalidated).toBe(false);
  expect(queries.getQueryState(keyOf(path, OTHER))?.isInvalidated).toBe(true);
});

it("counts of an event stand in the job and in the list at once", () => {
  const queries = new QueryClient();
  const counts = { total: 4, committed: 1, reused: 0, failed: 0, canceled: 0, skipped: 0 };
  const job = { id: MINE, counts, progress: 0.25 };
  queries.setQueryData(keyOf("/v1/jobs/{job_id}", MINE), job);
  queries.setQueryData(["get", "/v1/jobs", {}], { items: [job, { ...job, id: OTHER }] });
  applyEvent(queries, event("frames.committed", MINE, { counts: { ...counts, committed: 2 } }));
  expect(queries.getQueryData(keyOf("/v1/jobs/{job_id}", MINE))).toMatchObject({ progress: 0.5 });
  expect(queries.getQueryData(["get", "/v1/jobs", {}])).toMatchObject({
    items: [{ progress: 0.5 }, { progress: 0.25 }],
  });
});

describe("a list of a busy project", () => {
  function watched(queries: QueryClient, read: () => Promise<unknown>) {
    return new QueryObserver(queries, {
      queryKey: ["get", "/v1/jobs", {}],
      queryFn: read,
      staleTime: Infinity,
    }).subscribe(() => undefined);
  }

  it("is read at once with the first event, and once more for those that come within a second", async () => {
    const queries = new QueryClient();
    const read = vi.fn(async () => ({ items: [] }));
    const end = watched(queries, read);
    await vi.advanceTimersByTimeAsync(0);
    expect(read).toHaveBeenCalledTimes(1);
    for (const job of [MINE, OTHER, MINE]) applyEvent(queries, event("job.created", job));
    await vi.advanceTimersByTimeAsync(0);
    expect(read).toHaveBeenCalledTimes(2);
    await vi.advanceTimersByTimeAsync(5000);
    expect(read).toHaveBeenCalledTimes(3);
    end();
  });

  it("is read to its end however slow the farm answers, and then once more", async () => {
    const queries = new QueryClient();
    const signals: AbortSignal[] = [];
    const answers: (() => void)[] = [];
    queries.setQueryData(["get", "/v1/jobs", {}], { items: [] });
    const end = new QueryObserver(queries, {
      queryKey: ["get", "/v1/jobs", {}],
      queryFn: ({ signal }) => {
        signals.push(signal);
        return new Promise((resolve) => answers.push(() => resolve({ items: [{ id: MINE }] })));
      },
      staleTime: Infinity,
    }).subscribe(() => undefined);
    for (let second = 0; second < 5; second += 1) {
      applyEvent(queries, event("job.created", MINE));
      await vi.advanceTimersByTimeAsync(1000);
    }
    expect(signals.map(({ aborted }) => aborted)).toEqual([false]);
    answers[0]!();
    await vi.advanceTimersByTimeAsync(0);
    expect(queries.getQueryData(["get", "/v1/jobs", {}])).toEqual({ items: [{ id: MINE }] });
    expect(signals).toHaveLength(2);
    end();
  });
});
