"use client";
// The job's own stream, while somebody looks: what its frames that render have reached is told nowhere else.
import { useDocumentVisibility } from "@mantine/hooks";
import { useEffect, useRef } from "react";
import { useProjectHeader } from "@/shared/api/project";
import { keepStream, type FarmEvent } from "@/shared/live/stream";

/** Follows the job behind the event `after`, as long as the page is in view; null: not now. */
export function useJobStream(jobId: string, after: number | null, handler: (event: FarmEvent) => void): void {
  const project = useProjectHeader()["X-Rayfarm-Project"];
  const isVisible = useDocumentVisibility() !== "hidden";
  const newest = useRef(handler);
  const begin = useRef(after);
  useEffect(() => {
    newest.current = handler;
    begin.current = after;
  });
  const isOn = isVisible && after !== null;
  useEffect(() => {
    if (!isOn) return;
    const abort = new AbortController();
    void keepStream(
      {
        url: `/v1/jobs/${encodeURIComponent(jobId)}/events`,
        headers: { "X-Rayfarm-Project": project },
        after: String(begin.current ?? 0),
        onEvent: (event) => newest.current(event),
      },
      abort.signal,
    );
    return () => abort.abort();
  }, [isOn, jobId, project]);
}
