import { describe, expect, it } from "vitest";
import { fitting, LARGEST, moved, pixelAt, zoomed } from "./view";

const picture = { width: 200, height: 100 };

describe("the view of a picture", () => {
  it("begins with all of it in the middle of the box", () => {
    expect(fitting(picture, { width: 100, height: 100 })).toEqual({ scale: 0.5, x: 0, y: 25 });
  });

  it("keeps the pixel under the pointer where it is while zooming", () => {
    const view = fitting(picture, { width: 400, height: 300 });
    const at = { x: 123, y: 140 };
    expect(pixelAt(zoomed(view, 8, at), at, picture)).toEqual(pixelAt(view, at, picture));
  });

  it("zooms in no further than there is something to see", () => {
    expect(zoomed({ scale: 50, x: 0, y: 0 }, 10, { x: 0, y: 0 }).scale).toBe(LARGEST);
  });

  it("knows no pixel beside the picture", () => {
    const view = moved({ scale: 2, x: 0, y: 0 }, 10, 10);
    expect(pixelAt(view, { x: 9, y: 50 }, picture)).toBeNull();
    expect(pixelAt(view, { x: 10, y: 10 }, picture)).toEqual({ x: 0, y: 0 });
    expect(pixelAt(view, { x: 410, y: 50 }, picture)).toBeNull();
  });
});
