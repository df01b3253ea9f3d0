// What a person may do to frames, by their state: as the farm's own table (jobs/frame_actions.py) has it. What is
// selected and cannot take the action is left out before it is asked for, since the farm does all of it or nothing.
import type { Schemas } from "@/shared/api/client";
import type { FrameState, FrameStates } from "./frame-states";

export type FrameAction = Schemas["FrameAction"];

const TAKES: Record<FrameAction, readonly FrameState[]> = {
  retry: ["failed", "canceled"],
  requeue: ["committed", "reused", "failed", "canceled", "skipped"],
  skip: ["queued", "failed", "canceled"],
};

export const FRAME_ACTIONS = ["retry", "requeue", "skip"] as const satisfies readonly FrameAction[];

/** Those of the frames that the action changes. */
export function framesFor(action: FrameAction, ordinals: Iterable<number>, states: FrameStates): number[] {
  const found: number[] = [];
  for (const ordinal of ordinals) {
    const state = states.stateAt(ordinal);
    if (state !== null && TAKES[action].includes(state)) found.push(ordinal);
  }
  return found;
}

/** The state that frames are in once the farm has done it. */
export function stateAfter(action: FrameAction): FrameState {
  return action === "skip" ? "skipped" : "queued";
}

/** The action that takes this one back exactly; null: nothing does, for example once a failure was forgotten. */
export function undoOf(action: FrameAction, before: ReadonlySet<FrameState | null>): FrameAction | null {
  const [only] = before;
  if (before.size !== 1) return null;
  if (action === "skip" && only === "queued") return "requeue";
  if (action === "requeue" && only === "skipped") return "skip";
  return null;
}
