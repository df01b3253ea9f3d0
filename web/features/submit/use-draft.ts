"use client";
// The form's state: from what this tab kept, else from the job that is cloned, else empty.
import { useCallback, useEffect, useState } from "react";
import type { Schemas } from "@/shared/api/client";
import { draftOf, EMPTY_DRAFT, type Draft } from "./draft";
import { forgetDraft, keepDraft, keptDraft } from "./kept-draft";

export interface DraftState {
  draft: Draft;
  change: (part: Partial<Draft>) => void;
  /** As it was before anything was typed. */
  reset: () => void;
}

export function useDraft(place: string, source: Schemas["JobDetail"] | null, model: string | null): DraftState {
  const [draft, setDraft] = useState<Draft>(() => firstDraft(place, source, model));
  const [isTouched, setTouched] = useState(false);
  useEffect(() => {
    if (isTouched) keepDraft(place, draft);
  }, [isTouched, place, draft]);
  const change = useCallback((part: Partial<Draft>) => {
    setTouched(true);
    setDraft((before) => ({ ...before, ...part }));
  }, []);
  const reset = useCallback(() => {
    setTouched(false);
    forgetDraft(place);
    setDraft(source === null ? { ...EMPTY_DRAFT, model } : draftOf(source));
  }, [place, source, model]);
  return { draft, change, reset };
}

function firstDraft(place: string, source: Schemas["JobDetail"] | null, model: string | null): Draft {
  const kept = keptDraft(place);
  // Where another model was chosen under this link, the link begins anew: it is the model that it names.
  if (kept !== null && (model === null || kept.model === model)) return kept;
  if (source !== null) return draftOf(source);
  return { ...EMPTY_DRAFT, model };
}
