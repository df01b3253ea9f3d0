// How much memory the residents of each replica take.
import type { Schemas } from "@/shared/api/client";

export interface ReplicaMemory {
  id: string;
  label: string;
  /** Video memory where the driver tells it, else RAM. */
  kind: "gpuMemory" | "ram";
  bytes: number;
  residents: { digest: string; bytes: number }[];
}

/** Replicas that keep something loaded, the fullest first; those that tell their video memory have a bar of each. */
export function memoryOf(replicas: readonly Schemas["ReplicaView"][]): ReplicaMemory[] {
  return replicas
    .filter((replica) => replica.residents.length > 0)
    .flatMap((replica) => {
      const told = replica.residents.some((resident) => resident.vram_bytes != null);
      const ram = barOf(replica, "ram", (resident) => resident.size_bytes);
      return told ? [barOf(replica, "gpuMemory", (resident) => resident.vram_bytes ?? 0), ram] : [ram];
    })
    .sort((a, b) => b.bytes - a.bytes);
}

function barOf(
  replica: Schemas["ReplicaView"],
  kind: ReplicaMemory["kind"],
  bytesOf: (resident: Schemas["Resident"]) => number,
): ReplicaMemory {
  const residents = replica.residents.map((resident) => ({ digest: resident.digest, bytes: bytesOf(resident) }));
  return {
    id: replica.id,
    label: `${replica.node} · ${replica.id.slice(0, 8)}`,
    kind,
    bytes: residents.reduce((sum, resident) => sum + resident.bytes, 0),
    residents,
  };
}
