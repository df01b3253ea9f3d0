"use client";
// What the overview reads, and which events change it.
import { $api } from "@/shared/api/client";
import { useRefreshOn } from "@/shared/live/refresh-on";

const PACE_MINUTES = 30;
const MOST_FAILING = 10;
/** Loops, checks and beats have no events: they are read when somebody comes back to the page. */
const ON_RETURN = { refetchOnWindowFocus: "always" } as const;

export function useOverview() {
  useRefreshOn({
    "frames.": ["/v1/pace", "/v1/queues", "/v1/queues/failing"],
    "frame.retried": ["/v1/pace"],
    "job.": ["/v1/queues/failing", "/v1/status"],
    "chunk.": ["/v1/replicas"],
  });
  return {
    queues: $api.useQuery("get", "/v1/queues", {}, ON_RETURN),
    pace: $api.useQuery("get", "/v1/pace", { params: { query: { minutes: PACE_MINUTES } } }, ON_RETURN),
    status: useStatus(),
    loops: $api.useQuery("get", "/v1/loops", {}, ON_RETURN),
    replicas: useReplicas(),
    failing: $api.useQuery("get", "/v1/queues/failing", { params: { query: { limit: MOST_FAILING } } }, ON_RETURN),
  };
}

export function useStatus() {
  return $api.useQuery("get", "/v1/status", {}, ON_RETURN);
}

export function useReplicas() {
  return $api.useQuery("get", "/v1/replicas", {}, ON_RETURN);
}
