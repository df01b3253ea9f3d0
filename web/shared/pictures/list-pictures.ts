// The picture files of a job, by the places of its frames.
import { api } from "@/shared/api/client";
import type { Artifact } from "./picture-file";

const PAGE = 200;

interface Asked {
  job: string;
  header: { "X-Rayfarm-Project": string };
}

/** Frames and their previews of these ordinals, inclusive. */
export async function listPictures({ job, header }: Asked, first: number, last: number): Promise<Artifact[]> {
  const found: Artifact[] = [];
  let cursor: string | undefined;
  do {
    const { data } = await api.GET("/v1/jobs/{job_id}/artifacts", {
      params: {
        header,
        path: { job_id: job },
        query: {
          kind: ["frame", "preview"],
          ordinal_from: first,
          ordinal_to: last,
          limit: PAGE,
          ...(cursor === undefined ? {} : { cursor }),
        },
      },
    });
    found.push(...(data?.items ?? []));
    cursor = data?.next_cursor ?? undefined;
  } while (cursor !== undefined);
  return found;
}
