import { describe, expect, it } from "vitest";
import { advance, shownAt, wanted, type Pace } from "./playhead";

const pace: Pace = { fps: 10, speed: 1, direction: 1, isLoop: false, stretch: { first: 0, last: 9 } };
const always = () => true;

describe("advance", () => {
  it("goes on one frame for each tenth of a second at 10 fps and keeps what is left over", () => {
    expect(advance(2, 250, pace, always)).toEqual({ at: 4, rest: 50, isWaiting: false, hasEnded: false });
  });

  it("plays twice as fast at double speed, and backwards", () => {
    expect(advance(2, 100, { ...pace, speed: 2 }, always).at).toBe(4);
    expect(advance(2, 100, { ...pace, direction: -1 }, always).at).toBe(1);
  });

  it("waits in front of a picture that is still on its way", () => {
    const waiting = advance(2, 300, pace, (ordinal) => ordinal < 4);
    expect(waiting).toMatchObject({ at: 3, isWaiting: true });
  });

  it("ends at the last frame, or begins again in a loop", () => {
    expect(advance(8, 300, pace, always)).toMatchObject({ at: 9, hasEnded: true });
    expect(advance(8, 300, { ...pace, isLoop: true }, always)).toMatchObject({ at: 1, hasEnded: false });
  });

  it("stays within the chosen stretch", () => {
    const stretch = { first: 3, last: 5 };
    expect(advance(5, 100, { ...pace, isLoop: true, stretch }, always).at).toBe(3);
    expect(advance(3, 100, { ...pace, isLoop: true, direction: -1, stretch }, always).at).toBe(5);
  });

  it("does not race through the shot after the tab has slept for an hour", () => {
    expect(advance(0, 3_600_000, { ...pace, stretch: { first: 0, last: 9999 } }, always).at).toBe(8);
  });
});

describe("shownAt", () => {
  const there = new Set([0, 1, 2, 6]);
  const has = (ordinal: number) => there.has(ordinal);

  it("shows a frame's own picture, and holds the one before it over a gap", () => {
    expect([0, 2, 3, 5, 6, 9].map((at) => shownAt(at, has))).toEqual([0, 2, 2, 2, 6, 6]);
  });

  it("shows nothing where no frame before has a picture", () => {
    expect(shownAt(4, (ordinal) => ordinal === 5)).toBeNull();
  });
});

describe("wanted", () => {
  it("asks for what is shown first, then for what comes, over gaps and round the loop", () => {
    const has = (ordinal: number) => ordinal !== 8;
    expect(wanted(7, { ...pace, isLoop: true }, 4, has)).toEqual([7, 9, 0, 1]);
  });

  it("asks for nothing behind the end of a stretch that does not loop", () => {
    expect(wanted(8, pace, 5, always)).toEqual([8, 9]);
  });
});
