import { notifications } from "@mantine/notifications";
import { QueryClient } from "@tanstack/react-query";
import { afterEach, describe, expect, it, vi } from "vitest";
import { Problem } from "@/shared/api/problem";
import { changeJob } from "@/shared/live/apply-event";
import type { Job } from "./commands";
import { steer } from "./use-job-actions";

vi.mock("next/navigation", () => import("@/tests/navigation"));

const KEY = ["get", "/v1/jobs", { paged: true }];
const job = (id: string, state: Job["state"]) => ({ id, state, priority: "normal" }) as Job;

function cacheOf(...jobs: Job[]): QueryClient {
  const queries = new QueryClient();
  queries.setQueryData(KEY, { pages: [{ items: jobs, next_cursor: null }], pageParams: [null] });
  return queries;
}

function statesIn(queries: QueryClient): string[] {
  const data = queries.getQueryData<{ pages: { items: Job[] }[] }>(KEY);
  return data!.pages.flatMap((page) => page.items.map((each) => each.state));
}

afterEach(() => vi.restoreAllMocks());

describe("steering jobs", () => {
  it("shows what follows before the farm has answered", () => {
    const jobs = [job("a", "running"), job("b", "queued")];
    const queries = cacheOf(...jobs);
    void steer(queries, jobs, { state: "paused" }, () => new Promise(() => undefined));
    expect(statesIn(queries)).toEqual(["paused", "paused"]);
  });

  it("puts a job that the farm refuses back as it was, and only that one", async () => {
    const shown = vi.spyOn(notifications, "show").mockReturnValue("1");
    const jobs = [job("a", "running"), job("b", "queued")];
    const queries = cacheOf(...jobs);
    const done = await steer(queries, jobs, { state: "paused" }, async ({ id }) => {
      if (id === "b") throw new Problem(409, { detail: "The job is finishing: no pause now.", remedy: "Wait." });
    });
    expect(statesIn(queries)).toEqual(["paused", "queued"]);
    expect(done.map((each) => each.id)).toEqual(["a"]);
    expect(shown).toHaveBeenCalledWith(expect.objectContaining({ title: "The job is finishing: no pause now." }));
  });

  it("keeps what an event has told since, when a refusal comes late", async () => {
    vi.spyOn(notifications, "show").mockReturnValue("1");
    const jobs = [job("a", "running")];
    const queries = cacheOf(...jobs);
    await steer(queries, jobs, { state: "paused" }, async () => {
      changeJob(queries, "a", (shown) => ({ ...shown, state: "succeeded" }));
      throw new Problem(409, { detail: "It has ended." });
    });
    expect(statesIn(queries)).toEqual(["succeeded"]);
  });
});
