"use client";
// Sends the form once, whatever happens to the answer, and goes to the job.
import { useRouter } from "next/navigation";
import { useRef, useState } from "react";
import { api, type Schemas } from "@/shared/api/client";
import { projectHeader } from "@/shared/api/project";
import { useRefresh } from "@/shared/api/refresh";
import { endAttempt, keyOfAttempt } from "./attempt";
import { changesOf, specOf, type Draft } from "./draft";
import { forgetDraft } from "./kept-draft";

export interface Submission {
  submit: (draft: Draft) => Promise<void>;
  isBusy: boolean;
  problem: unknown;
  clearProblem: () => void;
}

export function useSubmit(project: string, place: string, source: Schemas["JobDetail"] | null): Submission {
  const router = useRouter();
  const refresh = useRefresh();
  const [isBusy, setBusy] = useState(false);
  const [problem, setProblem] = useState<unknown>(null);
  const isSending = useRef(false);

  async function submit(draft: Draft): Promise<void> {
    if (isSending.current) return;
    isSending.current = true;
    setBusy(true);
    setProblem(null);
    try {
      const job = await sendDraft(project, place, draft, source);
      endAttempt(place);
      forgetDraft(place);
      void refresh("/v1/jobs");
      router.push(`/projects/${encodeURIComponent(project)}/jobs/${job}/`);
    } catch (error) {
      setProblem(error);
    } finally {
      isSending.current = false;
      setBusy(false);
    }
  }

  return { submit, isBusy, problem, clearProblem: () => setProblem(null) };
}

/** The id of the job. */
export async function sendDraft(
  project: string,
  place: string,
  draft: Draft,
  source: Schemas["JobDetail"] | null,
): Promise<string> {
  const header = projectHeader(project);
  if (source !== null) {
    const body = changesOf(draft, source);
    const headers = { ...header, "idempotency-key": keyOfAttempt(place, body) };
    const { data } = await api.POST("/v1/jobs/{job_id}/clone", {
      params: { header: headers, path: { job_id: source.id } },
      body,
    });
    return data!.id;
  }
  const body = specOf(draft);
  const headers = { ...header, "idempotency-key": keyOfAttempt(place, body) };
  const { data } = await api.POST("/v1/jobs", { params: { header: headers }, body });
  return (data as Schemas["JobDetail"]).id;
}
