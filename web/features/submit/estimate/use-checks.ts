"use client";
// What the farm says of the form while it is filled in: what the job would cost, and what it would refuse.
import { keepPreviousData } from "@tanstack/react-query";
import { useDebouncedValue } from "@mantine/hooks";
import { $api } from "@/shared/api/client";
import { useProjectHeader } from "@/shared/api/project";
import type { JobSpec } from "../draft";

const TYPING_MS = 600;

/** `isWhole`: whether there is enough to ask; the page itself found nothing wrong. */
export function useEstimate(spec: JobSpec, isWhole: boolean) {
  const header = useProjectHeader();
  const [asked] = useDebouncedValue({ text: JSON.stringify(spec), isWhole }, TYPING_MS);
  const isSettled = isWhole && asked.isWhole && asked.text === JSON.stringify(spec);
  const query = $api.useQuery(
    "post",
    "/v1/jobs/estimate",
    { params: { header }, body: JSON.parse(asked.text) as JobSpec },
    { enabled: asked.isWhole && isWhole, placeholderData: keepPreviousData, retry: false, staleTime: 30_000 },
  );
  return { ...query, isSettled };
}

/** Advice of the pipeline about a split, which costs no look at the scene. */
export function useSplitAdvice(pipeline: string | null, spec: JobSpec): readonly string[] {
  const header = useProjectHeader();
  const [asked] = useDebouncedValue(JSON.stringify({ settings: spec.settings, split: spec.split }), TYPING_MS);
  const { data } = $api.useQuery(
    "post",
    "/v1/pipelines/{name}/check",
    {
      params: { header, path: { name: pipeline ?? "" } },
      body: JSON.parse(asked) as Pick<JobSpec, "settings" | "split">,
    },
    { enabled: pipeline !== null && spec.split?.mode !== "none", retry: false, staleTime: Infinity },
  );
  return data?.advice ?? [];
}
