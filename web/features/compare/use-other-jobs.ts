"use client";
// Jobs that this one may be compared with: those of its model or its name, and those that are looked for.
import { $api, type Schemas } from "@/shared/api/client";
import { useProjectHeader } from "@/shared/api/project";

type Job = Schemas["JobView"];

const MOST = 50;

export function useOtherJobs(job: Schemas["JobDetail"], search: string) {
  const header = useProjectHeader();
  const ofModel = $api.useQuery("get", "/v1/jobs", { params: { header, query: { model: job.model, limit: MOST } } });
  const ofName = $api.useQuery("get", "/v1/jobs", {
    params: { header, query: { name: search === "" ? job.name : search, limit: MOST } },
  });
  const lists = [ofModel.data, ofName.data];
  return {
    jobs: merged(
      job.id,
      lists.flatMap((page) => page?.items ?? []),
    ),
    isPending: ofModel.isPending || ofName.isPending,
    error: ofModel.error ?? ofName.error,
  };
}

/** Each once, without the job itself and those that never had a picture; the newest first. */
export function merged(self: string, jobs: readonly Job[]): Job[] {
  const found = new Map(jobs.map((job) => [job.id, job]));
  found.delete(self);
  return [...found.values()]
    .filter(({ counts }) => counts.committed + counts.reused > 0)
    .sort((one, other) => other.created_at.localeCompare(one.created_at));
}
