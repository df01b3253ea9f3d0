import { describe, expect, it } from "vitest";
import pipelines from "@/tests/pipelines.json";
import { checkSettings } from "./check-value";
import { fieldsOf, type JsonObject } from "./field";

function check(pipeline: string, settings: JsonObject) {
  return checkSettings(fieldsOf(pipelines.find((each) => each.name === pipeline)!.settings_schema), settings);
}

describe("checking settings against the schema", () => {
  it("has nothing against settings that are left to the scene", () => {
    for (const { name } of pipelines) expect(check(name, {})).toEqual({});
  });

  it("names the place of each wrong value as the farm does", () => {
    const errors = check("cycles", {
      samples: 0,
      percentage: 12.5,
      shutter: 0,
      border: { xmin: 0, xmax: 2, ymin: 0 },
      format: "tiff",
    });
    expect(errors).toMatchObject({
      samples: "At least 1.",
      percentage: "Whole numbers only.",
      shutter: "More than 0.",
      "border.xmax": "At most 1.",
      "border.ymax": "This is needed.",
      format: expect.any(String),
    });
    expect(Object.keys(errors)).toHaveLength(6);
  });

  it("looks into lists and kinds of an object", () => {
    expect(check("diffusion", { keyframes: [{ frame: 1, prompt: "a" }, { frame: 2 }] })).toEqual({
      "keyframes.1.prompt": "This is needed.",
    });
    expect(check("mitsuba", { camera_path: { kind: "orbit", radius: -1, frames: 10 } })).toEqual({
      "camera_path.radius": "More than 0.",
    });
    expect(check("splats", { background: [0, 0, 2] })).toEqual({ background: "At most 1." });
  });

  it("refuses text that is no JSON where JSON is meant", () => {
    expect(check("splats", { cameras: { type: "inline", data: "{oops" } })).toEqual({
      "cameras.data": "This is not valid JSON.",
    });
  });
});
