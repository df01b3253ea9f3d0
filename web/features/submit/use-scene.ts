"use client";
// The model of the form, what opening it has found, and the pipelines that take it.
import { $api, type Schemas } from "@/shared/api/client";
import { asProblem } from "@/shared/api/problem";
import { useProjectHeader } from "@/shared/api/project";
import type { Draft } from "./draft";
import { rangeOfProbe } from "./frames/frame-range";

export interface Scene {
  model: Schemas["ModelDetail"] | undefined;
  /** Why it is not known. */
  problem: string | undefined;
  probe: Record<string, unknown> | null;
  /** Frames of the scene itself. */
  range: string | null;
  pipeline: Schemas["PipelineView"] | undefined;
  pipelines: readonly Schemas["PipelineView"][];
  /** What of a form belongs to the model that it had. */
  forget: (draft: Draft) => Partial<Draft>;
}

export function useScene(draft: Draft): Scene {
  const header = useProjectHeader();
  const found = $api.useQuery(
    "get",
    "/v1/models/{model_id}",
    { params: { header, path: { model_id: draft.model ?? "" } } },
    { enabled: draft.model !== null },
  );
  const all = $api.useQuery("get", "/v1/pipelines", { params: { header } }, { staleTime: 60_000 });
  const model = draft.model === null ? undefined : (found.data as Schemas["ModelDetail"] | undefined);
  const pipelines = pipelinesFor(model?.kind, all.data?.items ?? []);
  const probe = model?.probe ?? null;
  const range = rangeOfProbe(probe);
  const failed: unknown = found.error ?? all.error;
  return {
    model,
    problem: failed === null ? undefined : asProblem(failed).message,
    probe,
    range,
    pipeline: pipelines.find((each) => each.name === draft.pipeline) ?? pipelines[0],
    pipelines,
    forget: (before) => ({ pipeline: null, settings: {}, ...(before.frames === range ? { frames: "" } : {}) }),
  };
}

function pipelinesFor(kind: string | undefined, all: readonly Schemas["PipelineView"][]): Schemas["PipelineView"][] {
  return kind === undefined ? [] : all.filter((each) => each.model_kinds.includes(kind));
}
