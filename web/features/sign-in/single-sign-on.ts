// Single sign-on by authorization code with PKCE (RFC 7636): the verifier never leaves this tab.
import { createSHA256 } from "hash-wasm";
import { signInByCode } from "@/shared/session/session";
import { Problem } from "@/shared/api/problem";
import { strings } from "@/strings/en";
import { safeNext } from "./next";

const PLACE = "rayfarm.sign-on";

interface Begun {
  state: string;
  verifier: string;
  next: string;
}

/** Leaves for the identity provider. */
export async function beginSingleSignOn(login: string, next: string): Promise<void> {
  const begun: Begun = { state: randomText(), verifier: randomText(), next };
  sessionStorage.setItem(PLACE, JSON.stringify(begun));
  const query = new URLSearchParams({
    return_to: `${location.origin}/sign-in/return/`,
    state: begun.state,
    code_challenge: await challengeOf(begun.verifier),
  });
  // eslint-disable-next-line @next/next/no-location-assign-relative-destination -- a route of the API, no page
  location.assign(`${login}?${query}`);
}

/** Takes what came back in the address; where to go then. Raises `Problem`. */
export async function finishSingleSignOn(query: URLSearchParams): Promise<string> {
  const kept = sessionStorage.getItem(PLACE);
  const begun = kept === null ? null : (JSON.parse(kept) as Begun);
  if (begun === null || query.get("state") !== begun.state)
    throw new Problem(403, { detail: strings.signIn.lostSignOn });
  sessionStorage.removeItem(PLACE);
  const error = query.get("error");
  if (error !== null) throw new Problem(403, { code: error, detail: query.get("error_description") ?? error });
  const code = query.get("code");
  if (code === null) {
    throw new Problem(403, { detail: strings.signIn.lostSignOn });
  }
  await signInByCode(code, begun.verifier);
  return safeNext(begun.next);
}

function randomText(): string {
  return base64url(crypto.getRandomValues(new Uint8Array(32)));
}

/** `S256` of RFC 7636; not by `crypto.subtle`, which a farm on plain http in an office does not have. */
export async function challengeOf(verifier: string): Promise<string> {
  const hash = await createSHA256();
  return base64url(hash.update(verifier).digest("binary"));
}

function base64url(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replaceAll("=", "");
}
