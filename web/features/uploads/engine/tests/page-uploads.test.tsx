// What this browser remembers of uploads is for whose they are.
import { beforeEach, expect, it, vi } from "vitest";

const forgetEverything = vi.fn(async () => undefined);
vi.mock("../memory", async (original) => ({ ...(await original<object>()), forgetEverything }));

/** This page as somebody with this key opens it. */
async function openedAs(who: string) {
  vi.resetModules();
  sessionStorage.setItem("rayfarm.key", "rf_key");
  sessionStorage.setItem("rayfarm.who", who);
  const session = await import("@/shared/session/session");
  await session.restoreSession();
  await import("../page-uploads");
  return session;
}

beforeEach(() => {
  localStorage.clear();
  sessionStorage.clear();
  forgetEverything.mockClear();
});

it("uploads that this browser remembers of one person are forgotten before the next one sees them", async () => {
  await openedAs("key:ada");
  const again = await openedAs("key:ada");
  await again.renewAfter("rf_key"); // came to its end by itself
  expect(forgetEverything).not.toHaveBeenCalled();
  await openedAs("key:bob");
  expect(forgetEverything).toHaveBeenCalledOnce();
});
