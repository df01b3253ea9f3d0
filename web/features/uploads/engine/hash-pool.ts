// Two workers that hash, started when there is something to hash and ended when there is not.
import { strings } from "@/strings/en";
import type { HashAnswer, HashQuestion } from "./hash.worker";

/** SHA-256 of a file; `onBytes` is told what was read. Ends by a throw when the signal says so. */
export type Hasher = (file: Blob, onBytes: (bytes: number) => void, signal: AbortSignal) => Promise<string>;

const WORKERS = 2;

interface Task {
  file: Blob;
  onBytes: (bytes: number) => void;
  signal: AbortSignal;
  resolve: (digest: string) => void;
  reject: (error: unknown) => void;
}

const waiting: Task[] = [];
const idle: Worker[] = [];
let started = 0;

export const hashInWorker: Hasher = (file, onBytes, signal) =>
  new Promise((resolve, reject) => {
    waiting.push({ file, onBytes, signal, resolve, reject });
    next();
  });

function next(): void {
  let task = waiting.shift();
  while (task?.signal.aborted === true) {
    task.reject(task.signal.reason);
    task = waiting.shift();
  }
  if (task === undefined) {
    for (const worker of idle.splice(0)) stop(worker);
    return;
  }
  const worker = idle.pop() ?? start();
  if (worker === null) waiting.unshift(task);
  else run(worker, task);
}

function start(): Worker | null {
  if (started >= WORKERS) return null;
  started += 1;
  return new Worker(new URL("./hash.worker.ts", import.meta.url), { type: "module" });
}

function stop(worker: Worker): void {
  worker.terminate();
  started -= 1;
}

function run(worker: Worker, task: Task): void {
  worker.onmessage = ({ data }: MessageEvent<HashAnswer>) => {
    if ("bytes" in data) task.onBytes(data.bytes);
    else if ("digest" in data) end(() => task.resolve(data.digest));
    else end(() => task.reject(new Error(data.failed)));
  };
  worker.onerror = (error) => end(() => task.reject(new Error(error.message || strings.faults.hashingStopped)));
  task.signal.addEventListener("abort", leave, { once: true });
  worker.postMessage({ file: task.file } satisfies HashQuestion);

  function leave() {
    worker.onmessage = null;
    stop(worker); // a worker in the middle of a file cannot be told
    task.reject(task.signal.reason);
    next();
  }
  function end(tell: () => void) {
    task.signal.removeEventListener("abort", leave);
    worker.onmessage = null;
    idle.push(worker);
    tell();
    next();
  }
}
