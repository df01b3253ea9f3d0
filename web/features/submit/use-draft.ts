"use client";
// The form's state: from what this tab kept, else from the job that is cloned, else empty.
import { useCallback, useEffect, useRef, useState } from "react";
import type { Schemas } from "@/shared/api/client";
import { draftOf, EMPTY_DRAFT, type Draft } from "./draft";
import { forgetDraft, keepDraft, keptDraft, placeOfDraft } from "./kept-draft";

export interface DraftState {
  draft: Draft;
  /** Where this tab keeps it. */
  place: string;
  change: (part: Partial<Draft>) => void;
  /** As it was before anything was typed. */
  reset: () => void;
}

/** `model`: the one that the address names; null: none. */
export function useDraft(project: string, source: Schemas["JobDetail"] | null, model: string | null): DraftState {
  const [draft, setDraft] = useState<Draft>(() => firstDraft(project, source, model));
  const [isTouched, setTouched] = useState(false);
  // A form that an address with a model led to is kept under the model that it has now, as its address will say.
  const place = placeOfDraft(project, source?.id ?? null, model === null ? null : draft.model);
  const keptAt = useRef(place);
  useEffect(() => {
    if (!isTouched) return;
    if (keptAt.current !== place) forgetDraft(keptAt.current);
    keptAt.current = place;
    keepDraft(place, draft);
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
  return { draft, place, change, reset };
}

function firstDraft(project: string, source: Schemas["JobDetail"] | null, model: string | null): Draft {
  const kept = keptDraft(placeOfDraft(project, source?.id ?? null, model));
  // A link begins with the model that it names, whatever was kept there.
  if (kept !== null && (model === null || kept.model === model)) return kept;
  if (source !== null) return draftOf(source);
  return { ...EMPTY_DRAFT, model };
}
