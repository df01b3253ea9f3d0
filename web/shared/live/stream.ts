// One event stream of the farm, kept open: it connects again after a break and begins behind the last event that it
// has seen, so nothing is missed and nothing comes twice (docs/api/events.md).
import { createParser, type EventSourceMessage } from "eventsource-parser";
import { signedFetch } from "@/shared/api/client";
import { asProblem, problemOf, type Problem } from "@/shared/api/problem";
import { strings } from "@/strings/en";

/** What happened, as it comes over the line. `id` is absent for progress, which is kept nowhere. */
export interface FarmEvent {
  id: string | null;
  kind: string;
  project: string | null;
  job: string | null;
  model: string | null;
  seq: number | null;
  at: string;
  data: Record<string, unknown>;
}

export type StreamState = "connecting" | "live" | "lost" | "over" | "refused";

export interface StreamOptions {
  url: string;
  headers?: Record<string, string>;
  /** Id of the last event that is known already. */
  after?: string | null;
  onEvent: (event: FarmEvent) => void;
  onState?: (state: StreamState, problem: Problem | null) => void;
}

const FIRST_PAUSE_MS = 500;
/** A line that held so long was good. */
const STEADY_MS = 10_000;
const LONGEST_PAUSE_MS = 15_000;
/** The farm sends a comment every 15 s at most, so a line that is silent for longer is dead. */
const SILENCE_MS = 40_000;

/** Keeps the stream open until the signal says otherwise, or the farm says that it is over or not ours to hear. */
export async function keepStream(options: StreamOptions, signal: AbortSignal): Promise<void> {
  let last = options.after ?? null;
  let pause = FIRST_PAUSE_MS;
  while (!signal.aborted) {
    options.onState?.("connecting", null);
    let problem: Problem | null = null;
    let liveAt = Infinity;
    try {
      const answer = await open(options, last, signal);
      if (answer.status === 204) {
        options.onState?.("over", null);
        return;
      }
      if (!answer.ok || answer.body === null) throw await problemOf(answer);
      options.onState?.("live", null);
      liveAt = Date.now();
      await read(answer.body, signal, (event) => {
        pause = FIRST_PAUSE_MS;
        last = event.id ?? last;
        options.onEvent(event);
      });
    } catch (error) {
      if (signal.aborted) return;
      problem = asProblem(error);
    }
    if (problem?.status === 422 && last !== null)
      last = null; // a restored database counts anew: begin with now
    else if (problem !== null && [401, 403, 404].includes(problem.status)) {
      options.onState?.("refused", problem);
      return;
    }
    options.onState?.("lost", problem);
    // A line that ends as soon as it is up, as behind some proxies, must not be asked for twice a second.
    if (Date.now() - liveAt > STEADY_MS) pause = FIRST_PAUSE_MS;
    await wait(pause, signal);
    pause = Math.min(pause * 2, LONGEST_PAUSE_MS);
  }
}

function open(options: StreamOptions, last: string | null, signal: AbortSignal): Promise<Response> {
  const headers: Record<string, string> = { Accept: "text/event-stream", ...options.headers };
  if (last !== null) headers["Last-Event-ID"] = last;
  return signedFetch(options.url, { headers, signal, cache: "no-store" });
}

async function read(body: ReadableStream<Uint8Array>, signal: AbortSignal, onEvent: (event: FarmEvent) => void) {
  const parser = createParser({
    onEvent(message) {
      const event = eventOf(message);
      if (event !== null) onEvent(event);
    },
  });
  const decoder = new TextDecoder();
  const reader = body.getReader();
  try {
    while (!signal.aborted) {
      const { done, value } = await withinSilence(reader.read());
      if (done) return;
      parser.feed(decoder.decode(value, { stream: true }));
    }
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}

async function withinSilence<T>(reading: Promise<T>): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const silence = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(strings.faults.silent)), SILENCE_MS);
  });
  try {
    return await Promise.race([reading, silence]);
  } finally {
    clearTimeout(timer);
  }
}

/** The event of a message; null for one that cannot be read, which a later farm may send. */
export function eventOf(message: EventSourceMessage): FarmEvent | null {
  try {
    const body = JSON.parse(message.data) as Partial<FarmEvent>;
    return {
      id: message.id ?? null,
      kind: body.kind ?? message.event ?? "",
      project: body.project ?? null,
      job: body.job ?? null,
      model: body.model ?? null,
      seq: body.seq ?? null,
      at: body.at ?? "",
      data: body.data ?? {},
    };
  } catch {
    return null;
  }
}

function wait(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(done, ms);
    window.addEventListener("online", done, { once: true });
    signal.addEventListener("abort", done, { once: true });
    function done() {
      clearTimeout(timer);
      window.removeEventListener("online", done);
      signal.removeEventListener("abort", done);
      resolve();
    }
  });
}
