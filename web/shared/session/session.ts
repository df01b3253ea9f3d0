// Who is signed in. The access token lives in memory alone, the refresh token in a cookie that scripts cannot read;
// an API key that somebody signs in with stays in this tab. Whatever asks for a new cookie in any tab of a browser, or
// gives one back, does so one after the other: a farm ends what a sign-in or a new password makes void.
import { Problem, problemOf } from "@/shared/api/problem";
import { strings } from "@/strings/en";
import { withLock } from "./lock";
import { hintOf, keyOwner, OVER, ownerOf, subjectOf } from "./subject";

export type Session =
  { state: "unknown" } | { state: "nobody"; why?: "expired" | "signed-out" } | { state: "person" } | { state: "key" };

interface Tokens {
  access_token: string;
  expires_in: number;
}

const KEY_PLACE = "rayfarm.key";
/** Whose session this browser has (`subject.ts`), `OVER` where it came to its end; nothing: nobody's. */
const HINT_PLACE = "rayfarm.signed-in";
/** Whose is what this tab keeps (what was typed). */
const OWNER_PLACE = "rayfarm.who";
/** Somebody signed out while the farm could not be reached: the cookie of their session is still here. */
const OWED_PLACE = "rayfarm.sign-out-owed";
const RENEWAL_LOCK = "rayfarm.renewal";
/** Renewed this long before its end, so that no request meets it. */
const EARLY_S = 30;

let session: Session = { state: "unknown" };
let token: string | null = null;
/** Who was last signed in on this page: an account, or a key. */
let who: string | null = null;
let tokenEndsAt = 0;
let renewing: Promise<string | null> | null = null;
/** Raised when a session begins or ends here: a renewal that was under way then is of another one. */
let era = 0;
const listeners = new Set<() => void>();

export function currentSession(): Session {
  return session;
}

/** Who is signed in here, or was last. */
export function whoIsHere(): string | null {
  return who;
}

export function subscribeToSession(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/**
 * Other tabs of this browser: where one signs out, all do, and where the session came to its end, it did in all; where
 * somebody else signs in, all begin anew as that person.
 */
export function followOtherTabs(): () => void {
  window.addEventListener("storage", onStorage);
  window.addEventListener("online", onOnline);
  return () => {
    window.removeEventListener("storage", onStorage);
    window.removeEventListener("online", onOnline);
  };

  function onStorage({ key, newValue }: StorageEvent) {
    if (key !== HINT_PLACE || session.state === "key") return;
    const isPerson = session.state === "person";
    if (newValue === null || newValue === OVER) {
      if (isPerson) forget(newValue === null ? "signed-out" : "expired");
    } else if (isPerson && ownerOf(newValue) === who) {
      token = null; // of the session before, which may have ended: the next request renews
    } else location.reload();
  }

  function onOnline() {
    void payOwedSignOut();
  }
}

function become(next: Session): void {
  session = next;
  for (const listener of listeners) listener();
}

function take(tokens: Tokens): string {
  const subject = subjectOf(tokens.access_token);
  own(subject);
  token = tokens.access_token;
  tokenEndsAt = Date.now() + (tokens.expires_in - EARLY_S) * 1000;
  const hint = localStorage.getItem(HINT_PLACE);
  if (hint === null || hint === OVER || ownerOf(hint) !== subject) localStorage.setItem(HINT_PLACE, hintOf(subject));
  if (session.state !== "person") become({ state: "person" });
  return token;
}

/** Takes away what this tab keeps of somebody else. */
function own(subject: string): void {
  const owner = sessionStorage.getItem(OWNER_PLACE);
  if (owner !== null && owner !== subject) sessionStorage.clear();
  sessionStorage.setItem(OWNER_PLACE, subject);
  const isAnother = who !== null && who !== subject;
  who = subject;
  // Everything that is shown goes with the session that it was read in.
  if (isAnother && session.state !== "nobody") become({ state: "nobody" });
}

/** The cookie is another person's (somebody signed in where this tab could not hear it): nothing here is theirs. */
function leaveToAnother(tokens: Tokens): null {
  era += 1;
  token = null;
  tokenEndsAt = 0;
  own(subjectOf(tokens.access_token));
  location.replace("/");
  return null;
}

/** Looks for a session that this browser has; called once, when the app starts. */
export async function restoreSession(): Promise<void> {
  if (session.state !== "unknown") return;
  await payOwedSignOut();
  const key = sessionStorage.getItem(KEY_PLACE);
  if (key !== null) {
    token = key;
    tokenEndsAt = Infinity;
    who = sessionStorage.getItem(OWNER_PLACE) ?? keyOwner("");
    become({ state: "key" });
    return;
  }
  // Who never signed in here is spared a request that must fail.
  const hint = localStorage.getItem(HINT_PLACE);
  if (hint === null || hint === OVER) become({ state: "nobody" });
  else await renew();
}

/** The credential for the next request, renewed where it is about to end; null: nobody is signed in. */
export async function credential(): Promise<string | null> {
  if (session.state === "key") return token;
  if (session.state === "unknown") await restoreSession();
  if (token !== null && Date.now() < tokenEndsAt) return token;
  return session.state === "nobody" ? null : renew();
}

/** What to do when a request was answered with 401: the fresh credential, or null when the session is over. */
export async function renewAfter(refused: string): Promise<string | null> {
  if (session.state === "key") {
    forget("expired");
    return null;
  }
  if (token !== null && token !== refused) return token; // another request has renewed it meanwhile
  token = null;
  return renew();
}

function renew(): Promise<string | null> {
  renewing ??= renewUnderLock().finally(() => {
    renewing = null;
  });
  return renewing;
}

async function renewUnderLock(): Promise<string | null> {
  // A refresh token is good once: a second tab waits, and then sends the cookie that the first one was given.
  return withLock(RENEWAL_LOCK, async () => {
    const before = era;
    for (;;) {
      const hint = localStorage.getItem(HINT_PLACE);
      const answer = await post("/v1/auth/refresh", {});
      if (before !== era) return token;
      if (answer.ok) {
        const tokens = (await answer.json()) as Tokens;
        if (before !== era) return token;
        const isAnother = session.state === "person" && who !== subjectOf(tokens.access_token);
        return isAnother ? leaveToAnother(tokens) : take(tokens);
      }
      if (answer.status !== 401 && answer.status !== 403 && answer.status !== 422) throw await problemOf(answer);
      // Where there are no locks, another tab may have signed in meanwhile: its cookie is not the one that was sent.
      const now = localStorage.getItem(HINT_PLACE);
      if (now !== hint && now !== null && now !== OVER) continue;
      forget(now === null && hint !== null ? "signed-out" : "expired");
      return null;
    }
  });
}

/** Raises `Problem`: wrong password, too many tries, the farm is away. */
export async function signIn(email: string, password: string): Promise<void> {
  await begin("/v1/auth/login", { email, password, session: "cookie" });
}

/** Takes up an invitation and is signed in. Raises `Problem`. */
export async function acceptInvitation(invitation: string, password: string, name: string | null): Promise<void> {
  await begin("/v1/auth/accept", { token: invitation, password, name, session: "cookie" });
}

/** The end of single sign-on: changes the code that came back for a session. Raises `Problem`. */
export async function signInByCode(code: string, verifier: string): Promise<void> {
  await begin("/v1/auth/oidc/token", { code, code_verifier: verifier, session: "cookie" });
}

/** Changes the password, which ends every session, and begins one with the new one. Raises `Problem`. */
export async function changePassword(email: string, old: string, fresh: string): Promise<void> {
  const bearer = await credential(); // before the lock, which a renewal takes
  await withLock(RENEWAL_LOCK, async () => {
    const answer = await reach("/v1/me/password", {
      method: "PUT",
      headers: { "Content-Type": "application/json", ...(bearer !== null && { Authorization: `Bearer ${bearer}` }) },
      body: JSON.stringify({ old, new: fresh }),
    });
    if (!answer.ok) throw await problemOf(answer);
    await beginLocked("/v1/auth/login", { email, password: fresh, session: "cookie" });
  });
}

/** Signs this tab in with an API key, after the farm has said that it knows it. Raises `Problem`. */
export async function signInByKey(key: string): Promise<void> {
  const answer = await reach("/v1/me", { headers: { Authorization: `Bearer ${key}` } });
  if (!answer.ok) throw await problemOf(answer);
  own(keyOwner(((await answer.json()) as { id: string }).id));
  sessionStorage.setItem(KEY_PLACE, key);
  token = key;
  tokenEndsAt = Infinity;
  become({ state: "key" });
}

export interface SignedOut {
  /** The address to go to where the identity provider has a session too. */
  elsewhere: string | null;
  /** The farm could not be told, or refused: it is told again when this browser is back, and until then it believes. */
  isOwed: boolean;
}

/** Ends the session here and at the farm. */
export async function signOut(): Promise<SignedOut> {
  const wasPerson = session.state === "person";
  forget("signed-out");
  if (!wasPerson) return { elsewhere: null, isOwed: false };
  localStorage.setItem(OWED_PLACE, "1");
  const answer = await payOwedSignOut();
  const isOwed = localStorage.getItem(OWED_PLACE) !== null;
  if (answer?.status !== 200) return { elsewhere: null, isOwed };
  return { elsewhere: ((await answer.json()) as { end_session_url: string }).end_session_url, isOwed };
}

/** Ends the session at the farm where that is still to be done; null: it is not, or the farm cannot be reached. */
async function payOwedSignOut(): Promise<Response | null> {
  if (localStorage.getItem(OWED_PLACE) === null) return null;
  return withLock(RENEWAL_LOCK, async () => {
    if (localStorage.getItem(OWED_PLACE) === null) return null; // paid meanwhile, or the cookie is a newer session's
    const answer = await post("/v1/auth/logout", {}).catch(() => null);
    if (answer?.ok) localStorage.removeItem(OWED_PLACE);
    return answer;
  });
}

function forget(why: "expired" | "signed-out"): void {
  era += 1;
  const wasKey = session.state === "key";
  const wasSomebody = session.state === "person" || session.state === "key" || session.state === "unknown";
  token = null;
  tokenEndsAt = 0;
  if (why === "signed-out")
    sessionStorage.clear(); // with what was typed: the next one at this tab is somebody else
  else sessionStorage.removeItem(KEY_PLACE);
  // A key is this tab's alone: a person who is signed in beside it stays so.
  if (!wasKey && why === "signed-out") localStorage.removeItem(HINT_PLACE);
  else if (!wasKey && localStorage.getItem(HINT_PLACE) !== OVER) localStorage.setItem(HINT_PLACE, OVER);
  if (wasSomebody) become({ state: "nobody", why });
}

function begin(path: string, body: object): Promise<void> {
  return withLock(RENEWAL_LOCK, () => beginLocked(path, body));
}

async function beginLocked(path: string, body: object): Promise<void> {
  const answer = await post(path, body);
  if (!answer.ok) throw await problemOf(answer);
  era += 1;
  sessionStorage.removeItem(KEY_PLACE);
  localStorage.removeItem(OWED_PLACE); // the new cookie has taken the place of that one
  const tokens = (await answer.json()) as Tokens;
  localStorage.setItem(HINT_PLACE, hintOf(subjectOf(tokens.access_token))); // tells other tabs who is here now
  take(tokens);
}

function post(path: string, body: object): Promise<Response> {
  return reach(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
}

async function reach(path: string, init: RequestInit): Promise<Response> {
  try {
    return await fetch(path, { ...init, credentials: "same-origin", cache: "no-store" });
  } catch {
    throw new Problem(0, { detail: strings.faults.unreachable, remedy: strings.faults.checkConnection });
  }
}
