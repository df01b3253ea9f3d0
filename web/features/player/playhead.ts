// Where the playhead goes: pure, so that it can be told without a clock. Places are ordinals.

export interface Stretch {
  first: number;
  last: number;
}

export interface Pace {
  fps: number;
  /** 1: as the scene says. */
  speed: number;
  direction: 1 | -1;
  isLoop: boolean;
  stretch: Stretch;
}

export interface Advance {
  at: number;
  /** Time that is left over for the next frame. */
  rest: number;
  /** It waits for a picture that is there and not loaded yet. */
  isWaiting: boolean;
  hasEnded: boolean;
}

/** How much lost time is made up for: a tab that slept does not race through the shot. */
const MOST_FRAMES_AT_ONCE = 8;

/** Where the playhead is after some time. `isReady`: whether a frame can be shown, or held where it does not exist. */
export function advance(at: number, elapsedMs: number, pace: Pace, isReady: (ordinal: number) => boolean): Advance {
  const frameMs = 1000 / (pace.fps * pace.speed);
  let rest = Math.min(elapsedMs, frameMs * MOST_FRAMES_AT_ONCE);
  let place = at;
  while (rest >= frameMs) {
    const next = after(place, pace);
    if (next === null) return { at: place, rest: 0, isWaiting: false, hasEnded: true };
    if (!isReady(next)) return { at: place, rest: frameMs, isWaiting: true, hasEnded: false };
    place = next;
    rest -= frameMs;
  }
  return { at: place, rest, isWaiting: false, hasEnded: false };
}

/** The next place in the direction of play; null: the stretch ends. */
export function after(at: number, { direction, isLoop, stretch }: Pace): number | null {
  const next = at + direction;
  if (next > stretch.last) return isLoop ? stretch.first : null;
  if (next < stretch.first) return isLoop ? stretch.last : null;
  return next;
}

export function clamp(at: number, { first, last }: Stretch): number {
  return Math.min(last, Math.max(first, Math.round(at)));
}

/** How far back a picture is looked for that stands in for a frame without one. */
const FARTHEST_HOLD = 20_000;

/** The frame whose picture is shown at a place: itself, or the nearest one before it; null: none. */
export function shownAt(at: number, hasPicture: (ordinal: number) => boolean): number | null {
  const end = Math.max(0, at - FARTHEST_HOLD);
  for (let ordinal = at; ordinal >= end; ordinal -= 1) if (hasPicture(ordinal)) return ordinal;
  return null;
}

/** Which pictures to load, the most urgent first: what is shown, then what comes, round the loop. */
export function wanted(at: number, pace: Pace, ahead: number, hasPicture: (ordinal: number) => boolean): number[] {
  const found: number[] = [];
  const shown = shownAt(at, hasPicture);
  if (shown !== null) found.push(shown);
  const size = pace.stretch.last - pace.stretch.first + 1;
  let place: number | null = at;
  for (let count = 0; count < Math.min(ahead, size - 1); count += 1) {
    place = after(place, pace);
    if (place === null) break;
    if (hasPicture(place) && place !== shown) found.push(place);
  }
  return found;
}
