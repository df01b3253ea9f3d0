import { QueryClient } from "@tanstack/react-query";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
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
