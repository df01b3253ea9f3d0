// The farm's syntax of frame ranges (jobs/frames.py), so that a typing error shows before anything is sent.
import { strings } from "@/strings/en";

export const MAX_FRAMES = 1_000_000;
const MAX_CROSSING = 100_000;
/** Blender's own MAXFRAME. */
const MAX_NUMBER = 1_048_574;
const ITEM = /^(-?\d{1,9})(?:-(-?\d{1,9})(?::(-?\d{1,9}))?)?$/;

interface Run {
  first: number;
  count: number;
  step: number;
}

export type FrameCount = { count: number; first: number } | { error: string };

const words = strings.submit.frameErrors;

/** How many different frames a range names, or what is wrong with it. */
export function countFrames(text: string): FrameCount {
  if (text.trim() === "") return { error: words.empty };
  const runs: Run[] = [];
  for (const item of text.split(",")) {
    const run = runOf(item.trim());
    if ("error" in run) return run;
    runs.push(run);
  }
  const total = runs.reduce((sum, run) => sum + run.count, 0);
  if (total > MAX_FRAMES) return { error: words.tooMany(total, MAX_FRAMES) };
  const first = runs[0]?.first ?? 0;
  if (!cross(runs)) return { count: total, first };
  if (total > MAX_CROSSING) return { error: words.crossing(MAX_CROSSING) };
  return { count: distinct(runs), first };
}

function runOf(item: string): Run | { error: string } {
  const match = ITEM.exec(item);
  if (match === null) return { error: item === "" ? words.emptyItem : words.notARange(item) };
  const first = Number(match[1]);
  const last = match[2] === undefined ? first : Number(match[2]);
  const beyond = [first, last].find((number) => Math.abs(number) > MAX_NUMBER);
  if (beyond !== undefined) return { error: words.outOfBounds(beyond) };
  const direction = last >= first ? 1 : -1;
  const step = match[3] === undefined ? direction : Number(match[3]);
  if (step === 0) return { error: words.noStep(item) };
  if (step * direction < 0 && first !== last) return { error: words.wrongWay(item, `${first}-${last}:${-step}`) };
  return { first, count: Math.floor(Math.abs(last - first) / Math.abs(step)) + 1, step };
}

/** Whether two runs may name one frame. */
function cross(runs: readonly Run[]): boolean {
  const spans = runs
    .map(({ first, count, step }) => [first, first + (count - 1) * step])
    .map(([start, end]) => ({ low: Math.min(start!, end!), high: Math.max(start!, end!) }))
    .sort((left, right) => left.low - right.low);
  return spans.some((span, place) => place > 0 && span.low <= spans[place - 1]!.high);
}

function distinct(runs: readonly Run[]): number {
  const frames = new Set<number>();
  for (const { first, count, step } of runs) {
    for (let place = 0; place < count; place += 1) frames.add(first + place * step);
  }
  return frames.size;
}

/** `1-250`, from what opening a model has found; null where that found none. */
export function rangeOfProbe(probe: Record<string, unknown> | null | undefined): string | null {
  const { frame_start: start, frame_end: end, frame_step: step } = probe ?? {};
  if (typeof start !== "number" || typeof end !== "number") return null;
  if (start === end) return String(start);
  return typeof step === "number" && step > 1 ? `${start}-${end}:${step}` : `${start}-${end}`;
}
