"use client";
// The browser's tab shows how far the job is, for those who work in another one.
import { useEffect } from "react";
import { formatPercent } from "@/shared/format/format";
import { strings } from "@/strings/en";
import type { JobDetail } from "./job-context";

/** Call it above `Page`, which sets the plain title first. */
export function useJobTitle(job: JobDetail): void {
  const title = titleOf(job);
  useEffect(() => {
    document.title = `${title} · ${strings.shell.product}`;
  }, [title]);
}

export function titleOf(job: JobDetail): string {
  if (job.ended_at != null) return `${strings.jobStates[job.state]}: ${job.name}`;
  return strings.job.titleWithProgress(formatPercent(job.progress), job.name);
}
