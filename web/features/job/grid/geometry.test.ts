import { describe, expect, it } from "vitest";
import { between, geometryOf, heightOf, indexAt, moved, placeOf } from "./geometry";

const grid = geometryOf(56 + 10 * 27, 95, 3); // ten cells of 24 and gaps of 3 in a row

describe("the frame grid", () => {
  it("has rows of tens, which are easy to count in", () => {
    expect(grid.columns).toBe(10);
    expect(geometryOf(1200, 10_000, 2).columns % 10).toBe(0);
  });

  it("finds the cell under the pointer, and none beside the cells", () => {
    for (const index of [0, 9, 10, 94]) {
      const { x, y } = placeOf(grid, index);
      expect(indexAt(grid, x + 1, y + 1)).toBe(index);
    }
    const last = placeOf(grid, 94);
    expect(indexAt(grid, last.x + 28, last.y + 1)).toBeNull();
    expect(indexAt(grid, 3, 10)).toBeNull();
  });

  it("of a million frames stays within what browsers can scroll", () => {
    expect(heightOf(geometryOf(390, 1_000_000, 5))).toBeLessThan(16_000_000);
  });
});

describe("the keyboard on the grid", () => {
  it("moves by cells and rows", () => {
    expect(moved(grid, "ArrowRight", 9, 5, false)).toBe(10);
    expect(moved(grid, "ArrowLeft", 0, 5, false)).toBe(0);
    expect(moved(grid, "ArrowDown", 3, 5, false)).toBe(13);
    expect(moved(grid, "ArrowUp", 13, 5, false)).toBe(3);
    expect(moved(grid, "PageDown", 3, 4, false)).toBe(43);
    expect(moved(grid, "Home", 17, 5, false)).toBe(10);
    expect(moved(grid, "End", 17, 5, false)).toBe(19);
    expect(moved(grid, "End", 17, 5, true)).toBe(94);
    expect(moved(grid, "Home", 17, 5, true)).toBe(0);
  });

  it("stays in its column at the edges, and leaves other keys alone", () => {
    expect(moved(grid, "ArrowUp", 3, 5, false)).toBe(3);
    expect(moved(grid, "ArrowDown", 88, 5, false)).toBe(88);
    expect(moved(grid, "End", 92, 5, false)).toBe(94);
    expect(moved(grid, "x", 3, 5, false)).toBeNull();
  });

  it("takes a stretch in both directions", () => {
    expect(between(3, 5)).toEqual([3, 4, 5]);
    expect(between(5, 3)).toEqual([3, 4, 5]);
  });
});
