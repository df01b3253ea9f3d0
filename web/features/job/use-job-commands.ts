"use client";
// Pause, resume, approve, cancel and retry of the job; which of them its state allows, the farm says.
import { useState } from "react";
import { api } from "@/shared/api/client";
import { notifyDone, notifyProblem } from "@/shared/ui/notify";
import { strings } from "@/strings/en";
import { useJobParams, type JobDetail } from "./job-context";
import { useTakeJob } from "./use-job";

export type JobCommand = "pause" | "resume" | "approve" | "cancel" | "retry";

const DONE: Record<JobCommand, string> = { ...strings.job.actions.done, approve: strings.job.approval.approved };
/** What the job is at once on the page; the farm's answer says what it is. */
const AT_ONCE: Partial<Record<JobCommand, JobDetail["state"]>> = {
  pause: "paused",
  resume: "running",
  cancel: "canceling",
};

export function allows(job: JobDetail, command: JobCommand): boolean {
  return command in job.links.commands;
}

export function useJobCommands(job: JobDetail) {
  const params = useJobParams(job.id);
  const take = useTakeJob(job.id);
  const [running, setRunning] = useState<JobCommand | null>(null);

  const ask = async (command: JobCommand): Promise<JobDetail> => {
    switch (command) {
      case "pause":
        return (await api.POST("/v1/jobs/{job_id}/pause", { params })).data!;
      case "resume":
        return (await api.POST("/v1/jobs/{job_id}/resume", { params })).data!;
      case "approve":
        return (await api.POST("/v1/jobs/{job_id}/approve", { params })).data!;
      case "cancel":
        return (await api.POST("/v1/jobs/{job_id}/cancel", { params })).data!;
      case "retry":
        return (await api.POST("/v1/jobs/{job_id}/retry", { params })).data!;
    }
  };

  /** Raises `Problem`; the job is shown as it was then. */
  async function order(command: JobCommand): Promise<void> {
    setRunning(command);
    const state = AT_ONCE[command];
    if (state !== undefined) take({ ...job, state });
    try {
      take(await ask(command));
      notifyDone(DONE[command]);
    } catch (error) {
      take(job);
      throw error;
    } finally {
      setRunning(null);
    }
  }

  const run = (command: JobCommand) => order(command).catch(notifyProblem);
  return { run, order, running };
}
