import { expect, it } from "vitest";
import { quotasOf, valuesOf } from "./quotas";

it("an empty field is no limit, and a zero is a limit of zero", () => {
  const values = { ...valuesOf({}), slots: 0, stored_bytes: 5_000_000_000 };
  expect(quotasOf(values)).toEqual({
    slots: 0,
    running_jobs: null,
    queued_frames: null,
    pixels_per_frame: null,
    pixels_per_job: null,
    stored_bytes: 5_000_000_000,
  });
});

it("what was set comes back as it was", () => {
  const quotas = {
    slots: 4,
    running_jobs: null,
    queued_frames: 0,
    pixels_per_frame: null,
    pixels_per_job: null,
    stored_bytes: null,
  };
  expect(quotasOf(valuesOf(quotas))).toEqual(quotas);
});
