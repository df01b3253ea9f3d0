"use client";
// Renders a component again when a store outside of React has changed.
import { useSyncExternalStore } from "react";

interface Store {
  subscribe: (listener: () => void) => () => void;
  /** Another value after each change. */
  current: () => number;
}

export function useVersion(store: Store): number {
  return useSyncExternalStore(store.subscribe, store.current, store.current);
}
