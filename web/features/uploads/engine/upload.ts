// One upload as the page shows it.
import type { Problem } from "@/shared/api/problem";
import type { MainFile } from "./main-file";
import type { Model } from "./registering";

export type UploadState =
  | "hashing"
  | "sending"
  | "registering"
  | "probing"
  | "ready"
  | "incomplete"
  | "invalid"
  | "paused"
  | "failed"
  /** Begun before the page was loaded anew; it goes on once its files are at hand again. */
  | "interrupted";

export interface Upload {
  id: string;
  project: string;
  /** Of the model. */
  name: string;
  folder: string | null;
  main: MainFile;
  state: UploadState;
  files: number;
  bytes: number;
  hashedBytes: number;
  /** Null: the farm has not said yet. */
  lackingBytes: number | null;
  sentBytes: number;
  bytesPerSecond: number | null;
  problem: Problem | null;
  model: Model | null;
  /** The browser can open the files again by itself. */
  canReopen: boolean;
}

const UNDER_WAY: readonly UploadState[] = ["hashing", "sending", "registering", "probing"];

/** Whether this page does something for it, which leaving would end. */
export function isUnderWay({ state }: Upload): boolean {
  return UNDER_WAY.includes(state);
}

/** Whether ending it would lose what took time to send. */
export function hasSent({ state, sentBytes }: Upload): boolean {
  return sentBytes > 0 || state === "interrupted";
}

/** Between 0 and 1, of what the upload is at; null: that cannot be said. */
export function progressOf(upload: Upload): number | null {
  if (upload.state === "hashing") return upload.bytes === 0 ? null : upload.hashedBytes / upload.bytes;
  if (upload.lackingBytes === null) return null;
  return upload.lackingBytes === 0 ? 1 : Math.min(1, upload.sentBytes / upload.lackingBytes);
}

export function secondsLeft(upload: Upload): number | null {
  if (upload.state !== "sending" || upload.lackingBytes === null || !upload.bytesPerSecond) return null;
  return Math.max(0, upload.lackingBytes - upload.sentBytes) / upload.bytesPerSecond;
}
