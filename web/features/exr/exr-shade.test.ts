import { describe, expect, it } from "vitest";
import { rangeOf, shade, srgb, type ShadeSettings } from "./exr-shade";

const plain: ShadeSettings = { view: "srgb", exposure: 0, gamma: 2.2, channel: null, near: 0, far: 1 };

function layer(...planes: number[][]) {
  return { width: planes[0]!.length, height: 1, planes: planes.map((plane) => Float32Array.from(plane)) };
}

describe("shade", () => {
  it("shows middle grey of linear light where a screen has it", () => {
    const [red] = shade(layer([0.214]), plain);
    expect(red).toBe(127);
    expect(Math.round(srgb(1) * 255)).toBe(255);
  });

  it("doubles the light with each stop, and clips what is brighter than white", () => {
    const linear = { ...plain, view: "linear" as const };
    expect(shade(layer([0.25]), { ...linear, exposure: 1 })[0]).toBe(128);
    expect(shade(layer([0.25]), { ...linear, exposure: 8 })[0]).toBe(255);
    expect(shade(layer([100]), { ...linear, exposure: -8 })[0]).toBeCloseTo(100, -1);
  });

  it("shows what is negative or no number as black, and infinity as white", () => {
    const shown = shade(layer([-1, NaN, Infinity]), plain);
    expect([shown[0], shown[4], shown[8]]).toEqual([0, 0, 255]);
  });

  it("shows one channel as grey", () => {
    const shown = shade(layer([0], [1], [0]), { ...plain, channel: 1 });
    expect([...shown]).toEqual([255, 255, 255, 255]);
  });

  it("goes from blue for near to red for far, and leaves black where nothing is", () => {
    const shown = shade(layer([2.5, 5, 8.5, 1e10]), { ...plain, view: "falseColour", near: 1, far: 9 });
    expect(shown[2]!).toBeGreaterThan(shown[0]!);
    expect(shown[8]!).toBeGreaterThan(shown[10]!);
    expect([...shown.slice(12, 15)]).toEqual([0, 0, 0]);
  });
});

describe("rangeOf", () => {
  it("leaves out where nothing is, so that the rest keeps its colours", () => {
    expect(rangeOf(Float32Array.from([3, 4, 5, 1e10, Infinity, NaN]))).toEqual({ near: 3, far: 5 });
    expect(rangeOf(new Float32Array(0))).toEqual({ near: 0, far: 1 });
  });
});
