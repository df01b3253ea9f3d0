import { describe, expect, it } from "vitest";
import { Problem } from "@/shared/api/problem";
import { errorAt, errorsBelow, refusalsOf } from "./refusals";

describe("what the farm refuses, at its field", () => {
  it("lands each error at its place, with the remedy", () => {
    const errors = refusalsOf(
      new Problem(422, {
        detail: "Two things are wrong.",
        errors: [
          { field: "settings.border.xmin", message: "It is below 0.", remedy: "Give 0 to 1." },
          { field: "frames", message: "It is empty.", remedy: null },
        ],
      }),
    );
    expect(errors).toEqual({ "settings.border.xmin": "It is below 0. Give 0 to 1.", frames: "It is empty." });
    expect(errorsBelow(errors, "settings")).toEqual({ "border.xmin": "It is below 0. Give 0 to 1." });
  });

  it("takes a refusal that names one field alone", () => {
    const problem = new Problem(422, { detail: "The scene has no active camera.", field: "settings.camera" });
    expect(refusalsOf(problem)).toEqual({ "settings.camera": "The scene has no active camera." });
  });

  it("shows an error of a part at the whole, where the part has no field", () => {
    expect(errorAt({ "tags.3": "Too long." }, "tags")).toBe("Too long.");
  });

  it("has nothing to say of a lost connection", () => {
    expect(refusalsOf(new Problem(0, { detail: "The farm cannot be reached." }))).toEqual({});
    expect(refusalsOf(null)).toEqual({});
  });
});
