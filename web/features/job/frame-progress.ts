// How far the frames are that render now, by ordinal; from the job's stream.
import type { FarmEvent } from "@/shared/live/stream";

export interface Progress {
  fraction: number;
  detail: string | null;
  etaSeconds: number | null;
  /** Rises with each new picture. */
  preview: number | null;
}

export class FrameProgress {
  version = 0;
  private readonly told = new Map<number, Progress>();
  private readonly listeners = new Set<() => void>();

  subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  current = (): number => this.version;

  at(ordinal: number): number | null {
    return this.told.get(ordinal)?.fraction ?? null;
  }

  of(ordinal: number): Progress | null {
    return this.told.get(ordinal) ?? null;
  }

  /** Takes up an event of kind `frame.progress`. */
  take({ data }: FarmEvent): void {
    const { ordinal, fraction, detail, eta_seconds, preview } = data as {
      ordinal: number;
      fraction: number;
      detail?: string | null;
      eta_seconds?: number | null;
      preview?: number | null;
    };
    this.told.set(ordinal, {
      fraction,
      detail: detail ?? null,
      etaSeconds: eta_seconds ?? null,
      preview: preview ?? null,
    });
    this.changed();
  }

  /** Frames that are done, or begin anew. */
  forget(ordinals: Iterable<number>): void {
    for (const ordinal of ordinals) this.told.delete(ordinal);
    this.changed();
  }

  private changed(): void {
    this.version += 1;
    for (const listener of this.listeners) listener();
  }
}
