// The session over the network's edge: what is sent, what is kept, and what other tabs do.
import { afterEach, beforeEach, expect, it, vi } from "vitest";

const HINT = "rayfarm.signed-in";
let answers: (() => Promise<Response>)[] = [];
let asked: string[] = [];

/** An access token of somebody, as the farm makes them; `name` tells it from their others. */
function accessToken(name: string, who = "ada"): string {
  return `h.${btoa(JSON.stringify({ sub: who, name }))}.s`;
}

function tokens(name: string, who = "ada"): Response {
  return Response.json({ access_token: accessToken(name, who), expires_in: 900 });
}

function refusal(status: number): Response {
  return Response.json({ code: "refused", detail: "No." }, { status });
}

function fromAnotherTab(newValue: string | null): void {
  window.dispatchEvent(new StorageEvent("storage", { key: HINT, newValue }));
}

/** Somebody whose session this page has just renewed. */
async function signedIn(who = "ada") {
  localStorage.setItem(HINT, `${who}/before`);
  const session = await import("./session");
  answers = [async () => tokens("first", who)];
  await session.restoreSession();
  expect(session.currentSession()).toEqual({ state: "person" });
  asked = [];
  return session;
}

/** Web Locks of one name, which jsdom has none of; what holds them is noted in `asked`. */
function withLocks(): void {
  let last: Promise<unknown> = Promise.resolve();
  const request = (_name: string, _options: object, work: () => Promise<unknown>) => {
    const turn = last.then(async () => {
      asked.push("locked");
      return work().finally(() => asked.push("unlocked"));
    });
    last = turn.catch(() => undefined);
    return turn;
  };
  Object.defineProperty(navigator, "locks", { configurable: true, value: { request } });
}

beforeEach(() => {
  vi.resetModules();
  localStorage.clear();
  sessionStorage.clear();
  answers = [];
  asked = [];
  vi.stubGlobal("fetch", (path: string) => {
    asked.push(path);
    const next = answers.shift();
    return next === undefined ? Promise.reject(new Error("nobody answers")) : next();
  });
});
afterEach(() => {
  vi.unstubAllGlobals();
  Reflect.deleteProperty(navigator, "locks");
});

it("who never signed in here is asked nothing of the farm", async () => {
  const { credential, currentSession } = await import("./session");
  expect(await credential()).toBeNull();
  expect(currentSession()).toEqual({ state: "nobody" });
  expect(asked).toEqual([]);
});

it("a renewal that was under way when somebody signed out does not bring them back", async () => {
  localStorage.setItem(HINT, "before");
  const { currentSession, restoreSession, signOut, credential } = await import("./session");
  answers = [async () => tokens("first")];
  await restoreSession();
  let late: (answer: Response) => void = () => undefined;
  answers = [() => new Promise((resolve) => (late = resolve)), async () => new Response(null, { status: 204 })];
  const { renewAfter } = await import("./session");
  const renewal = renewAfter(accessToken("first"));
  await vi.waitFor(() => expect(asked).toHaveLength(2));
  await signOut();
  late(tokens("ghost"));
  await renewal;
  expect(currentSession()).toEqual({ state: "nobody", why: "signed-out" });
  expect(await credential()).toBeNull();
});

it("a sign-out in one tab ends the session in the others", async () => {
  localStorage.setItem(HINT, "before");
  const { currentSession, followOtherTabs, restoreSession } = await import("./session");
  answers = [async () => tokens("first")];
  await restoreSession();
  const end = followOtherTabs();
  window.dispatchEvent(new StorageEvent("storage", { key: HINT, newValue: null }));
  expect(currentSession()).toEqual({ state: "nobody", why: "signed-out" });
  end();
});

it("a sign-out that the farm did not hear is said again before anybody is asked for", async () => {
  localStorage.setItem(HINT, "before");
  sessionStorage.setItem("rayfarm.draft/film/new", "{}");
  const first = await import("./session");
  answers = [async () => tokens("first")];
  await first.restoreSession();
  expect(await first.signOut()).toEqual({ elsewhere: null, isOwed: true }); // nobody answers
  expect(first.currentSession()).toEqual({ state: "nobody", why: "signed-out" });
  expect(sessionStorage).toHaveLength(0);
  vi.resetModules();
  const second = await import("./session");
  asked = [];
  answers = [async () => new Response(null, { status: 204 })];
  await second.restoreSession();
  expect(asked).toEqual(["/v1/auth/logout"]);
  vi.resetModules();
  const third = await import("./session");
  asked = [];
  await third.restoreSession();
  expect(asked).toEqual([]);
});

it("a sign-out that the farm refused is still owed", async () => {
  const { signOut } = await signedIn();
  answers = [async () => refusal(429)];
  expect(await signOut()).toEqual({ elsewhere: null, isOwed: true });
  vi.resetModules();
  asked = [];
  answers = [async () => new Response(null, { status: 204 })];
  await (await import("./session")).restoreSession();
  expect(asked).toEqual(["/v1/auth/logout"]);
});

it("a tab with a key that signs out leaves the person beside it signed in", async () => {
  localStorage.setItem(HINT, "ada/before");
  const { currentSession, signInByKey, signOut } = await import("./session");
  answers = [async () => Response.json({ id: "k1" })];
  await signInByKey("rf_key");
  await signOut();
  expect(currentSession()).toEqual({ state: "nobody", why: "signed-out" });
  expect(localStorage.getItem(HINT)).toBe("ada/before");
  expect(asked).toEqual(["/v1/me"]);
});

it("a session that came to its end in one tab is no sign-out in the others: what was typed stays", async () => {
  const { renewAfter } = await signedIn();
  answers = [async () => refusal(401)];
  expect(await renewAfter(accessToken("first"))).toBeNull();
  expect(localStorage.getItem(HINT)).toBe("over");
  vi.resetModules();
  const fresh = await import("./session");
  asked = [];
  expect(await fresh.credential()).toBeNull(); // without asking
  expect(asked).toEqual([]);

  vi.resetModules();
  const other = await signedIn();
  sessionStorage.setItem("rayfarm.draft/film/new", "{}");
  const end = other.followOtherTabs();
  fromAnotherTab("over");
  expect(other.currentSession()).toEqual({ state: "nobody", why: "expired" });
  expect(sessionStorage.getItem("rayfarm.draft/film/new")).toBe("{}");
  end();
});

it("another tab's sign-in as the same person reloads nothing, and the next request renews", async () => {
  const reload = vi.fn();
  const { credential, followOtherTabs } = await signedIn();
  vi.stubGlobal("location", { reload });
  const end = followOtherTabs();
  fromAnotherTab("ada/again");
  answers = [async () => tokens("second")];
  expect(await credential()).toBe(accessToken("second"));
  expect(reload).not.toHaveBeenCalled();
  fromAnotherTab("bob/new");
  expect(reload).toHaveBeenCalledOnce();
  end();
});

it("a renewal that brings another person's token shows them nothing of this one", async () => {
  const replace = vi.fn();
  const { credential, currentSession, renewAfter, subscribeToSession } = await signedIn();
  vi.stubGlobal("location", { replace });
  sessionStorage.setItem("rayfarm.draft/film/new", "{}");
  const states: string[] = [];
  subscribeToSession(() => states.push(currentSession().state));
  answers = [async () => tokens("theirs", "bob")];
  expect(await renewAfter(accessToken("first"))).toBeNull();
  expect(states).toEqual(["nobody"]); // takes away the uploads and what was read
  expect(await credential()).toBeNull();
  expect(sessionStorage.getItem("rayfarm.draft/film/new")).toBeNull();
  expect(replace).toHaveBeenCalledWith("/");
});

it("after a session that came to its end the same person finds what they typed, and another one does not", async () => {
  const { renewAfter, signIn, whoIsHere } = await signedIn();
  sessionStorage.setItem("rayfarm.draft/film/new", "{}");
  answers = [async () => refusal(401), async () => tokens("again")];
  await renewAfter(accessToken("first"));
  await signIn("ada@example.org", "right");
  expect(sessionStorage.getItem("rayfarm.draft/film/new")).toBe("{}");
  answers = [async () => refusal(401), async () => tokens("theirs", "bob")];
  await renewAfter(accessToken("again"));
  await signIn("bob@example.org", "right");
  expect(sessionStorage.getItem("rayfarm.draft/film/new")).toBeNull();
  expect(whoIsHere()).toBe("bob");
});

it("a renewal waits while the password changes, and then sends the new session's cookie", async () => {
  withLocks();
  const { changePassword, renewAfter } = await signedIn();
  let done: (answer: Response) => void = () => undefined;
  answers = [
    () => new Promise((resolve) => (done = resolve)),
    async () => tokens("new session"),
    async () => tokens("third"),
  ];
  const change = changePassword("ada@example.org", "old", "new");
  await vi.waitFor(() => expect(asked).toContain("/v1/me/password"));
  const renewal = renewAfter(accessToken("first"));
  done(new Response(null, { status: 204 }));
  await change;
  expect(await renewal).toBe(accessToken("third"));
  expect(asked).toEqual(
    ["locked", "/v1/me/password", "/v1/auth/login", "unlocked"].concat(["locked", "/v1/auth/refresh", "unlocked"]),
  );
});

it("a sign-in waits for a renewal of another tab, which would end the new session", async () => {
  withLocks();
  const { signIn } = await import("./session");
  answers = [async () => tokens("first")];
  await signIn("ada@example.org", "right");
  expect(asked).toEqual(["locked", "/v1/auth/login", "unlocked"]);
});

it("a refused renewal is tried again where another tab has signed in meanwhile", async () => {
  const { currentSession, renewAfter } = await signedIn();
  answers = [
    async () => {
      localStorage.setItem(HINT, "ada/elsewhere");
      return refusal(401);
    },
    async () => tokens("second"),
  ];
  expect(await renewAfter(accessToken("first"))).toBe(accessToken("second"));
  expect(currentSession()).toEqual({ state: "person" });
});
