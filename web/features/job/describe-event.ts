// What an event says, in a few words.
import type { FarmEvent } from "@/shared/live/stream";
import { strings } from "@/strings/en";
import { rangeText } from "./frame-range";

const LONGEST_RANGE = 80;

export function describeEvent({ kind, data }: FarmEvent): string {
  const parts: string[] = [];
  if (kind === "job.state") {
    const { state, from } = data as { state?: string; from?: string };
    parts.push(strings.job.events.becomes(stateWord(from), stateWord(state)));
  }
  const frames = framesOf(data);
  if (frames.length > 0) parts.push(short(rangeText(frames)));
  else if (Array.isArray(data.ordinals)) parts.push(strings.job.events.frames(data.ordinals.length));
  if (typeof data.count === "number" && data.count > frames.length) parts.push(strings.job.events.frames(data.count));
  for (const field of ["node", "reason", "message", "words"] as const) {
    const value = data[field];
    if (typeof value === "string") parts.push(reasonWord(value));
  }
  if (kind === "job.changed" && data.changes !== null && typeof data.changes === "object")
    parts.push(Object.keys(data.changes as object).join(", "));
  return parts.join(" · ");
}

function framesOf(data: Record<string, unknown>): number[] {
  if (Array.isArray(data.frames)) return (data.frames as { frame: number }[]).map((one) => one.frame);
  return typeof data.frame === "number" ? [data.frame] : [];
}

function stateWord(state: string | undefined): string {
  return strings.jobStates[state as keyof typeof strings.jobStates] ?? state ?? "";
}

function reasonWord(reason: string): string {
  return strings.job.endReasons[reason as keyof typeof strings.job.endReasons] ?? reason;
}

function short(text: string): string {
  return text.length > LONGEST_RANGE ? `${text.slice(0, LONGEST_RANGE)} …` : text;
}
