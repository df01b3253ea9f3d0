import { describe, expect, it } from "vitest";
import { hintsOf } from "./use-project-hints";

const estimate = { frames: 100, to_render: 80, cost: "12.50", currency: "EUR" } as never;
const budget = (part: object) => ({ amount: null, spent: "0", currency: "EUR", stopped: null, ...part }) as never;
const quotas = (most: number | null, used: number) =>
  ({ quotas: { queued_frames: most }, used: { queued_frames: used, stored_bytes: 0 } }) as never;

describe("hints about the project's means", () => {
  it("says when the job may cost more than is left", () => {
    expect(hintsOf(estimate, budget({ amount: "100", spent: "95" }), undefined)).toHaveLength(1);
    expect(hintsOf(estimate, budget({ amount: "100", spent: "10" }), undefined)).toEqual([]);
  });

  it("says when nothing of the project starts", () => {
    expect(hintsOf(undefined, budget({ stopped: "budget" }), undefined)[0]).toContain("budget");
  });

  it("counts frames that are reused for nothing", () => {
    expect(hintsOf(estimate, undefined, quotas(100, 20))).toEqual([]);
    expect(hintsOf(estimate, undefined, quotas(100, 21))).toHaveLength(1);
    expect(hintsOf(estimate, undefined, quotas(null, 10_000))).toEqual([]);
  });
});
