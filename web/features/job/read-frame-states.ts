// The state of every frame of a job, as runs. A job whose states alternate comes in several pages.
import { api, type Schemas } from "@/shared/api/client";
import type { StateRun, StatesSnapshot } from "./frame-states";

export async function readFrameStates(
  jobId: string,
  header: { "X-Rayfarm-Project": string },
  signal: AbortSignal,
): Promise<StatesSnapshot> {
  const runs: StateRun[] = [];
  const suspects: number[] = [];
  let lastEvent: number | null = null;
  let from: number | null = 0;
  while (from !== null) {
    const page: Schemas["FrameStatesView"] = await readPage(jobId, header, from, signal);
    for (const run of page.runs) runs.push(run);
    for (const ordinal of page.suspects) suspects.push(ordinal);
    // Later pages are of later moments: told again from the first on, events make all of them true.
    lastEvent ??= page.last_event;
    from = page.next_from ?? null;
  }
  return { lastEvent: lastEvent ?? 0, runs, suspects };
}

async function readPage(
  jobId: string,
  header: { "X-Rayfarm-Project": string },
  from: number,
  signal: AbortSignal,
): Promise<Schemas["FrameStatesView"]> {
  const params = { header, path: { job_id: jobId }, query: { from } };
  const { data } = await api.GET("/v1/jobs/{job_id}/frame-states", { params, signal });
  return data!;
}
