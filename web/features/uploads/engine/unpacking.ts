// Has a zip unpacked by a worker.
import { Problem } from "@/shared/api/problem";
import { strings } from "@/strings/en";
import type { SceneFile } from "./scene-files";
import type { UnzipAnswer } from "./unzip.worker";

export function unpack(zip: Blob): Promise<SceneFile[]> {
  const worker = new Worker(new URL("./unzip.worker.ts", import.meta.url), { type: "module" });
  const answer = new Promise<SceneFile[]>((resolve, reject) => {
    worker.onmessage = ({ data }: MessageEvent<UnzipAnswer>) => {
      if ("files" in data) resolve(data.files);
      else reject(new Problem(0, { code: "zip-refused", ...data.failed }));
    };
    worker.onerror = (error) => reject(new Error(error.message || strings.faults.unpackingStopped));
    worker.postMessage({ zip });
  });
  return answer.finally(() => worker.terminate());
}
