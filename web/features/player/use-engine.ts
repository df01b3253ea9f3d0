"use client";
// One engine for a job's frames, kept true by its events.
import { useEffect, useState, type RefObject } from "react";
import type { FrameStates } from "@/features/job/frame-states";
import { useProjectHeader } from "@/shared/api/project";
import { useFarmEvents } from "@/shared/live/feed-provider";
import type { FarmEvent } from "@/shared/live/stream";
import { listPictures } from "@/shared/pictures/list-pictures";
import { Catalogue } from "./catalogue";
import { PlayerEngine } from "./player-engine";
import { markOf } from "./timeline-marks";

export type Engine = PlayerEngine<ImageBitmap>;

export interface EngineParts {
  engine: Engine;
  catalogue: Catalogue;
}

export function useEngine(
  job: string,
  states: FrameStates,
  canvas: RefObject<HTMLCanvasElement | null>,
): EngineParts | null {
  const slug = useProjectHeader()["X-Rayfarm-Project"];
  const [parts, setParts] = useState<EngineParts | null>(null);

  useEffect(() => {
    const header = { "X-Rayfarm-Project": slug };
    const catalogue = new Catalogue((first, last) => listPictures({ job, header }, first, last), states.size);
    const engine: Engine = new PlayerEngine({
      size: states.size,
      catalogue,
      decode: (file) => createImageBitmap(file),
      hasPicture: (ordinal) => markOf(states, ordinal) === "committed",
      draw: (picture) => drawOn(canvas.current, picture),
    });
    // eslint-disable-next-line react-hooks/set-state-in-effect -- it holds memory, and must be closed where it was made
    setParts({ engine, catalogue });
    const forget = states.subscribe(() => engine.refresh());
    return () => {
      forget();
      engine.close();
    };
  }, [job, states, slug, canvas]);

  useFarmEvents((event) => {
    if (event.job === job && parts !== null) tell(parts.engine, event);
  });
  return parts;
}

interface Told {
  frames?: { ordinal: number }[];
  artifacts?: { kind: string; ordinal: number | null }[];
}

/** What an event says about pictures; the states of frames are kept by who holds them. */
export function tell(engine: Pick<Engine, "renew" | "filesCame">, event: FarmEvent): void {
  const { frames = [], artifacts = [] } = event.data as Told;
  if (["frames.committed", "frames.reused", "frames.requeued"].includes(event.kind)) {
    engine.renew(frames.map(({ ordinal }) => ordinal));
  } else if (event.kind === "output.ready") {
    engine.filesCame(
      artifacts.flatMap(({ kind, ordinal }) => (kind === "preview" && ordinal !== null ? [ordinal] : [])),
    );
  }
}

export function drawOn(canvas: HTMLCanvasElement | null, picture: ImageBitmap): void {
  if (canvas === null) return;
  if (canvas.width !== picture.width || canvas.height !== picture.height) {
    canvas.width = picture.width;
    canvas.height = picture.height;
  }
  const context = canvas.getContext("2d");
  context?.clearRect(0, 0, canvas.width, canvas.height);
  context?.drawImage(picture, 0, 0);
}
