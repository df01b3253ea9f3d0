"use client";
// Reads paths again when events of some kinds come, at most once a second; and all of a page at once, when asked.
import { useQueryClient } from "@tanstack/react-query";
import { refreshSoon } from "./apply-event";
import { useFarmEvents } from "./feed-provider";

/** `{ "frames.": ["/v1/pace"] }`: with each event whose kind begins so. */
export function useRefreshOn(paths: Readonly<Record<string, readonly string[]>>): void {
  const queries = useQueryClient();
  useFarmEvents((event) => {
    for (const [prefix, touched] of Object.entries(paths)) {
      if (event.kind.startsWith(prefix)) for (const path of touched) refreshSoon(queries, path);
    }
  });
}
