"use client";
// Which jobs are selected; one that is not shown any more is not.
import { useState } from "react";
import type { Job } from "./commands";

export interface Selection {
  selected: readonly Job[];
  has: (id: string) => boolean;
  toggle: (id: string) => void;
  selectAll: () => void;
  clear: () => void;
}

export function useSelection(jobs: readonly Job[]): Selection {
  const [ids, setIds] = useState<ReadonlySet<string>>(new Set());
  return {
    selected: jobs.filter((job) => ids.has(job.id)),
    has: (id) => ids.has(id),
    toggle: (id) =>
      setIds((before) => {
        const next = new Set(before);
        if (!next.delete(id)) next.add(id);
        return next;
      }),
    selectAll: () => setIds(new Set(jobs.map((job) => job.id))),
    clear: () => setIds(new Set()),
  };
}
