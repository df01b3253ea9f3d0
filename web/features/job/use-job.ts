"use client";
// The job of the page in the cache of queries.
import { useQueryClient } from "@tanstack/react-query";
import { useCallback } from "react";
import { $api } from "@/shared/api/client";
import { useJobParams, type JobDetail } from "./job-context";

export function useJob(id: string) {
  const params = useJobParams(id);
  // Why it waits has no event: it is read when somebody comes back to the page.
  return $api.useQuery("get", "/v1/jobs/{job_id}", { params }, { refetchOnWindowFocus: "always" });
}

/** Shows a job as an answer of the farm has it. */
export function useTakeJob(id: string): (job: JobDetail) => void {
  const queries = useQueryClient();
  const { header, path } = useJobParams(id);
  const project = header["X-Rayfarm-Project"];
  const jobId = path.job_id;
  return useCallback(
    (job) => {
      const params = { header: { "X-Rayfarm-Project": project }, path: { job_id: jobId } };
      queries.setQueryData($api.queryOptions("get", "/v1/jobs/{job_id}", { params }).queryKey, job);
    },
    [queries, project, jobId],
  );
}
