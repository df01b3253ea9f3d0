// Quotas as a form holds them: an empty field is no limit.
import type { Schemas } from "@/shared/api/client";

export const QUOTAS = [
  "slots",
  "running_jobs",
  "queued_frames",
  "pixels_per_frame",
  "pixels_per_job",
  "stored_bytes",
] as const;
export type QuotaName = (typeof QUOTAS)[number];
/** What a number field gives: a number, or text while it is empty or too long to be one. */
export type QuotaValues = Record<QuotaName, number | string>;

export function valuesOf(quotas: Schemas["QuotasChange"]): QuotaValues {
  return Object.fromEntries(QUOTAS.map((name) => [name, quotas[name] ?? ""])) as QuotaValues;
}

export function quotasOf(values: QuotaValues): Schemas["QuotasChange"] {
  return Object.fromEntries(
    QUOTAS.map((name) => [name, values[name] === "" ? null : Number(values[name])]),
  ) as Schemas["QuotasChange"];
}
