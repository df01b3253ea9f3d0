import { describe, expect, it } from "vitest";
import { hoursWords, labelsOf, pairsOf, windowWords } from "./schedule-hours";

describe("hours", () => {
  it("name their days unless they are all days", () => {
    expect(windowWords({ days: ["mon", "fri"], begin: "18:00", end: "08:00" })).toBe("Mon, Fri 18:00–08:00");
    expect(windowWords({ days: ["mon", "tue", "wed", "thu", "fri", "sat", "sun"], begin: "20:00", end: "24:00" })).toBe(
      "20:00–24:00",
    );
  });

  it("that are not limited are always", () => {
    expect(hoursWords({ windows: [], time_zone: "UTC" })).toEqual(["Always"]);
  });
});

describe("labels", () => {
  it("are read as name and value, and a word without a value is refused", () => {
    expect(labelsOf(["kind=workstation", "room = 4"])).toEqual({
      labels: { kind: "workstation", room: "4" },
      bad: null,
    });
    expect(labelsOf(["kind=workstation", "fast"])).toEqual({ labels: {}, bad: "fast" });
  });

  it("come back as they were typed", () => {
    expect(pairsOf(labelsOf(["a=1", "b=2"]).labels)).toEqual(["a=1", "b=2"]);
  });
});
