// How people tell workers apart, and find them.
import type { Schemas } from "@/shared/api/client";

type Replica = Pick<Schemas["ReplicaView"], "id" | "node" | "pool" | "device_class" | "labels">;

/** The machine and the beginning of the id: a machine may have several. */
export function replicaName(replica: Pick<Replica, "id" | "node">): string {
  return `${replica.node} · ${replica.id.slice(0, 8)}`;
}

/** Whether each of the words stands in its machine, pool, device, id or labels. */
export function replicaFits(replica: Replica, words: string): boolean {
  const labels = Object.entries(replica.labels).map(([name, value]) => `${name}=${String(value)}`);
  const text = [replica.node, replica.pool, replica.device_class, replica.id, ...labels].join(" ").toLowerCase();
  return words
    .toLowerCase()
    .split(/\s+/)
    .every((word) => text.includes(word));
}
