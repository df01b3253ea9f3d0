"use client";
// While the player stands still, the frame is shown as it was rendered, where browsers can show its format.
import { useEffect, type RefObject } from "react";
import { fetchFile } from "@/shared/pictures/picture-file";
import { drawOn, type EngineParts } from "./use-engine";

/** So long must it stand: scrubbing fetches no large pictures. */
const STILL_MS = 250;

export function useFullPicture(parts: EngineParts | null, canvas: RefObject<HTMLCanvasElement | null>): void {
  useEffect(() => {
    if (parts === null) return;
    const { engine, catalogue } = parts;
    let timer: ReturnType<typeof setTimeout> | undefined;
    let abort = new AbortController();
    let wantedKey = "";

    async function load(ordinal: number, signal: AbortSignal) {
      const { full, small } = await catalogue.picturesOf(ordinal);
      if (full?.url == null || full.id === small?.id || signal.aborted) return;
      const picture = await createImageBitmap(await fetchFile(full.url, signal));
      if (!signal.aborted) drawOn(canvas.current, picture);
      picture.close();
    }

    const forget = engine.onFrame(({ picture, isLoading }) => {
      const key = `${picture}/${isLoading}/${engine.settings.isPlaying}`;
      if (key === wantedKey) return;
      wantedKey = key;
      clearTimeout(timer);
      abort.abort();
      abort = new AbortController();
      if (engine.settings.isPlaying || picture === null || isLoading) return;
      const { signal } = abort;
      // A large picture that cannot be had leaves the small one standing.
      timer = setTimeout(() => void load(picture, signal).catch(() => undefined), STILL_MS);
    });
    return () => {
      forget();
      clearTimeout(timer);
      abort.abort();
    };
  }, [parts, canvas]);
}
