import { describe, expect, it } from "vitest";
import pipelines from "@/tests/pipelines.json";
import { fieldsOf, type Field } from "./field";
import { sectionsOf } from "./sections";

function fieldsFor(pipeline: string): Record<string, Field> {
  const found = pipelines.find((each) => each.name === pipeline);
  return Object.fromEntries(fieldsOf(found!.settings_schema).map((field) => [field.name, field]));
}

/** Places of all fields that have no control of their own. */
function jsonPlaces(fields: readonly Field[], at = ""): string[] {
  return fields.flatMap((field) => {
    const here = `${at}${field.name}`;
    if (field.kind === "json") return [here];
    if (field.kind === "group") return jsonPlaces(field.fields, `${here}.`);
    if (field.kind === "list") return jsonPlaces([field.item], `${here}[]`);
    if (field.kind === "variants") return field.variants.flatMap((each) => jsonPlaces(each.fields, `${here}.`));
    return [];
  });
}

describe("the settings of the farm's pipelines as fields", () => {
  it("draws each of them with a control, but for matrices and whole camera files", () => {
    const plain = pipelines.flatMap((each) =>
      jsonPlaces(fieldsOf(each.settings_schema)).map((place) => `${each.name}: ${place}`),
    );
    expect([...new Set(plain)].sort()).toEqual(["splats: cameras.data", "splats: cameras.transform"]);
  });

  it("shows every setting in one section, none twice", () => {
    for (const { settings_schema } of pipelines) {
      const fields = fieldsOf(settings_schema);
      const shown = sectionsOf(fields).flatMap((section) => section.fields.map((field) => field.name));
      expect(shown.sort()).toEqual(fields.map((field) => field.name).sort());
    }
  });

  it("knows the bounds of a number that may be left to the scene", () => {
    expect(fieldsFor("cycles").samples).toMatchObject({
      kind: "number",
      isWhole: true,
      isNullable: true,
      standard: null,
      bounds: { minimum: 1, maximum: 16777216 },
      description: "Of each pixel.",
    });
    expect(fieldsFor("cycles").shutter).toMatchObject({ bounds: { minimum: 0, isMinimumOut: true, maximum: 100 } });
  });

  it("knows choices, lists of them, and groups", () => {
    const { denoiser, passes, border, engine } = fieldsFor("cycles");
    expect(denoiser).toMatchObject({ kind: "choice", options: ["openimagedenoise", "optix"] });
    expect(passes).toMatchObject({ kind: "choices", least: 1, most: 24 });
    expect(engine).toMatchObject({ standard: "cycles", isNullable: false });
    expect(border).toMatchObject({ kind: "group", isNullable: true });
    expect(border!.kind === "group" && border!.fields.map((field) => [field.name, field.isRequired])).toEqual([
      ["xmin", true],
      ["xmax", true],
      ["ymin", true],
      ["ymax", true],
      ["crop", false],
    ]);
  });

  it("knows kinds of an object by what tells them apart", () => {
    const path = fieldsFor("mitsuba").camera_path!;
    expect(path).toMatchObject({ kind: "variants", tag: "kind", isNullable: true });
    const orbit = path.kind === "variants" ? path.variants.find((each) => each.value === "orbit") : undefined;
    expect(orbit!.fields.map((field) => field.name)).not.toContain("kind");
    expect(orbit!.fields.find((field) => field.name === "target")).toMatchObject({ kind: "vector", length: 3 });
  });

  it("knows keyframes with long prompts", () => {
    const { keyframes, prompt } = fieldsFor("diffusion");
    expect(prompt).toMatchObject({ kind: "text", isLong: true, maxLength: 4000 });
    expect(keyframes).toMatchObject({ kind: "list", most: 1000, item: { kind: "group" } });
  });

  it("gives what it does not know as JSON", () => {
    const fields = fieldsOf({
      properties: {
        mapping: { type: "object", additionalProperties: { type: "number" } },
        either: { anyOf: [{ type: "string" }, { type: "number" }] },
        odd: { not: { type: "string" } },
        lost: { $ref: "#/$defs/Nothing" },
      },
    });
    expect(fields.map((field) => field.kind)).toEqual(["json", "json", "json", "json"]);
  });
});
