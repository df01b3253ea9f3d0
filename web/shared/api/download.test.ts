import { describe, expect, it } from "vitest";
import { fileName } from "./download";

describe("the name of a download", () => {
  it.each([
    ['attachment; filename="audit.csv"', "audit.csv"],
    ["attachment; filename=audit.csv", "audit.csv"],
    ["attachment; filename=\"x.csv\"; filename*=UTF-8''r%C3%A9sum%C3%A9.csv", "résumé.csv"],
    [null, null],
  ])("is what the farm calls it: %s", (header, expected) => {
    expect(fileName(header)).toBe(expected);
  });
});
