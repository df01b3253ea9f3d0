import { screen, waitFor, within } from "@testing-library/react";
import { afterEach, describe, expect, it, vi } from "vitest";
import { answeringFarm, Raw } from "@/tests/answering-farm";
import { renderInApp } from "@/tests/render";
import { OverviewPage } from "./overview-page";

vi.mock("next/navigation", () => ({ usePathname: () => "/farm/" }));

const LOOP = { cluster: "c", ran_at: "2026-01-01T00:00:00Z", every_ms: 1000, took_ms: 5, handled: 1, failures: 0 };
const QUIET = {
  "GET /v1/queues": () => ({ classes: [], pools: [], projects: [], tasks: [] }),
  "GET /v1/pace": () => ({
    minutes: [{ at: "2026-01-01T00:00:00Z", frames: 0, cost: "0" }],
    frames: 0,
    warm: null,
    attempts: 0,
    failed: 0,
    cost: "0",
    currency: null,
  }),
  "GET /v1/status": () => ({ status: "up", version: "1", age_s: 0, checks: [], maintenance: null, links: null }),
  "GET /v1/loops": () => ({ items: [], next_cursor: null }),
  "GET /v1/replicas": () => ({ items: [], next_cursor: null }),
  "GET /v1/queues/failing": () => ({ items: [], next_cursor: null }),
};

afterEach(() => vi.unstubAllGlobals());

async function sectionOf(name: string) {
  return within(await screen.findByRole("region", { name }));
}

describe("the overview", () => {
  it("of a farm that stands still says so instead of showing empty tables", async () => {
    await answeringFarm(QUIET);
    renderInApp(<OverviewPage />);
    expect((await sectionOf("Queue by class")).getByText("No job waits or runs.")).toBeVisible();
    expect((await sectionOf("Why work waits")).getByText("Nothing waits.")).toBeVisible();
    expect(await (await sectionOf("Late or failing loops")).findByText(/Every loop ran/)).toBeVisible();
    expect(await screen.findByText("no replica is up")).toBeVisible();
    expect(screen.queryByRole("link", { name: /Grafana/ })).not.toBeInTheDocument();
  });

  it("leads to the tools that are set, and tells of maintenance before anything else", async () => {
    await answeringFarm({
      ...QUIET,
      "GET /v1/status": () => ({
        status: "degraded",
        version: "1",
        age_s: 0,
        checks: [],
        maintenance: { drain: true, message: "New disks until noon.", since: null },
        links: { dashboard: "https://ray.example.org/", grafana: "https://grafana.example.org/" },
      }),
    });
    renderInApp(<OverviewPage />);
    expect(await screen.findByText("New disks until noon.")).toBeVisible();
    expect(screen.getByRole("link", { name: /Ray dashboard/ })).toHaveAttribute("href", "https://ray.example.org/");
    expect(screen.getByRole("link", { name: /Grafana/ })).toHaveAttribute("href", "https://grafana.example.org/");
  });

  it("says once that the throughput cannot be read, and nothing waits for it", async () => {
    await answeringFarm({ ...QUIET, "GET /v1/pace": () => new Raw(503, { detail: "The database is away." }) });
    renderInApp(<OverviewPage />);
    expect(await screen.findByText("The database is away.")).toBeVisible();
    expect(await screen.findByRole("region", { name: "Queue by class" })).toBeVisible();
    await waitFor(() => expect(screen.queryByRole("status", { name: "Loading" })).toBeNull());
  });

  it("says in words what stops a project", async () => {
    const stopped = { project: "film", share: 1, used: 0, waiting: 2, running: 0, frames: 9, oldest_s: 5 };
    await answeringFarm({
      ...QUIET,
      "GET /v1/queues": () => ({ classes: [], pools: [], projects: [{ ...stopped, stopped: "budget" }], tasks: [] }),
    });
    renderInApp(<OverviewPage />);
    expect(await screen.findByText("Stopped: the budget is spent")).toBeVisible();
  });

  it("shows which loop is late and which job fails, each with the way to it", async () => {
    await answeringFarm({
      ...QUIET,
      "GET /v1/loops": () => ({
        items: [
          { ...LOOP, name: "pruner", ok: true, overdue: false },
          { ...LOOP, name: "rescuer", ok: false, overdue: true },
        ],
        next_cursor: null,
      }),
      "GET /v1/queues/failing": () => ({
        items: [
          {
            id: "j1",
            name: "shot 010",
            project: "film",
            priority: "normal",
            state: "running",
            reason: null,
            words: null,
            created_at: "2026-01-01T00:00:00Z",
            total: 240,
            failed: 3,
            frames: 10,
          },
        ],
        next_cursor: null,
      }),
    });
    renderInApp(<OverviewPage />);
    const loops = await sectionOf("Late or failing loops");
    expect(await loops.findByText("rescuer")).toBeVisible();
    expect(loops.getByText("Late")).toBeVisible();
    expect(loops.queryByText("pruner")).not.toBeInTheDocument();
    const failing = await sectionOf("Failing jobs");
    expect(await failing.findByRole("link", { name: "shot 010" })).toHaveAttribute(
      "href",
      expect.stringMatching("/projects/film/jobs/j1"),
    );
    expect(failing.getByText("3 of 240")).toBeVisible();
  });
});
