// Web Locks, where there are any: browsers have them on https and on localhost alone, and a farm in an office may be
// plain http. Without them each tab is on its own: it has a feed of its own, and the farm forgives a tab that renews
// the session right after another.

/** Runs the work while no other tab holds the lock of this name. The signal ends the wait, not the work. */
export async function withLock<T>(name: string, work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
  if (typeof navigator === "undefined" || !("locks" in navigator)) return work();
  return (await navigator.locks.request(name, signal === undefined ? {} : { signal }, work)) as T;
}
