import { screen } from "@testing-library/react";
import { afterEach, expect, it, vi } from "vitest";
import { answeringFarm, meWith } from "@/tests/answering-farm";
import { renderInApp } from "@/tests/render";
import { WorkerPage } from "./worker-page";

vi.mock("next/navigation", () => ({ usePathname: () => "/farm/workers/r1/" }));

const ATTEMPT = {
  job: "j1",
  job_name: "shot 010",
  project: "film",
  frame: 12,
  outcome: "out_of_memory",
  message: "CUDA out of memory",
  started_at: "2026-01-01T00:00:00Z",
  ended_at: "2026-01-01T00:00:42Z",
};
const REPLICA = {
  id: "r1",
  state: "up",
  draining: false,
  drain_reason: null,
  drain_by: null,
  disabled: true,
  disabled_reason: "Fan is loud",
  frames: 7,
  failures: 1,
  pool: "gpu",
  node: "gpu-01",
  cluster: "c",
  device_class: "L40S",
  labels: { room: "4" },
  engines: { cycles: "4.5" },
  residents: [{ digest: "ab".repeat(32), size_bytes: 2 ** 31, vram_bytes: 2 ** 30 }],
  current: null,
  sandbox: { level: "partial", missing: ["seccomp"] },
  started_at: "2026-01-01T00:00:00Z",
  beat_at: "2026-01-01T00:00:00Z",
};
const HISTORY = { "GET /v1/replicas/r1/attempts": () => ({ items: [ATTEMPT], next_cursor: null }) };

afterEach(() => vi.unstubAllGlobals());

it("a replica shows why it is disabled, what it keeps, what guards it, and how its attempts ended", async () => {
  await answeringFarm({ ...HISTORY, "GET /v1/me": () => meWith("farm:operate"), "GET /v1/replicas/r1": () => REPLICA });
  renderInApp(<WorkerPage />);
  expect((await screen.findAllByText("Fan is loud")).length).toBeGreaterThan(0);
  expect(screen.getByText("2.0 GiB")).toBeVisible();
  expect(screen.getByText("1.0 GiB")).toBeVisible();
  expect(screen.getByText("Not in force: seccomp.")).toBeVisible();
  expect(screen.getByText("room=4")).toBeVisible();
  expect(await screen.findByText("Out of memory")).toBeVisible();
  expect(screen.getByText("42 s")).toBeVisible();
});

it("of a replica that is gone the history is still there", async () => {
  await answeringFarm({ ...HISTORY, "GET /v1/me": () => meWith("farm:operate") });
  renderInApp(<WorkerPage />);
  expect(await screen.findByText("This replica is gone")).toBeVisible();
  expect(await screen.findByRole("link", { name: "shot 010" })).toBeVisible();
});
