// Which field of a form the farm refused, and why.
import type { Problem } from "@/shared/api/problem";

interface FieldErrors {
  /** By field of the form. */
  known: Record<string, string>;
  /** Whether something is left that stands at no field. */
  rest: boolean;
}

export function fieldErrors(problem: Problem, fields: readonly string[]): FieldErrors {
  const known: Record<string, string> = {};
  let rest = false;
  for (const { field, message, remedy } of wrongOnes(problem)) {
    const name = field.split(".").find((part) => part !== "body") ?? "";
    if (fields.includes(name)) known[name] = [message, remedy].filter(Boolean).join(" ");
    else rest = true;
  }
  return { known, rest: rest || Object.keys(known).length === 0 };
}

/** Each field that the farm names in its refusal. */
export function wrongOnes(problem: Problem): { field: string; message: string; remedy?: string | null }[] {
  const { errors, field } = problem.body;
  if (errors !== undefined && errors !== null && errors.length > 0) return errors;
  return typeof field === "string" ? [{ field, message: problem.message, remedy: problem.remedy }] : [];
}
