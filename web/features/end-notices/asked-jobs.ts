// The jobs of whose end somebody wants to be told: kept in this browser, for whoever asked, until they end or sign out.
import { useSyncExternalStore } from "react";
import { currentSession, subscribeToSession, whoIsHere } from "@/shared/session/session";

export interface AskedJob {
  id: string;
  /** Slug. */
  project: string;
}

const PLACE = "rayfarm.end-notices";
/** The oldest go first: a job that is deleted while nobody looks would stay. */
const MOST = 100;
const NONE: readonly AskedJob[] = [];

const listeners = new Set<() => void>();
let read: { raw: string | null; who: string | null; jobs: readonly AskedJob[] } = { raw: null, who: null, jobs: NONE };

if (typeof window !== "undefined") {
  window.addEventListener("storage", ({ key }) => {
    if (key === PLACE || key === null) tell();
  });
  subscribeToSession(() => {
    const session = currentSession();
    if (session.state === "nobody" && session.why === "signed-out") localStorage.removeItem(PLACE);
    tell();
  });
}

export function askedJobs(): readonly AskedJob[] {
  const raw = localStorage.getItem(PLACE);
  const who = whoIsHere();
  if (raw !== read.raw || who !== read.who) read = { raw, who, jobs: jobsOf(raw, who) };
  return read.jobs;
}

export function useAskedJobs(): readonly AskedJob[] {
  return useSyncExternalStore(subscribe, askedJobs, () => NONE);
}

export function askForEnd(job: AskedJob): void {
  keep([...askedJobs().filter(({ id }) => id !== job.id), job].slice(-MOST));
}

/** Whether it was asked for until now. */
export function forgetEnd(id: string): boolean {
  const before = askedJobs();
  const left = before.filter((job) => job.id !== id);
  if (left.length !== before.length) keep(left);
  return left.length !== before.length;
}

function keep(jobs: readonly AskedJob[]): void {
  localStorage.setItem(PLACE, JSON.stringify({ who: whoIsHere(), jobs }));
  tell();
}

function tell(): void {
  for (const listener of listeners) listener();
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** Nothing of what somebody else asked for, or of what is not ours. */
function jobsOf(raw: string | null, who: string | null): readonly AskedJob[] {
  try {
    const kept = JSON.parse(raw ?? "null") as { who?: unknown; jobs?: unknown } | null;
    if (kept === null || who === null || kept.who !== who || !Array.isArray(kept.jobs)) return NONE;
    return kept.jobs.filter(isAskedJob);
  } catch {
    return NONE;
  }
}

function isAskedJob(value: unknown): value is AskedJob {
  const job = value as Partial<AskedJob> | null;
  return typeof job?.id === "string" && typeof job.project === "string";
}
