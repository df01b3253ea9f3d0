import { describe, expect, it } from "vitest";
import { addressOfFilters, filtersOf, isNarrowed, NO_FILTERS, queryOf, type JobFilters } from "./filters";

const MODEL = "0b2f3a52-6c1e-4a0a-9b4e-3c1f7d0f2a11";
const SOME: JobFilters = {
  state: ["running", "failed"],
  name: "take 2",
  tag: ["review", "a&b"],
  show: "dune",
  shot: "s010",
  pipeline: "cycles",
  model: MODEL,
  mine: true,
  sort: "name",
};

describe("filters in the address", () => {
  it("come back from a link as they were", () => {
    expect(filtersOf(new URLSearchParams(addressOfFilters(SOME)))).toEqual(SOME);
  });

  it("leave the address empty where nothing is narrowed", () => {
    expect(addressOfFilters(NO_FILTERS)).toBe("");
    expect(filtersOf(new URLSearchParams(""))).toEqual(NO_FILTERS);
  });

  it("drop what no list can be narrowed to", () => {
    const filters = filtersOf(new URLSearchParams("state=melting&sort=size&model=x&tag="));
    expect(filters).toEqual(NO_FILTERS);
  });

  it("ask the farm for just that", () => {
    expect(queryOf(SOME)).toEqual({
      sort: "name",
      state: ["running", "failed"],
      tag: ["review", "a&b"],
      name: "take 2",
      show: "dune",
      shot: "s010",
      pipeline: "cycles",
      model: MODEL,
      submitted_by: "me",
    });
    expect(queryOf(NO_FILTERS)).toEqual({ sort: "-created_at" });
  });

  it("are none where only the order differs", () => {
    expect(isNarrowed({ ...NO_FILTERS, sort: "name" })).toBe(false);
    expect(isNarrowed({ ...NO_FILTERS, mine: true })).toBe(true);
  });
});
