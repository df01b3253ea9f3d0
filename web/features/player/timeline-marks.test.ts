import { describe, expect, it } from "vitest";
import { FrameStates } from "@/features/job/frame-states";
import { columnsOf, placeAt } from "./timeline-marks";

function statesOf(size: number, failed: number[] = []): FrameStates {
  const states = new FrameStates(size);
  states.load({ lastEvent: 1, runs: [{ first: 0, last: size / 2 - 1, state: "committed" }], suspects: [] });
  states.set(failed, "failed");
  return states;
}

describe("the marks of the timeline", () => {
  it("shows what is rendered, what is missing and what failed", () => {
    expect(columnsOf(statesOf(4, [3]), 4).map(({ mark }) => mark)).toEqual([
      "committed",
      "committed",
      "missing",
      "failed",
    ]);
  });

  it("does not hide one failed frame among ten thousand", () => {
    const columns = columnsOf(statesOf(10_000, [1234]), 800);
    expect(columns.filter(({ mark }) => mark === "failed")).toHaveLength(1);
    expect(columns).toHaveLength(800);
  });

  it("stretches a short job over the width", () => {
    const columns = columnsOf(statesOf(2), 10);
    expect(columns.map(({ mark }) => mark)).toEqual([...Array(5).fill("committed"), ...Array(5).fill("missing")]);
  });

  it("finds the frame under the pointer, within the job", () => {
    expect([-5, 0, 499, 500, 5000].map((x) => placeAt(x, 1000, 10))).toEqual([0, 0, 4, 5, 9]);
  });
});
