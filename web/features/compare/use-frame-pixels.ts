"use client";
// One frame of a job as pixels: as it was rendered where browsers can show that, else its preview.
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { FrameRange } from "@/features/job/frame-range";
import { useProjectHeader } from "@/shared/api/project";
import { listPictures } from "@/shared/pictures/list-pictures";
import { fetchFile, isBrowserPicture } from "@/shared/pictures/picture-file";
import { strings } from "@/strings/en";
import type { Pixels } from "./difference";

export type FramePixels =
  { state: "notInRange" } | { state: "missing" } | { state: "there"; pixels: Pixels; isPreview: boolean };

interface JobFrames {
  id: string;
  frames: string;
}

export function useFramePixels(job: JobFrames | null, frame: number | null) {
  const header = useProjectHeader();
  return useQuery({
    // The path stands second, and the job is named as requests name it: events of its outputs read this again, and
    // those of other jobs do not.
    queryKey: ["get", "/v1/jobs/{job_id}/artifacts", { params: { path: { job_id: job?.id } }, pixelsOf: frame }],
    enabled: job !== null && frame !== null,
    queryFn: ({ signal }) => readPixels(job!, frame!, header, signal),
    structuralSharing: false, // millions of numbers
    staleTime: 5 * 60_000,
    gcTime: 30_000,
  });
}

export interface FramePair {
  a: FramePixels;
  b: FramePixels;
}

/**
 * Both sides once both are there. Until then the pair before them, so that zoom and divider stay: it is of another
 * frame or job, so nothing may be said of it.
 */
export function useWholePair(a: FramePixels | undefined, b: FramePixels | undefined) {
  const [last, setLast] = useState<FramePair | null>(null);
  if (a === undefined || b === undefined) return { pair: last, isWaiting: true };
  if (last?.a !== a || last.b !== b) setLast({ a, b });
  return { pair: { a, b }, isWaiting: false };
}

async function readPixels(
  job: JobFrames,
  frame: number,
  header: { "X-Rayfarm-Project": string },
  signal: AbortSignal,
): Promise<FramePixels> {
  const ordinal = FrameRange.parse(job.frames)?.ordinalOf(frame) ?? null;
  if (ordinal === null) return { state: "notInRange" };
  const files = await listPictures({ job: job.id, header }, ordinal, ordinal);
  const shown = files.filter((file) => file.url !== null && isBrowserPicture(file));
  const file = shown.find(({ kind }) => kind === "frame") ?? shown[0];
  if (file?.url == null) return { state: "missing" };
  const pixels = await pixelsOf(await fetchFile(file.url, signal));
  return { state: "there", pixels, isPreview: file.kind === "preview" };
}

async function pixelsOf(file: Blob): Promise<Pixels> {
  const picture = await createImageBitmap(file);
  const { width, height } = picture;
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext("2d", { willReadFrequently: true });
  if (context === null) throw new Error(strings.faults.noMemoryForPicture);
  context.drawImage(picture, 0, 0);
  picture.close();
  return { width, height, data: context.getImageData(0, 0, width, height).data };
}
