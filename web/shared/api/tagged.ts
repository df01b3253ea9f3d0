"use client";
// One thing with the tag of the version that was read, so that a change is refused where somebody was faster:
// `If-Match` of docs/api/conditional-requests.md.
import { useQuery } from "@tanstack/react-query";
import type { paths } from "./schema";

interface Read<Data> {
  data?: Data;
  response: Response;
}

export interface Tagged<Data> {
  value: Data;
  tag: string | null;
}

/** `params` is what tells this thing from others of the same path. */
export function useTagged<Data>(path: keyof paths, params: object, read: () => Promise<Read<Data>>) {
  return useQuery({
    queryKey: ["get", path, { params, tagged: true }],
    queryFn: async (): Promise<Tagged<Data>> => {
      const { data, response } = await read();
      return { value: data as Data, tag: response.headers.get("etag") };
    },
  });
}

/** For `params.header` of the change. */
export function ifMatch(tag: string | null): { "if-match"?: string } {
  return tag === null ? {} : { "if-match": tag };
}
