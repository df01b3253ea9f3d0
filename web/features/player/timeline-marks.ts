// What the timeline shows in each column of its width: many frames may share one, and the worst of them is seen.
import type { FrameStates } from "@/features/job/frame-states";

export type Mark = "missing" | "rendering" | "committed" | "failed";

export function markOf(states: FrameStates, ordinal: number): Mark {
  const state = states.stateAt(ordinal);
  if (state === "committed" || state === "reused") return "committed";
  if (state === "failed") return "failed";
  return state === "rendering" ? "rendering" : "missing";
}

export interface Column {
  mark: Mark;
  /** Of the frames in this column, how many have a picture: 0 to 1. */
  share: number;
}

export function columnsOf(states: FrameStates, width: number): Column[] {
  const columns: Column[] = [];
  for (let x = 0; x < width; x += 1) {
    const first = Math.floor((x * states.size) / width);
    const end = Math.max(first + 1, Math.floor(((x + 1) * states.size) / width));
    columns.push(columnOf(states, first, Math.min(end, states.size)));
  }
  return columns;
}

function columnOf(states: FrameStates, first: number, end: number): Column {
  let committed = 0;
  let failed = 0;
  let rendering = 0;
  for (let ordinal = first; ordinal < end; ordinal += 1) {
    const mark = markOf(states, ordinal);
    if (mark === "committed") committed += 1;
    else if (mark === "failed") failed += 1;
    else if (mark === "rendering") rendering += 1;
  }
  const share = committed / (end - first);
  if (failed > 0) return { mark: "failed", share };
  if (rendering > 0) return { mark: "rendering", share };
  return { mark: share > 0 ? "committed" : "missing", share };
}

/** The place that a point of the timeline stands for. */
export function placeAt(x: number, width: number, size: number): number {
  if (width <= 0) return 0;
  return Math.min(size - 1, Math.max(0, Math.floor((x / width) * size)));
}
