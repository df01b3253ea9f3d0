// What may be asked of a job in its state (docs/architecture/job-states.md), and what it leads to. It goes by the state
// alone, as an event changes that before the job's own list of commands has been read again.
import type { Schemas } from "@/shared/api/client";

export type Job = Schemas["JobView"];
type JobState = Schemas["JobState"];
export type Priority = Schemas["PriorityClass"];
export type Command = "pause" | "resume" | "cancel" | "retry" | "approve";

const LEADS: Record<Command, { from: readonly JobState[]; to: JobState }> = {
  approve: { from: ["awaiting_approval"], to: "running" },
  pause: { from: ["queued", "running"], to: "paused" },
  resume: { from: ["paused"], to: "queued" },
  retry: { from: ["failed", "canceled"], to: "queued" },
  cancel: { from: ["blocked", "queued", "running", "paused", "awaiting_approval", "finishing"], to: "canceling" },
};

export const COMMANDS = Object.keys(LEADS) as Command[];

/** What takes a command back; a job that was canceled or tried again is not put back as it was. */
export const UNDO: Partial<Record<Command, Command>> = { pause: "resume", resume: "pause" };

export const PRIORITIES: readonly Priority[] = ["interactive", "normal", "batch"];
const SETTLED: readonly JobState[] = ["canceling", "succeeded", "failed", "canceled"];

export function mayAsk(job: Pick<Job, "state">, command: Command): boolean {
  return LEADS[command].from.includes(job.state);
}

export function mayChange(job: Pick<Job, "state">): boolean {
  return !SETTLED.includes(job.state);
}

export function stateAfter(command: Command): JobState {
  return LEADS[command].to;
}
