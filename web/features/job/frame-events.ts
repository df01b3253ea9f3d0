// What an event of the job says about its frames, written into their states.
import type { FarmEvent } from "@/shared/live/stream";
import type { FrameStates } from "./frame-states";

/** Lists in events end here; `count` tells of the rest. */
const LONGEST_LIST = 1000;

interface FramesData {
  frames?: { ordinal: number }[];
  count?: number;
}

/** False: the event does not say enough, and the states must be read again. */
export function applyFrameEvent(states: FrameStates, event: FarmEvent): boolean {
  if (event.seq !== null && event.seq <= states.lastEvent) return true; // the snapshot knows it already
  const ordinals = ordinalsOf(event.data);
  switch (event.kind) {
    case "frames.committed":
      states.set(ordinals, "committed");
      break;
    case "frames.reused":
      states.set(ordinals, "reused");
      break;
    case "frames.failed":
      states.set(ordinals, "failed");
      break;
    case "frames.skipped":
      states.set(ordinals, "skipped");
      break;
    case "frames.requeued":
      states.set(ordinals, "queued");
      break;
    case "frames.suspect":
      states.suspect(ordinals);
      break;
    case "chunk.started":
      // Told behind the commit of its frames where both were written at the same moment.
      states.set(ordinals, "rendering", ["queued", "leased"]);
      return true;
    case "chunk.requeued":
      if (event.data.part == null) states.set(ordinals, "queued", ["leased", "rendering"]);
      return true;
    case "frame.retried":
      if (event.data.part == null) states.set([event.data.ordinal as number], "queued", ["leased", "rendering"]);
      return true;
    case "job.state":
      return false; // a cancel, an end or an approval decides about frames without naming them
    default:
      return true;
  }
  return isWhole(event.data);
}

function ordinalsOf(data: Record<string, unknown>): number[] {
  const { frames, ordinals } = data as FramesData & { ordinals?: number[] };
  return ordinals ?? frames?.map((frame) => frame.ordinal) ?? [];
}

function isWhole({ frames, count }: FramesData): boolean {
  const listed = frames?.length ?? 0;
  return count === undefined ? listed < LONGEST_LIST : listed >= count;
}
