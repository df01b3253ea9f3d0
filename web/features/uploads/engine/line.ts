// What a request of an upload needs to know, whatever it sends.
import type { Lanes } from "./lanes";
import type { Pause } from "./retrying";

export interface Piece {
  path: string;
  digest: string;
  file: Blob;
}

export interface Line {
  project: string;
  lanes: Lanes;
  signal: AbortSignal;
  pause: Pause;
  /** Bytes more that the farm has; less where a try came to nothing. */
  onSent: (bytes: number) => void;
}

/** A request in a lane, its progress told as what it adds to what is sent. */
export function counted<T>(
  line: Line,
  share: number,
  send: (onProgress: (sent: number) => void) => Promise<T>,
): Promise<T> {
  let told = 0;
  return line.lanes.run(
    () =>
      send((sent) => {
        const bytes = Math.round(sent * share);
        line.onSent(bytes - told);
        told = bytes;
      }),
    line.signal,
  );
}
