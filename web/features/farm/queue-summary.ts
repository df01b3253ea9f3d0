// Sums over the farm's queue and pace that its overview shows.
import type { Schemas } from "@/shared/api/client";

export interface Reason {
  reason: string;
  words: string;
  jobs: number;
  /** When the oldest of the jobs was submitted. */
  oldestAt: string;
}

/** What jobs of all classes wait for; what holds up most of them comes first. */
export function topReasons(classes: readonly Schemas["ClassQueue"][]): Reason[] {
  const byReason = new Map<string, Reason>();
  for (const { reason, words, jobs, oldest_at } of classes.flatMap((each) => each.waits)) {
    const known = byReason.get(reason);
    byReason.set(reason, {
      reason,
      words,
      jobs: (known?.jobs ?? 0) + jobs,
      oldestAt: known !== undefined && known.oldestAt < oldest_at ? known.oldestAt : oldest_at,
    });
  }
  return [...byReason.values()].sort((a, b) => b.jobs - a.jobs || a.reason.localeCompare(b.reason));
}

const RECENT_MINUTES = 5;

/** Mean of the last full minutes; the running one would make a farm look slower than it is. */
export function framesPerMinute(pace: Schemas["PaceView"]): number {
  const full = pace.minutes.slice(0, -1).slice(-RECENT_MINUTES);
  return full.length === 0 ? 0 : full.reduce((sum, minute) => sum + minute.frames, 0) / full.length;
}

/** Roughly, for a look: amounts on invoices come from the API as they are. */
export function costPerHour(pace: Schemas["PaceView"]): number {
  return pace.minutes.length === 0 ? 0 : (Number(pace.cost) * 60) / pace.minutes.length;
}

export interface ReplicaCounts {
  up: number;
  busy: number;
  draining: number;
  disabled: number;
}

export function countReplicas(pools: readonly Schemas["PoolQueue"][]): ReplicaCounts {
  const counts = { up: 0, busy: 0, draining: 0, disabled: 0 };
  for (const pool of pools) {
    counts.up += pool.replicas;
    counts.busy += pool.busy;
    counts.draining += pool.draining;
    counts.disabled += pool.disabled;
  }
  return counts;
}
