"use client";
// What every part of the job page works on.
import { createContext, useContext } from "react";
import type { Schemas } from "@/shared/api/client";
import { useProjectHeader } from "@/shared/api/project";
import type { FrameProgress } from "./frame-progress";
import type { FrameRange } from "./frame-range";
import type { FrameSelection } from "./frame-selection";
import type { FrameStates } from "./frame-states";
import type { ReadStates } from "./use-frame-states";

export type JobDetail = Schemas["JobDetail"];

export interface JobFrames {
  range: FrameRange;
  states: FrameStates;
  selection: FrameSelection;

  progress: FrameProgress;
}

/** What a tab of the page is given. */
export interface JobPanelProps {
  job: JobDetail;
  read: ReadStates;
}

export const FramesContext = createContext<JobFrames | null>(null);

export function useFrames(): JobFrames {
  const frames = useContext(FramesContext);
  if (frames === null) throw new Error("The frames are of a job's page.");
  return frames;
}

const ENDED: readonly JobDetail["state"][] = ["succeeded", "failed", "canceled"];

/** Until somebody retries it. */
export function hasEnded(job: JobDetail): boolean {
  return ENDED.includes(job.state);
}

/** `params` of a request about the job. */
export function useJobParams(id: string) {
  const header = useProjectHeader();
  return { header, path: { job_id: id } };
}
