import { describe, expect, it } from "vitest";
import type { Schemas } from "@/shared/api/client";
import { changesOf, draftOf, EMPTY_DRAFT, specOf, type Draft } from "./draft";

const FULL: Draft = {
  ...EMPTY_DRAFT,
  name: "opening",
  model: "m1",
  pipeline: "cycles",
  settings: { samples: 64, denoise: true },
  frames: "1-48",
  approval: 5,
  video: "own",
  film: { fps: 24, preview: "none", codec: "prores", audio: "none" },
  hasSheet: true,
  naming: "{shot}.{frame:04d}",
  weight: 200,
  maxReplicas: 4,
  tags: ["lookdev"],
  show: "dune",
  shot: "s010",
  dependsOn: [{ job: "j0", by: "frame" }],
  deliverTo: "none",
  splitMode: "samples",
  splitParts: 4,
  reuse: false,
  tries: 2,
  labels: ["gpu_memory_gb=>=24"],
  licences: ["vray=2"],
};

function jobOf(draft: Draft): Schemas["JobDetail"] {
  const spec = specOf(draft);
  const { priority, weight, tags, show, shot, max_replicas } = spec;
  return { id: "j1", pipeline: "cycles", priority, weight, tags, show, shot, max_replicas, spec } as never;
}

describe("a form and its specification", () => {
  it("asks for what the form says", () => {
    expect(specOf(FULL)).toMatchObject({
      outputs: { video: { codec: "prores", fps: 24 }, contact_sheet: { cell_width: 320 } },
      limits: { tries: 2 },
      labels: { gpu_memory_gb: ">=24" },
      licences: { vray: 2 },
      split: { mode: "samples", parts: 4 },
      deliver_to: null,
      notify: null,
    });
  });

  it("leaves limits to the farm where nothing is said, as its own may be lower", () => {
    expect(specOf({ ...FULL, tries: null }).limits).toEqual({});
  });

  it("gives a deadline with its time zone", () => {
    const { finish_before } = specOf({ ...FULL, finishBefore: "2027-01-31T18:00" });
    expect(finish_before).toMatch(/Z$/);
    expect(new Date(finish_before!).getTime()).toBe(new Date("2027-01-31T18:00").getTime());
  });

  it("makes the same form of a job again, without its deadlines and notices", () => {
    const clone = draftOf(jobOf({ ...FULL, finishBefore: "2027-01-31T18:00", notifyEmail: ["me"] }));
    expect(clone).toEqual({ ...FULL, frameTimeoutS: null });
  });

  it("clones a job as it is now, not as it was submitted", () => {
    const job = { ...jobOf(FULL), priority: "batch", tags: ["final"] } as Schemas["JobDetail"];
    expect(draftOf(job)).toMatchObject({ priority: "batch", tags: ["final"] });
  });
});

describe("what a clone changes", () => {
  it("names a setting that was taken away as null, for settings are merged", () => {
    const changes = changesOf({ ...draftOf(jobOf(FULL)), settings: { samples: 128 } }, jobOf(FULL));
    expect(changes.settings).toEqual({ samples: 128, denoise: null });
  });

  it("sends no nulls to another pipeline, which has other settings", () => {
    const changes = changesOf({ ...draftOf(jobOf(FULL)), pipeline: "fake", settings: {} }, jobOf(FULL));
    expect(changes.settings).toEqual({});
  });

  it("leaves labels that nobody touched to the farm", () => {
    const draft = draftOf(jobOf(FULL));
    expect(changesOf(draft, jobOf(FULL))).not.toHaveProperty("labels");
    expect(changesOf({ ...draft, labels: [] }, jobOf(FULL)).labels).toEqual({});
  });

  it("has no more fields than the farm reads", () => {
    expect(Object.keys(changesOf({ ...FULL, labels: [] }, jobOf(FULL))).length).toBeLessThanOrEqual(24);
  });
});
