// The page's side of the worker. Of questions that follow each other faster than they are answered (a slider that is
// dragged), only the newest is asked.
import { ExrProblem } from "./exr-problem";
import type { Answers, Question, Told } from "./exr-messages";

type Ask = Question["ask"];

interface Waiting {
  resolve: (answer: never) => void;
  reject: (problem: unknown) => void;
}

export class ExrClient {
  private readonly waiting = new Map<number, Waiting>();
  private number = 0;
  /** What is asked before the worker listens; null: it does. */
  private early: (() => void)[] | null = [];

  constructor(private readonly worker: Worker) {
    worker.onmessage = ({ data }: MessageEvent<Told>) => this.take(data);
    worker.onerror = (event) => {
      for (const { reject } of this.waiting.values()) reject(new Error(event.message));
      this.waiting.clear();
    };
  }

  ask<Kind extends Ask>(question: Extract<Question, { ask: Kind }>, transfer: Transferable[] = []) {
    this.number += 1;
    const number = this.number;
    const post = () => this.worker.postMessage({ number, question }, transfer);
    if (this.early === null) post();
    else this.early.push(post);
    return new Promise<Answers[Kind]>((resolve, reject) => this.waiting.set(number, { resolve, reject }));
  }

  close(): void {
    this.worker.terminate();
  }

  private take(told: Told): void {
    if ("isReady" in told) {
      const early = this.early ?? [];
      this.early = null;
      for (const post of early) post();
      return;
    }
    const waiting = this.waiting.get(told.number);
    this.waiting.delete(told.number);
    if (waiting === undefined) return;
    if ("answer" in told) waiting.resolve(told.answer as never);
    else if ("kind" in told.problem) waiting.reject(new ExrProblem(told.problem.kind, told.problem.detail));
    else waiting.reject(new Error(told.problem.message));
  }
}

/** Runs the newest of what it is given, one at a time; what was overtaken is never run. */
export function newestOnly<Given>(run: (given: Given) => Promise<void>): (given: Given) => void {
  let isRunning = false;
  let next: { given: Given } | null = null;
  return (given) => {
    next = { given };
    if (!isRunning) void work();
  };
  async function work() {
    isRunning = true;
    while (next !== null) {
      const { given } = next;
      next = null;
      await run(given);
    }
    isRunning = false;
  }
}
