import { useState } from "react";
import { linkOf } from "./picture-file";

/**
 * A link that stays as long as its file does. The farm signs links anew with each answer, and a film whose address
 * changes begins from its start. `end()`: this link works no more, so the next one that differs is taken.
 */
export function useSteadyLink(id: string, url: string): { link: string; end: () => void } {
  const [kept, setKept] = useState({ id, url, hasEnded: false });
  if (kept.id !== id || (kept.hasEnded && kept.url !== url)) setKept({ id, url, hasEnded: false });
  return { link: linkOf(kept.url), end: () => setKept((before) => ({ ...before, hasEnded: true })) };
}
