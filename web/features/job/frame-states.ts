// The state of every frame of a job, one byte each, outside of React: 10,000 frames that land make no component render
// but the ones that show them. Filled from the API, then kept true by events.
import type { Schemas } from "@/shared/api/client";

export type FrameState = Schemas["FrameState"];

/** In the order of their codes; 0 is "not read yet". */
export const FRAME_STATES = [
  "queued",
  "leased",
  "rendering",
  "committed",
  "reused",
  "failed",
  "canceled",
  "skipped",
] as const satisfies readonly FrameState[];

const STATE_BITS = 0x0f;
const SUSPECT_BIT = 0x10;
const CODES = new Map<FrameState, number>(FRAME_STATES.map((state, index) => [state, index + 1]));

export interface StateRun {
  first: number;
  last: number;
  state: FrameState;
}

/** What the API says of all frames at once: true behind the job's event `lastEvent`. */
export interface StatesSnapshot {
  lastEvent: number;
  runs: readonly StateRun[];
  suspects: readonly number[];
}

export class FrameStates {
  /** Rises with every change. */
  version = 0;
  lastEvent = -1;
  suspects = 0;
  private readonly codes: Uint8Array;
  private readonly counted = new Uint32Array(FRAME_STATES.length + 1);
  private readonly listeners = new Set<() => void>();
  private matched: { filter: FrameFilter; version: number; found: Int32Array } | null = null;

  constructor(readonly size: number) {
    this.codes = new Uint8Array(size);
    this.counted[0] = size;
  }

  get isRead(): boolean {
    return this.lastEvent >= 0;
  }

  subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  current = (): number => this.version;

  /** null: not read yet. */
  stateAt(ordinal: number): FrameState | null {
    return FRAME_STATES[(this.codes[ordinal]! & STATE_BITS) - 1] ?? null;
  }

  isSuspect(ordinal: number): boolean {
    return (this.codes[ordinal]! & SUSPECT_BIT) !== 0;
  }

  count(state: FrameState): number {
    return this.counted[CODES.get(state)!]!;
  }

  load({ lastEvent, runs, suspects }: StatesSnapshot): void {
    this.codes.fill(0);
    for (const { first, last, state } of runs) this.codes.fill(CODES.get(state)!, first, last + 1);
    for (const ordinal of suspects) if (ordinal < this.size) this.codes[ordinal]! |= SUSPECT_BIT;
    this.counted.fill(0);
    for (const code of this.codes) this.counted[code & STATE_BITS]! += 1;
    this.suspects = suspects.length;
    this.lastEvent = lastEvent;
    this.changed();
  }

  /** A frame that gets another state is not suspect any more: its picture is another one. */
  set(ordinals: Iterable<number>, state: FrameState, onlyFrom?: readonly FrameState[]): void {
    const code = CODES.get(state)!;
    for (const ordinal of ordinals) {
      const old = this.codes[ordinal];
      if (old === undefined) continue;
      if (onlyFrom !== undefined && !onlyFrom.includes(FRAME_STATES[(old & STATE_BITS) - 1]!)) continue;
      this.counted[old & STATE_BITS]! -= 1;
      this.counted[code]! += 1;
      if ((old & SUSPECT_BIT) !== 0) this.suspects -= 1;
      this.codes[ordinal] = code;
    }
    this.changed();
  }

  suspect(ordinals: Iterable<number>): void {
    for (const ordinal of ordinals) {
      const old = this.codes[ordinal];
      if (old === undefined || (old & SUSPECT_BIT) !== 0) continue;
      this.codes[ordinal] = old | SUSPECT_BIT;
      this.suspects += 1;
    }
    this.changed();
  }

  /** Ordinals that the filter lets through, in order; the same array until something changes. */
  matching(filter: FrameFilter): Int32Array {
    if (this.matched?.filter === filter && this.matched.version === this.version) return this.matched.found;
    const found = this.search(filter);
    this.matched = { filter, version: this.version, found };
    return found;
  }

  private search(filter: FrameFilter): Int32Array {
    const found = new Int32Array(this.size);
    let count = 0;
    for (let ordinal = 0; ordinal < this.size; ordinal += 1) {
      const code = this.codes[ordinal]!;
      const isIn = filter === "suspect" ? (code & SUSPECT_BIT) !== 0 : (code & STATE_BITS) === CODES.get(filter);
      if (isIn) found[count++] = ordinal;
    }
    return found.slice(0, count);
  }

  private changed(): void {
    this.version += 1;
    for (const listener of this.listeners) listener();
  }
}

export type FrameFilter = FrameState | "suspect";

export function isFrameFilter(text: string | null): text is FrameFilter {
  return text === "suspect" || FRAME_STATES.includes(text as FrameState);
}
