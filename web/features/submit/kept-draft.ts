// The form survives a reload of the tab: by project, and apart for each job that is cloned and each model that a link
// names, so that a look at another scene does not take what was typed for the first.
import { EMPTY_DRAFT, type Draft } from "./draft";

export function placeOfDraft(project: string, clone: string | null, model: string | null): string {
  if (clone !== null) return `rayfarm.draft/${project}/${clone}`;
  return model === null ? `rayfarm.draft/${project}/new` : `rayfarm.draft/${project}/new/${model}`;
}

/** null: nothing was kept. A field that an older version did not have is as in an empty form. */
export function keptDraft(place: string): Draft | null {
  try {
    const kept: unknown = JSON.parse(sessionStorage.getItem(place) ?? "null");
    return typeof kept === "object" && kept !== null ? { ...EMPTY_DRAFT, ...(kept as Partial<Draft>) } : null;
  } catch {
    return null;
  }
}

export function keepDraft(place: string, draft: Draft): void {
  sessionStorage.setItem(place, JSON.stringify(draft));
}

export function forgetDraft(place: string): void {
  sessionStorage.removeItem(place);
}
