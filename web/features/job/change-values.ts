// The fields of the change dialog, and what they change of a job.
import type { Schemas } from "@/shared/api/client";
import type { JobDetail } from "./job-context";

type Changes = Partial<Schemas["JobChanges"]>;

/** Times as `datetime-local` fields hold them, "" for none. */
export interface ChangeValues {
  priority: Schemas["PriorityClass"];
  weight: number | string;
  max_replicas: number | string;
  start_before: string;
  finish_before: string;
  expires_at: string;
  tags: string[];
  show: string;
  shot: string;
}

export function valuesOf(job: JobDetail): ChangeValues {
  return {
    priority: job.priority as Schemas["PriorityClass"],
    weight: job.weight,
    max_replicas: job.max_replicas ?? "",
    start_before: localTime(job.start_before),
    finish_before: localTime(job.finish_before),
    expires_at: localTime(job.expires_at),
    tags: [...job.tags],
    show: job.show ?? "",
    shot: job.shot ?? "",
  };
}

/** Only what differs, so that nothing is set that nobody touched. */
export function changesOf(before: ChangeValues, after: ChangeValues): Changes {
  const changes: Changes = {};
  if (after.priority !== before.priority) changes.priority = after.priority;
  if (after.weight !== before.weight) changes.weight = Number(after.weight);
  if (after.max_replicas !== before.max_replicas)
    changes.max_replicas = after.max_replicas === "" ? null : Number(after.max_replicas);
  for (const field of ["start_before", "finish_before", "expires_at"] as const)
    if (after[field] !== before[field])
      changes[field] = after[field] === "" ? null : new Date(after[field]).toISOString();
  if (JSON.stringify(after.tags) !== JSON.stringify(before.tags)) changes.tags = after.tags;
  for (const field of ["show", "shot"] as const)
    if (after[field] !== before[field]) changes[field] = after[field] === "" ? null : after[field];
  return changes;
}

/** `2026-01-05T10:30` in the time zone of the browser. */
export function localTime(at: string | null | undefined): string {
  if (at == null) return "";
  const time = new Date(at);
  const shifted = new Date(time.getTime() - time.getTimezoneOffset() * 60_000);
  return shifted.toISOString().slice(0, 16);
}
