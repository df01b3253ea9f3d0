"use client";
// The rate that the shot is meant to play at: the film's, where the job says one, else the scene's own.
import { $api, type Schemas } from "@/shared/api/client";
import { useProjectHeader } from "@/shared/api/project";

type Job = Schemas["JobDetail"];

/** null: nobody says. */
export function useSceneFps(job: Job): number | null {
  const header = useProjectHeader();
  const said = filmFps(job);
  const { data } = $api.useQuery(
    "get",
    "/v1/models/{model_id}",
    { params: { header, path: { model_id: job.model } } },
    { enabled: said === null, staleTime: Infinity },
  );
  return said ?? probedFps(data?.probe);
}

export function filmFps({ spec }: Pick<Job, "spec">): number | null {
  const video = spec.outputs?.video;
  return video != null && typeof video === "object" ? (video.fps ?? null) : null;
}

export function probedFps(probe: unknown): number | null {
  if (probe === null || typeof probe !== "object" || !("fps" in probe)) return null;
  return typeof probe.fps === "number" && probe.fps > 0 ? probe.fps : null;
}
