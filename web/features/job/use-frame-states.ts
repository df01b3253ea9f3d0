"use client";
// Reads the state of every frame of a job, and keeps it true by the events of the feed.
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useCallback, useEffect, useRef } from "react";
import { useProjectHeader } from "@/shared/api/project";
import { useFarmEvents } from "@/shared/live/feed-provider";
import type { FarmEvent } from "@/shared/live/stream";
import { applyFrameEvent } from "./frame-events";
import type { FrameStates } from "./frame-states";
import { readFrameStates } from "./read-frame-states";

/** A busy job tells many times in a second that it must be read again. */
const AGAIN_MS = 700;
/** Events that came while a snapshot was read are applied once more on top of it. */
const KEPT_EVENTS = 5000;

export interface ReadStates {
  error: unknown;
  isPending: boolean;
  refetch: () => unknown;
  /** Reads everything again, soon. */
  again: () => void;
}

export function useFrameStates(jobId: string, states: FrameStates): ReadStates {
  const header = useProjectHeader();
  const queries = useQueryClient();
  const recent = useRef<FarmEvent[]>([]);
  const timer = useRef<ReturnType<typeof setTimeout> | null>(null);

  const query = useQuery({
    // The path stands second, as in every query of the typed client: a broken line reads this again too.
    queryKey: ["get", "/v1/jobs/{job_id}/frame-states", { job: jobId }],
    queryFn: ({ signal }) => readFrameStates(jobId, header, signal),
    staleTime: Infinity,
    gcTime: 0,
    structuralSharing: false, // nothing of it is shown by identity, and comparing a million runs costs
  });

  const again = useCallback(() => {
    timer.current ??= setTimeout(() => {
      timer.current = null;
      void queries.invalidateQueries({ queryKey: ["get", "/v1/jobs/{job_id}/frame-states", { job: jobId }] });
    }, AGAIN_MS);
  }, [queries, jobId]);

  const { data } = query;
  useEffect(() => {
    if (data === undefined) return;
    states.load(data);
    const isWhole = recent.current.map((event) => applyFrameEvent(states, event)).every(Boolean);
    recent.current = [];
    if (!isWhole) again();
  }, [data, states, again]);

  useEffect(
    () => () => {
      if (timer.current !== null) clearTimeout(timer.current);
      timer.current = null;
    },
    [],
  );

  useFarmEvents((event) => {
    if (event.job !== jobId) return;
    recent.current.push(event);
    if (recent.current.length > KEPT_EVENTS) recent.current.shift();
    if (states.isRead && !applyFrameEvent(states, event)) again();
  });

  return { error: query.error, isPending: !states.isRead && query.isPending, refetch: query.refetch, again };
}
