// Which frames are selected, one byte each, outside of React as the states are.
import { rangeText, type FrameRange } from "./frame-range";

export class FrameSelection {
  version = 0;
  count = 0;
  private readonly chosen: Uint8Array;
  private readonly listeners = new Set<() => void>();

  constructor(readonly size: number) {
    this.chosen = new Uint8Array(size);
  }

  subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  current = (): number => this.version;

  has(ordinal: number): boolean {
    return this.chosen[ordinal] === 1;
  }

  ordinals(): number[] {
    const found: number[] = [];
    this.chosen.forEach((is, ordinal) => {
      if (is === 1) found.push(ordinal);
    });
    return found;
  }

  /** These and no other. */
  replace(ordinals: Iterable<number>): void {
    this.chosen.fill(0);
    this.count = 0;
    this.add(ordinals);
  }

  add(ordinals: Iterable<number>): void {
    for (const ordinal of ordinals) {
      if (ordinal < 0 || ordinal >= this.size || this.chosen[ordinal] === 1) continue;
      this.chosen[ordinal] = 1;
      this.count += 1;
    }
    this.changed();
  }

  toggle(ordinal: number): void {
    if (ordinal < 0 || ordinal >= this.size) return;
    this.chosen[ordinal] = this.has(ordinal) ? 0 : 1;
    this.count += this.has(ordinal) ? 1 : -1;
    this.changed();
  }

  clear(): void {
    if (this.count > 0) this.replace([]);
  }

  private changed(): void {
    this.version += 1;
    for (const listener of this.listeners) listener();
  }
}

/** The frames of these places as the API reads them: "1-5,9". */
export function framesText(ordinals: Iterable<number>, range: FrameRange): string {
  const frames: number[] = [];
  for (const ordinal of ordinals) frames.push(range.frameAt(ordinal));
  return rangeText(frames);
}
