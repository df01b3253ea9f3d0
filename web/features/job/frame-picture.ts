"use client";
// Small pictures of frames for hover cards: fetched with the credential, kept as blobs, the least used one dropped.
import { useEffect, useState } from "react";
import { signedFetch } from "@/shared/api/client";
import { problemOf } from "@/shared/api/problem";
import { useProjectHeader } from "@/shared/api/project";
import { currentSession, subscribeToSession } from "@/shared/session/session";

const KEPT = 96;

/** Blob addresses by key; what falls out is given back to the browser. */
export class PictureCache {
  private readonly urls = new Map<string, string>();

  constructor(
    private readonly most: number = KEPT,
    private readonly drop: (url: string) => void = (url) => URL.revokeObjectURL(url),
  ) {}

  get(key: string): string | null {
    const url = this.urls.get(key);
    if (url === undefined) return null;
    this.urls.delete(key);
    this.urls.set(key, url);
    return url;
  }

  put(key: string, url: string): void {
    this.urls.set(key, url);
    for (const [oldest, old] of this.urls) {
      if (this.urls.size <= this.most) return;
      this.urls.delete(oldest);
      this.drop(old);
    }
  }

  clear(): void {
    this.urls.forEach((url) => this.drop(url));
    this.urls.clear();
  }
}

const cache = new PictureCache();
if (typeof window !== "undefined") {
  subscribeToSession(() => {
    if (currentSession().state === "nobody") cache.clear();
  });
}

export type Picture = { state: "loading" } | { state: "none" } | { state: "there"; url: string };

/** `stamp` changes with each new picture of the frame; null: there is none to ask for. */
export function useFramePicture(jobId: string, frame: number, stamp: string | null): Picture {
  const header = useProjectHeader()["X-Rayfarm-Project"];
  const key = stamp === null ? null : `${jobId}/${frame}/${stamp}`;
  const [read, setRead] = useState<{ key: string; url: string | null } | null>(null);

  useEffect(() => {
    if (key === null || cache.get(key) !== null) return;
    const abort = new AbortController();
    fetchPicture(`/v1/jobs/${encodeURIComponent(jobId)}/frames/${frame}/preview`, header, abort.signal)
      .then((url) => {
        if (url !== null) cache.put(key, url);
        setRead({ key, url });
      })
      .catch(() => {
        if (!abort.signal.aborted) setRead({ key, url: null });
      });
    return () => abort.abort();
  }, [key, jobId, frame, header]);

  if (key === null) return { state: "none" };
  const url = cache.get(key);
  if (url !== null) return { state: "there", url };
  return read?.key === key ? { state: "none" } : { state: "loading" };
}

async function fetchPicture(address: string, project: string, signal: AbortSignal): Promise<string | null> {
  const answer = await signedFetch(address, { headers: { "X-Rayfarm-Project": project }, signal });
  if (answer.status === 404) return null;
  if (!answer.ok) throw await problemOf(answer);
  return URL.createObjectURL(await answer.blob());
}
