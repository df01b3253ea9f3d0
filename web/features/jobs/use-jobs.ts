"use client";
// The jobs of the list, page by page, kept fresh by the feed.
import { keepPreviousData, useQueryClient } from "@tanstack/react-query";
import { useEffect, useRef } from "react";
import { $api } from "@/shared/api/client";
import { useProjectHeader } from "@/shared/api/project";
import { refreshSoon } from "@/shared/live/apply-event";
import { useFarmEvents } from "@/shared/live/feed-provider";
import { queryOf, type JobFilters } from "./filters";

const PAGE = 50;
/** How soon the time left and the reason of a wait are read again when frames come in: no event tells them. */
const ESTIMATES_MS = 10_000;

export function useJobs(filters: JobFilters) {
  const header = useProjectHeader();
  useFreshEstimates();
  return $api.useInfiniteQuery(
    "get",
    "/v1/jobs",
    { params: { header, query: { ...queryOf(filters), limit: PAGE } } },
    {
      initialPageParam: null,
      getNextPageParam: (page) => page.next_cursor ?? null,
      placeholderData: keepPreviousData,
      refetchOnWindowFocus: "always", // why a job waits has no event
    },
  );
}

function useFreshEstimates(): void {
  const queries = useQueryClient();
  const timer = useRef<ReturnType<typeof setTimeout> | null>(null);
  useFarmEvents((event) => {
    if (timer.current !== null || !/^(frames|chunk)\./.test(event.kind)) return;
    timer.current = setTimeout(() => {
      timer.current = null;
      refreshSoon(queries, "/v1/jobs");
    }, ESTIMATES_MS);
  });
  useEffect(() => () => clearTimeout(timer.current ?? undefined), []);
}
