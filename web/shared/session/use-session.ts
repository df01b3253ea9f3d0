"use client";
import { useSyncExternalStore } from "react";
import { currentSession, subscribeToSession, type Session } from "./session";

const BEFORE: Session = { state: "unknown" };

/** The session as it is now; `unknown` until the app has looked. */
export function useSession(): Session {
  return useSyncExternalStore(subscribeToSession, currentSession, () => BEFORE);
}
