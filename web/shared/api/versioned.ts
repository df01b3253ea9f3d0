"use client";
// A thing with its version, to change it only as it was seen (docs/api/conditional-requests.md).
import { useQuery } from "@tanstack/react-query";
import { strings } from "@/strings/en";

export interface Versioned<Data> {
  data: Data;
  /** For `if-match`; undefined where the API gave none. */
  etag: string | undefined;
}

interface Answer<Data> {
  data?: Data;
  response: Response;
}

/** Reads it with its `ETag`: `useVersioned("/v1/flags/{name}", name, () => api.GET(…))`. */
export function useVersioned<Data>(path: string, id: string, read: () => Promise<Answer<Data>>, enabled = true) {
  return useQuery<Versioned<Data>>({
    queryKey: ["versioned", path, id],
    queryFn: async () => {
      const { data, response } = await read();
      if (data === undefined) throw new Error(strings.faults.emptyAnswer);
      return { data, etag: response.headers.get("ETag") ?? undefined };
    },
    staleTime: 0,
    enabled,
  });
}

/** The header that refuses the change (412) where somebody was faster. */
export function ifMatch(etag: string | undefined): { "if-match"?: string } {
  return etag === undefined ? {} : { "if-match": etag };
}
