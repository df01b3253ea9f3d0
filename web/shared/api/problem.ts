// What the API says when something does not work (RFC 9457), as an error that pages can show.
import { strings } from "@/strings/en";
import type { components } from "./schema";

export type ProblemBody = components["schemas"]["Problem"];

/** An answer that is not a success, or no answer at all. */
export class Problem extends Error {
  readonly code: string;
  /** HTTP status; 0: nobody answered. */
  readonly status: number;
  readonly remedy: string | null;
  readonly requestId: string | null;
  readonly body: Partial<ProblemBody> & Record<string, unknown>;

  constructor(status: number, body: Partial<ProblemBody> & Record<string, unknown>) {
    super(body.detail ?? body.title ?? strings.faults.status(status));
    this.name = "Problem";
    this.status = status;
    this.code = body.code ?? (status === 0 ? "unreachable" : "unknown");
    this.remedy = body.remedy ?? null;
    this.requestId = body.request_id ?? null;
    this.body = body;
  }

  /** Whether the same request may work in a moment. */
  get isPassing(): boolean {
    return this.status === 0 || this.status === 502 || this.status === 503 || this.status === 504;
  }
}

/** The problem that an answer carries; one of our own words where it carries none (a proxy's page). */
export async function problemOf(answer: Response): Promise<Problem> {
  const isJson = answer.headers.get("content-type")?.includes("json") ?? false;
  const body: unknown = isJson ? await answer.json().catch(() => null) : null;
  return new Problem(answer.status, body !== null && typeof body === "object" ? { ...body } : {});
}

/** Any thrown thing as a problem. */
export function asProblem(error: unknown): Problem {
  if (error instanceof Problem) return error;
  return new Problem(0, { detail: error instanceof Error ? error.message : String(error) });
}
