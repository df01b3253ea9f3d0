import { describe, expect, it } from "vitest";
import type { Schemas } from "@/shared/api/client";
import { costPerHour, countReplicas, framesPerMinute, topReasons } from "./queue-summary";

function queueOf(...waits: [reason: string, jobs: number, oldest: string][]): Schemas["ClassQueue"] {
  return {
    priority: "normal",
    waiting: 0,
    running: 0,
    held: 0,
    frames: 0,
    oldest_s: null,
    waits: waits.map(([reason, jobs, oldest_at]) => ({ reason, words: reason, jobs, oldest_at })),
  };
}

function paceOf(frames: number[], cost = "0"): Schemas["PaceView"] {
  const minutes = frames.map((each) => ({ at: "2026-01-01T00:00:00Z", frames: each, cost: "0" }));
  return { minutes, frames: 0, warm: null, attempts: 0, failed: 0, cost, currency: "EUR" };
}

describe("topReasons", () => {
  it("adds up a reason over the classes, with the oldest job, and puts what holds up most first", () => {
    const classes = [
      queueOf(["licence", 2, "2026-01-01T03:00:00Z"]),
      queueOf(["no_capacity", 3, "2026-01-01T02:00:00Z"], ["licence", 4, "2026-01-01T01:00:00Z"]),
    ];
    expect(topReasons(classes).map(({ reason, jobs, oldestAt }) => [reason, jobs, oldestAt])).toEqual([
      ["licence", 6, "2026-01-01T01:00:00Z"],
      ["no_capacity", 3, "2026-01-01T02:00:00Z"],
    ]);
  });
});

describe("the pace", () => {
  it("leaves the running minute out, so that a farm does not look slow at the beginning of each", () => {
    expect(framesPerMinute(paceOf([0, 10, 10, 10, 10, 10, 1]))).toBe(10);
    expect(framesPerMinute(paceOf([4]))).toBe(0);
  });

  it("costs in an hour what it cost in the minutes that are known", () => {
    expect(costPerHour(paceOf(Array<number>(30).fill(1), "1.50"))).toBe(3);
  });
});

it("replicas are counted over all pools", () => {
  const pool = { name: "a", cluster: "c", desired: null, accepting: 1, classes: [] };
  expect(
    countReplicas([
      { ...pool, replicas: 3, busy: 2, draining: 1, disabled: 0 },
      { ...pool, replicas: 1, busy: 0, draining: 0, disabled: 1 },
    ]),
  ).toEqual({ up: 4, busy: 2, draining: 1, disabled: 1 });
});
