import { expect, it } from "vitest";
import { replicaFits } from "./worker-names";

const REPLICA = { id: "0198-abc", node: "gpu-01", pool: "spot", device_class: "L40S", labels: { room: 4 } };

it("a replica is found by machine, pool, device, id and label, whatever the case, when all words fit", () => {
  for (const words of ["", "GPU-01", "spot l40s", "room=4", "0198"]) expect(replicaFits(REPLICA, words)).toBe(true);
  expect(replicaFits(REPLICA, "gpu-01 reserved")).toBe(false);
});
