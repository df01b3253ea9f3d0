// `vi.mock("next/navigation", () => import("@/tests/navigation"))`: an address that a test sets, and sees changed.
import { useSyncExternalStore } from "react";

let address = new URL("http://farm.test/");
const listeners = new Set<() => void>();

export function goTo(path: string): void {
  address = new URL(path, "http://farm.test");
  window.history.replaceState(null, "", `${address.pathname}${address.search}`);
  for (const listener of listeners) listener();
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

function useHere(): URL {
  return useSyncExternalStore(
    subscribe,
    () => address,
    () => address,
  );
}

const router = { push: goTo, replace: goTo, prefetch: () => undefined, back: () => undefined };

export const useRouter = () => router;
export const usePathname = () => useHere().pathname;
export const useSearchParams = () => useHere().searchParams;
