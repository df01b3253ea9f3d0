// The API's own typed client: signs each request, renews the session once where it was refused, and turns whatever is
// not a success into a `Problem`.
import createFetchClient, { type Middleware } from "openapi-fetch";
import createClient from "openapi-react-query";
import { credential, renewAfter } from "@/shared/session/session";
import { strings } from "@/strings/en";
import { Problem, problemOf } from "./problem";
import type { components, paths } from "./schema";

export type Schemas = components["schemas"];

/** `fetch` with the credential of who is signed in; raises `Problem` where nobody answers. */
export async function signedFetch(input: Request | string, init?: RequestInit): Promise<Response> {
  const request = new Request(input, init);
  const first = await credential();
  const answer = await send(request.clone(), first);
  if (answer.status !== 401 || first === null) return answer;
  const fresh = await renewAfter(first);
  return fresh === null ? answer : send(request, fresh);
}

async function send(request: Request, bearer: string | null): Promise<Response> {
  if (bearer !== null) request.headers.set("Authorization", `Bearer ${bearer}`);
  try {
    return await fetch(request);
  } catch (error) {
    if (request.signal.aborted) throw error;
    throw new Problem(0, { detail: strings.faults.unreachable, remedy: strings.faults.checkConnection });
  }
}

const raising: Middleware = {
  async onResponse({ response }) {
    if (!response.ok && response.status !== 304) throw await problemOf(response);
  },
};

/** Calls without a cache: `const { data } = await api.POST("/v1/jobs", …)`; `data` is there, or it raised `Problem`. */
export const api = createFetchClient<paths>({ baseUrl: "", fetch: signedFetch });
api.use(raising);

/** The same as hooks on TanStack Query: `$api.useQuery("get", "/v1/jobs", …)`. */
export const $api = createClient(api);
