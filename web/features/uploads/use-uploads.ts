"use client";
import { useSyncExternalStore } from "react";
import { uploads } from "./engine/page-uploads";
import type { Upload } from "./engine/upload";

const NONE: readonly Upload[] = [];

/** All uploads of this page, in the order of their beginning. */
export function useUploads(): readonly Upload[] {
  return useSyncExternalStore(uploads.subscribe, uploads.all, () => NONE);
}
