"use client";
// After an action: what is shown of it is read again.
import { useQueryClient } from "@tanstack/react-query";
import type { paths } from "./schema";

/** `await refresh("/v1/keys")`: reads every query of these paths again, whatever its parameters. */
export function useRefresh(): (...touched: (keyof paths)[]) => Promise<void> {
  const queries = useQueryClient();
  return async (...touched) => {
    const names = new Set<unknown>(touched);
    await queries.invalidateQueries({ predicate: ({ queryKey }) => names.has(queryKey[1]) });
  };
}
