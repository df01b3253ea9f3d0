"use client";
// The live feed of the project (or of the farm) that the page is about, and what it keeps fresh.
import { useQueryClient, type QueryClient } from "@tanstack/react-query";
import { createContext, useContext, useEffect, useMemo, useRef, useState, type ReactNode } from "react";
import { applyEvent, refreshAll } from "./apply-event";
import { followShared } from "./shared-feed";
import type { FarmEvent, StreamState } from "./stream";

type Listener = (event: FarmEvent) => void;

interface Feed {
  state: StreamState;
  subscribe: (listener: Listener) => () => void;
}

const FeedContext = createContext<Feed | null>(null);

/** `project`: slug, or null for the feed of the whole farm, which operators may hear. */
export function FeedProvider({ project, children }: { project: string | null; children: ReactNode }) {
  const queries = useQueryClient();
  const [state, setState] = useState<StreamState>("connecting");
  const listeners = useRef(new Set<Listener>());

  useEffect(() => followIntoCache(project, queries, listeners.current, setState), [project, queries]);

  const feed = useMemo<Feed>(
    () => ({
      state,
      subscribe(listener) {
        listeners.current.add(listener);
        return () => listeners.current.delete(listener);
      },
    }),
    [state],
  );
  return <FeedContext value={feed}>{children}</FeedContext>;
}

function followIntoCache(
  project: string | null,
  queries: QueryClient,
  listeners: Set<Listener>,
  setState: (state: StreamState) => void,
): () => void {
  let before: StreamState = "connecting";
  return followShared({
    name: project === null ? "farm" : `project/${project}`,
    url: project === null ? "/v1/events" : `/v1/projects/${encodeURIComponent(project)}/events`,
    onEvent(event) {
      applyEvent(queries, event);
      for (const listener of listeners) listener(event);
    },
    onState(next) {
      setState(next);
      // What was read before a connection may be older than where its events begin.
      if (next === "live" && before !== "live") refreshAll(queries);
      before = next;
    },
  });
}

/** State of the line to the farm; null: the page has no feed. */
export function useFeedState(): StreamState | null {
  return useContext(FeedContext)?.state ?? null;
}

/** Calls the handler with each event of the project or farm, as long as the component is there. */
export function useFarmEvents(handler: Listener): void {
  const feed = useContext(FeedContext);
  const newest = useRef(handler);
  useEffect(() => {
    newest.current = handler;
  });
  useEffect(() => feed?.subscribe((event) => newest.current(event)), [feed]);
}
