// What the page asks the worker, and what it answers. Each answer carries the number of its question.
import type { ExrProblemKind } from "./exr-problem";
import type { LayerView } from "./exr-session";
import type { ShadeSettings, ValueRange } from "./exr-shade";

export type Question =
  | { ask: "open"; bytes: ArrayBuffer }
  | { ask: "choose"; layer: string }
  | { ask: "shade"; settings: ShadeSettings }
  | { ask: "pixel"; x: number; y: number };

export interface Answers {
  open: LayerView[];
  choose: ValueRange[];
  shade: ImageBitmap | null;
  pixel: number[];
}

export type Told =
  | { isReady: true }
  | { number: number; answer: Answers[keyof Answers] }
  | { number: number; problem: { kind: ExrProblemKind; detail: string | number } | { message: string } };
