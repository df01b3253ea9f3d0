import { describe, expect, it } from "vitest";
import { changesBetween } from "./changes-between";

describe("what changed", () => {
  it("tells what came, what went and what is another now, and leaves out the rest", () => {
    const changes = changesBetween({ same: [1], gone: 1, other: "a" }, { same: [1], other: "b", fresh: null });
    expect(changes.map(({ field, how }) => [field, how])).toEqual([
      ["gone", "removed"],
      ["other", "changed"],
      ["fresh", "added"],
    ]);
  });

  it("takes a thing that was made or ended as all of it", () => {
    expect(changesBetween(null, { name: "x" })).toMatchObject([{ field: "name", how: "added" }]);
    expect(changesBetween({ name: "x" }, null)).toMatchObject([{ field: "name", how: "removed" }]);
  });
});
