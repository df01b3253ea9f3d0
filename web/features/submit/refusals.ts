// Which fields the farm refused, by their place in the specification: `frames`, `settings.samples`, `outputs.naming`.
import { asProblem } from "@/shared/api/problem";
import { wrongOnes } from "@/shared/ui/field-errors";
import type { Errors } from "./schema/check-value";

export function refusalsOf(error: unknown): Errors {
  if (error === null || error === undefined) return {};
  const errors: Record<string, string> = {};
  for (const { field, message, remedy } of wrongOnes(asProblem(error))) {
    const place = field.replace(/^body\./, "");
    errors[place] ??= [message, remedy].filter(Boolean).join(" ");
  }
  return errors;
}

/** Those below one field, by their place in there. */
export function errorsBelow(errors: Errors, field: string): Errors {
  const start = `${field}.`;
  const below = Object.entries(errors).filter(([place]) => place.startsWith(start));
  return Object.fromEntries(below.map(([place, words]) => [place.slice(start.length), words]));
}

/** The message of a field or of anything in it. */
export function errorAt(errors: Errors, field: string): string | undefined {
  return errors[field] ?? Object.values(errorsBelow(errors, field))[0];
}
