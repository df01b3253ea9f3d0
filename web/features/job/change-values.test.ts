import { describe, expect, it } from "vitest";
import { changesOf, localTime, valuesOf } from "./change-values";
import { jobWith } from "./job.fixture";
import { FIRST_STEP, stepOf } from "./step-values";
import { titleOf } from "./use-job-title";

describe("a change of a job", () => {
  const before = valuesOf(jobWith({ max_replicas: 4, finish_before: "2026-01-05T12:00:00Z", show: "Pilot" }));

  it("sends only what somebody touched", () => {
    expect(changesOf(before, { ...before })).toEqual({});
    expect(changesOf(before, { ...before, priority: "batch", weight: 200 })).toEqual({
      priority: "batch",
      weight: 200,
    });
    expect(changesOf(before, { ...before, tags: [] })).toEqual({ tags: [] });
  });

  it("takes away what is emptied", () => {
    expect(changesOf(before, { ...before, max_replicas: "", finish_before: "", show: "" })).toEqual({
      max_replicas: null,
      finish_before: null,
      show: null,
    });
  });

  it("sends times with their zone", () => {
    const at = localTime("2026-03-01T08:30:00Z");
    expect(changesOf(before, { ...before, start_before: at })).toEqual({ start_before: "2026-03-01T08:30:00.000Z" });
  });
});

describe("a step", () => {
  it("has the fields of its own kind alone, since the farm refuses others", () => {
    expect(stepOf({ ...FIRST_STEP, frames: " 1-10 " })).toEqual({
      step: "denoise",
      frames: "1-10",
      quality: "high",
      guides: "auto",
    });
    expect(stepOf({ ...FIRST_STEP, step: "upscale", factor: "4" })).toEqual({
      step: "upscale",
      frames: null,
      factor: 4,
      method: "auto",
    });
    expect(stepOf({ ...FIRST_STEP, step: "compare", with_frame: 0 })).toEqual({
      step: "compare",
      frames: null,
      with_job: null,
      with_frame: 0,
    });
  });
});

describe("the title of the browser's tab", () => {
  it("says how far the job is, and at the end how it went", () => {
    expect(titleOf(jobWith({ progress: 0.4 }))).toBe("40.0 % Harbour");
    expect(titleOf(jobWith({ state: "failed", ended_at: "2026-01-05T11:00:00Z" }))).toBe("Failed: Harbour");
  });
});
