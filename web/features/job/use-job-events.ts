"use client";
// What happened to a job and what happens, as its own stream tells it.
import { useEffect, useRef, useState } from "react";
import { useProjectHeader } from "@/shared/api/project";
import { keepStream, type FarmEvent } from "@/shared/live/stream";
import { hasEnded, type JobDetail } from "./job-context";

/** Hundreds come at once: they are shown together. */
const TOGETHER_MS = 50;

interface Reach {
  /** Number of the last event that is left out. */
  from: number;
  /** Of more than so many the oldest are forgotten. */
  most: number;
}

interface JobEvents {
  /** The oldest first. */
  events: readonly FarmEvent[];
  isRead: boolean;
  problem: unknown;
}

export function useJobEvents(job: JobDetail, { from, most }: Reach): JobEvents {
  const project = useProjectHeader()["X-Rayfarm-Project"];
  const isOver = hasEnded(job);
  const [read, setRead] = useState<JobEvents>({ events: [], isRead: job.last_event === 0, problem: null });
  /** What the stream has told, which goes on behind it. */
  const told = useRef<{ of: string; events: FarmEvent[] }>({ of: "", events: [] });

  // The farm ends the stream with the job; a job that is retried has one again.
  useEffect(() => {
    const abort = new AbortController();
    const of = `${job.id} ${from} ${most}`;
    if (told.current.of !== of) told.current = { of, events: [] };
    const { events } = told.current;
    let isAsked = false;
    const show = (problem: unknown) => setRead({ events: [...events], isRead: true, problem });
    void keepStream(
      {
        url: `/v1/jobs/${encodeURIComponent(job.id)}/events`,
        headers: { "X-Rayfarm-Project": project },
        after: String(events.at(-1)?.seq ?? from),
        onEvent(event) {
          if (event.seq === null) return; // progress
          if (event.seq <= (events.at(-1)?.seq ?? 0)) events.length = 0; // a restored database: the stream begins anew
          events.push(event);
          if (events.length > most) events.shift();
          if (isAsked) return;
          isAsked = true;
          setTimeout(() => {
            isAsked = false;
            if (!abort.signal.aborted) show(null);
          }, TOGETHER_MS);
        },
        onState(state, problem) {
          if (state === "refused") show(problem);
          else if (state === "over") show(null);
        },
      },
      abort.signal,
    );
    return () => abort.abort();
  }, [job.id, project, from, most, isOver]);
  return read;
}
