// Tries again what may work in a moment: after a growing pause, or when the farm says so.
import { Problem } from "@/shared/api/problem";
import { FILE_CHANGED } from "./file-changed";

const MOST_TRIES = 8;
const FIRST_PAUSE_MS = 1000;
const LONGEST_PAUSE_MS = 30_000;

/** Waits; a moment earlier where the browser is online again. */
export type Pause = (ms: number, signal: AbortSignal) => Promise<void>;

export async function withRetries<T>(work: () => Promise<T>, signal: AbortSignal, pause: Pause = wait): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    signal.throwIfAborted();
    try {
      return await work();
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof Problem) || !mayWorkLater(error) || tries >= MOST_TRIES) throw error;
      await pause(pauseAfter(error, tries), signal);
    }
  }
}

function mayWorkLater(problem: Problem): boolean {
  return problem.code !== FILE_CHANGED && (problem.isPassing || problem.status === 408 || problem.status === 429);
}

function pauseAfter(problem: Problem, tries: number): number {
  const asked = problem.body.retry_after_s;
  if (typeof asked === "number" && asked >= 0) return Math.min(asked * 1000, 10 * 60_000);
  const longest = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (tries - 1));
  return longest * (0.5 + Math.random() / 2); // many browsers do not come back at one time
}

export const wait: Pause = (ms, signal) =>
  new Promise((resolve) => {
    const timer = setTimeout(done, ms);
    signal.addEventListener("abort", done, { once: true });
    globalThis.addEventListener?.("online", done, { once: true });
    function done() {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      globalThis.removeEventListener?.("online", done);
      resolve();
    }
  });
