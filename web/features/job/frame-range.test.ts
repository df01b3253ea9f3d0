import { describe, expect, it } from "vitest";
import { FrameRange, rangeText } from "./frame-range";

const framesOf = (text: string) => {
  const range = FrameRange.parse(text)!;
  return Array.from({ length: range.size }, (_, ordinal) => range.frameAt(ordinal));
};

describe("the frames of a job", () => {
  it("are read in the order in which they are named", () => {
    expect(framesOf("1-4")).toEqual([1, 2, 3, 4]);
    expect(framesOf("1-10:3")).toEqual([1, 4, 7, 10]);
    expect(framesOf("5,10,20-22")).toEqual([5, 10, 20, 21, 22]);
    expect(framesOf("3-1")).toEqual([3, 2, 1]);
    expect(framesOf("-2-1")).toEqual([-2, -1, 0, 1]);
  });

  it("count once where they are named twice", () => {
    expect(framesOf("1-5,3-7")).toEqual([1, 2, 3, 4, 5, 6, 7]);
    expect(framesOf("1-9:4,1-3")).toEqual([1, 5, 9, 2, 3]);
  });

  it("know the place of each number, and which numbers are not among them", () => {
    const range = FrameRange.parse("100-1:-3,200")!;
    expect(range.ordinalOf(97)).toBe(1);
    expect(range.ordinalOf(200)).toBe(34);
    expect(range.ordinalOf(98)).toBeNull();
    for (let ordinal = 0; ordinal < range.size; ordinal += 1) {
      expect(range.ordinalOf(range.frameAt(ordinal))).toBe(ordinal);
    }
  });

  it("of a million cost no memory", () => {
    const range = FrameRange.parse("1-1000000")!;
    expect(range.size).toBe(1_000_000);
    expect(range.frameAt(999_999)).toBe(1_000_000);
  });

  it("are refused where they are no range", () => {
    expect(FrameRange.parse("")).toBeNull();
    expect(FrameRange.parse("1-5,")).toBeNull();
    expect(FrameRange.parse("1-5:0")).toBeNull();
    expect(FrameRange.parse("all")).toBeNull();
  });
});

describe("a selection as text", () => {
  it("is as short as the API's syntax allows", () => {
    expect(rangeText([1, 2, 3, 4, 5, 9])).toBe("1-5,9");
    expect(rangeText([9, 1, 3, 2])).toBe("1-3,9");
    expect(rangeText([1, 3, 5, 7])).toBe("1-7:2");
    expect(rangeText([1, 9])).toBe("1,9");
    expect(rangeText([-2, -1, 0])).toBe("-2-0");
    expect(rangeText([])).toBe("");
  });

  it("names the same frames when it is read again", () => {
    const frames = [1, 2, 3, 7, 9, 11, 13, 20, 40, 41, 90, 100, 110];
    expect(framesOf(rangeText(frames))).toEqual(frames);
  });
});
