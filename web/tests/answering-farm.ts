// A farm for component tests: answers requests by method and path, and keeps what it was asked.
import { vi } from "vitest";
import { restoreSession } from "@/shared/session/session";

export interface Asked {
  method: string;
  path: string;
  query: URLSearchParams;
  headers: Headers;
  body: unknown;
}

type Answer = (asked: Asked) => unknown;

/** An answer that is not 200 with JSON. */
export class Raw {
  constructor(
    readonly status: number,
    readonly body: unknown = null,
    readonly headers: Record<string, string> = {},
  ) {}
}

/**
 * `answeringFarm({ "GET /v1/keys": () => ({ items: [] }) })`; whoever is asked is signed in with a key. What no route
 * is given for is answered with 404; a `Response` is answered as it is; a promise holds the answer back. Undone by
 * `vi.unstubAllGlobals()`.
 */
export async function answeringFarm(routes: Record<string, Answer>): Promise<Asked[]> {
  const log: Asked[] = [];
  vi.stubGlobal("fetch", async (input: Request | string, init?: RequestInit) => {
    const request = input instanceof Request ? input : new Request(input, init);
    const url = new URL(request.url);
    const text = await request.text();
    const body: unknown = text === "" ? null : JSON.parse(text);
    const asked = {
      method: request.method,
      path: url.pathname,
      query: url.searchParams,
      headers: request.headers,
      body,
    };
    log.push(asked);
    const route = routes[`${asked.method} ${asked.path}`] ?? DEFAULTS[`${asked.method} ${asked.path}`];
    return answered(await (route?.(asked) ?? new Raw(404, { code: "not-found", detail: "Not here." })));
  });
  sessionStorage.setItem("rayfarm.key", "rf_test");
  await restoreSession();
  return log;
}

/** `GET /v1/me` of a manager; a test that needs another answers it itself. */
export function meWith(...permissions: string[]) {
  return { kind: "account", id: "me", name: "Ada", email: "ada@example.org", memberships: [], permissions };
}

const DEFAULTS: Record<string, Answer> = {
  "GET /v1/me": () => meWith("self", "project:read", "project:render", "project:manage"),
};

function answered(answer: unknown): Response {
  if (answer instanceof Response) return answer;
  const { status, body, headers } = answer instanceof Raw ? answer : new Raw(200, answer);
  const type = status >= 400 ? "application/problem+json" : "application/json";
  const text = body === null || status === 204 ? null : JSON.stringify(body);
  return new Response(text, { status, headers: { "Content-Type": type, ...headers } });
}
