import { describe, expect, it } from "vitest";
import { differenceOf, differencePicture, type Pixels } from "./difference";

/** Pixels from [r, g, b]. */
function picture(width: number, ...colours: [number, number, number][]): Pixels {
  const data = Uint8ClampedArray.from(colours.flatMap((colour) => [...colour, 255]));
  return { width, height: colours.length / width, data };
}

describe("the difference of two pictures", () => {
  it("is nothing between a picture and itself", () => {
    const a = picture(2, [10, 20, 30], [40, 50, 60]);
    expect(differenceOf(a, a)).toEqual({ max: 0, mean: 0, psnr: Infinity, differing: 0 });
  });

  it("is told by the figures of known pixels", () => {
    const a = picture(2, [0, 0, 0], [100, 100, 100], [5, 5, 5], [9, 9, 9]);
    const b = picture(2, [0, 0, 0], [100, 112, 100], [5, 5, 5], [9, 9, 9]);
    const found = differenceOf(a, b);
    expect(found).toMatchObject({ max: 12, mean: 1, differing: 0.25 });
    expect(found?.psnr).toBeCloseTo(10 * Math.log10((255 * 255) / (144 / 12)), 10);
  });

  it("is 0 dB between black and white", () => {
    expect(differenceOf(picture(1, [0, 0, 0]), picture(1, [255, 255, 255]))?.psnr).toBeCloseTo(0);
  });

  it("cannot be told of pictures of different sizes", () => {
    expect(differenceOf(picture(1, [0, 0, 0], [0, 0, 0]), picture(2, [0, 0, 0], [0, 0, 0]))).toBeNull();
  });

  it("is seen as |A - B| times the gain, clipped and opaque", () => {
    const a = picture(1, [10, 20, 30]);
    const b = picture(1, [13, 18, 130]);
    expect([...differencePicture(a, b, 4)]).toEqual([12, 8, 255, 255]);
  });
});
