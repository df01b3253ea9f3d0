// The idempotency key of a form: the same as long as it asks for the same, even after a reload, so that a double click
// or an answer that was lost makes one job. A form that was changed asks for another job.
import { randomKey } from "@/shared/session/random-key";

interface Attempt {
  key: string;
  asked: string;
}

export function keyOfAttempt(place: string, body: unknown): string {
  const asked = JSON.stringify(body);
  const before = readAttempt(place);
  if (before?.asked === asked) return before.key;
  const key = randomKey();
  sessionStorage.setItem(attemptAt(place), JSON.stringify({ key, asked } satisfies Attempt));
  return key;
}

/** Once there is a job: the same form sent again would be meant as another one. */
export function endAttempt(place: string): void {
  sessionStorage.removeItem(attemptAt(place));
}

function readAttempt(place: string): Attempt | null {
  try {
    const kept = JSON.parse(sessionStorage.getItem(attemptAt(place)) ?? "null") as Attempt | null;
    return typeof kept?.key === "string" && typeof kept.asked === "string" ? kept : null;
  } catch {
    return null;
  }
}

function attemptAt(place: string): string {
  return `${place}/attempt`;
}
