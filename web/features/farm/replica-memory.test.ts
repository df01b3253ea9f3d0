import { expect, it } from "vitest";
import type { Schemas } from "@/shared/api/client";
import { memoryOf } from "./replica-memory";

function replica(id: string, residents: Schemas["Resident"][]): Schemas["ReplicaView"] {
  return { id, node: "n1", residents } as unknown as Schemas["ReplicaView"];
}

it("a replica without residents has no bar, one that tells its video memory has two, the fullest first", () => {
  const bars = memoryOf([
    replica("empty", []),
    replica("cpu", [{ digest: "a", size_bytes: 10, vram_bytes: null }]),
    replica("gpu", [
      { digest: "a", size_bytes: 3, vram_bytes: 50 },
      { digest: "b", size_bytes: 4, vram_bytes: 20 },
    ]),
  ]);
  expect(bars.map((bar) => [bar.id, bar.kind, bar.bytes])).toEqual([
    ["gpu", "gpuMemory", 70],
    ["cpu", "ram", 10],
    ["gpu", "ram", 7],
  ]);
});
