import { beforeEach, describe, expect, it } from "vitest";
import pipelines from "@/tests/pipelines.json";
import { fieldsOf } from "../schema/field";
import {
  asDraft,
  asFinal,
  dropPreset,
  keepPreset,
  keptPresets,
  presetsIn,
  renamePreset,
  textOfPresets,
} from "./presets";

const CYCLES = fieldsOf(pipelines.find((each) => each.name === "cycles")!.settings_schema);

beforeEach(() => localStorage.clear());

describe("the presets that come with the app", () => {
  it("make a draft that keeps what else was set, and a final that takes the savings back", () => {
    const draft = asDraft("cycles", CYCLES, { camera: "Close-up" });
    expect(draft).toMatchObject({ camera: "Close-up", percentage: 50, samples: 16 });
    expect(asFinal("cycles", draft)).toEqual({ camera: "Close-up" });
  });

  it("name only settings that the pipelines have", () => {
    for (const { name, settings_schema } of pipelines) {
      const fields = fieldsOf(settings_schema);
      const known = fields.map((field) => field.name);
      const all = asDraft(name, fields, {});
      const unfiltered = asDraft(name, [...fields, ...CYCLES], {});
      expect(known).toEqual(expect.arrayContaining(Object.keys(all)));
      expect(Object.keys(unfiltered)).toEqual(Object.keys(all));
    }
  });
});

describe("presets of one's own", () => {
  it("are kept, replaced, renamed and dropped, by pipeline", () => {
    keepPreset("cycles", { name: "night", settings: { samples: 64 } });
    keepPreset("cycles", { name: "night", settings: { samples: 128 } });
    expect(keptPresets("cycles")).toEqual([{ name: "night", settings: { samples: 128 } }]);
    expect(keptPresets("mitsuba")).toEqual([]);
    expect(renamePreset("cycles", "night", "dusk")).toMatchObject([{ name: "dusk" }]);
    expect(dropPreset("cycles", "dusk")).toEqual([]);
  });

  it("come back from the file that they were saved to, and from no other", () => {
    const presets = [{ name: "night", settings: { samples: 64 } }];
    expect(presetsIn(textOfPresets("cycles", presets), "cycles")).toEqual(presets);
    expect(presetsIn(textOfPresets("cycles", presets), "mitsuba")).toBeNull();
    expect(presetsIn("[1]", "cycles")).toBeNull();
    expect(presetsIn("{oops", "cycles")).toBeNull();
  });

  it("are none where the browser holds something else under their name", () => {
    localStorage.setItem("rayfarm.presets/cycles", '{"a": 1}');
    expect(keptPresets("cycles")).toEqual([]);
  });
});
