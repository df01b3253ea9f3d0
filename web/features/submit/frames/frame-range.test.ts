import { describe, expect, it } from "vitest";
import { countFrames, MAX_FRAMES, rangeOfProbe } from "./frame-range";

describe("counting the frames of a range", () => {
  it.each([
    ["1-250", 250],
    ["1-100:2", 50],
    ["5,10,20-30", 13],
    ["100-1", 100],
    ["-10-20", 31],
    ["10-1:-3", 4],
    ["7-7:-2", 1],
    [" 1 , 3 ", 2],
  ])("%s are %i", (text, count) => {
    expect(countFrames(text)).toMatchObject({ count });
  });

  it("counts a frame that is named twice once", () => {
    expect(countFrames("1-10,5-12,3")).toMatchObject({ count: 12 });
  });

  it.each([
    ["", /at least one/],
    ["1,,3", /between two commas/],
    ["a-b", /no frame or range/],
    ["1-10:0", /step/],
    ["1-10:-2", /Write 1-10:2/],
    ["1048575", /out of bounds/],
    ["1-1000,-200000-1048574", /at most/],
    ["1-90000,2-90001", /cross/],
  ])("says what is wrong with %j", (text, words) => {
    const found = countFrames(text);
    expect("error" in found && found.error).toMatch(words);
  });

  it("takes as many frames as a job may have", () => {
    expect(countFrames(`1-${MAX_FRAMES}`)).toMatchObject({ count: MAX_FRAMES });
  });
});

describe("the scene's own range", () => {
  it("is written with its step", () => {
    expect(rangeOfProbe({ frame_start: 1, frame_end: 99, frame_step: 2 })).toBe("1-99:2");
    expect(rangeOfProbe({ frame_start: 1, frame_end: 99, frame_step: 1 })).toBe("1-99");
    expect(rangeOfProbe({ frame_start: 5, frame_end: 5 })).toBe("5");
  });

  it("is not known where nothing was found", () => {
    expect(rangeOfProbe(null)).toBeNull();
    expect(rangeOfProbe({})).toBeNull();
  });
});
