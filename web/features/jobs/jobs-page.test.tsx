import { act, fireEvent, screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { answeringFarm, meWith } from "@/tests/answering-farm";
import { goTo } from "@/tests/navigation";
import { renderInApp } from "@/tests/render";
import { JobsPage } from "./jobs-page";

vi.mock("next/navigation", () => import("@/tests/navigation"));

function job(id: string, name: string, state: string) {
  return {
    id,
    name,
    state,
    model: "m1",
    pipeline: "cycles",
    frames: "1-48",
    priority: "normal",
    weight: 100,
    tags: [],
    counts: { total: 48, committed: 12, reused: 0, failed: 0, canceled: 0, skipped: 0 },
    progress: 0.25,
    suspects: 0,
    submitted_by: "ada@example.org",
    created_at: "2026-01-01T00:00:00Z",
  };
}
const JOBS = [job("a", "opening", "running"), job("b", "crowd", "paused"), job("c", "still", "succeeded")];
const page = (items: unknown[], next: string | null = null) => ({ items, next_cursor: next });

beforeEach(() => {
  localStorage.clear();
  goTo("/projects/film/jobs/");
});
afterEach(() => vi.unstubAllGlobals());

describe("the job list", () => {
  it("asks for what the address says, and writes into it what is chosen", async () => {
    goTo("/projects/film/jobs/?state=failed&mine=1");
    const log = await answeringFarm({ "GET /v1/jobs": () => page([]) });
    const user = userEvent.setup();
    renderInApp(<JobsPage />);
    expect(await screen.findByText("No job is like that")).toBeVisible();
    const asked = log.find(({ path }) => path === "/v1/jobs")!;
    expect(asked.query.getAll("state")).toEqual(["failed"]);
    expect(asked.query.get("submitted_by")).toBe("me");
    await user.type(screen.getByRole("searchbox", { name: "Search by name" }), "take");
    await waitFor(() => expect(window.location.search).toContain("name=take"));
    expect(window.location.search).toContain("state=failed");
  }, 60_000);

  it("is read again when somebody comes back to it, as no event tells why a job waits", async () => {
    let jobs = JOBS.slice(0, 1);
    await answeringFarm({ "GET /v1/jobs": () => page(jobs) });
    renderInApp(<JobsPage />);
    await screen.findByRole("link", { name: "opening" });
    jobs = JOBS.slice(0, 2);
    act(() => void window.dispatchEvent(new Event("visibilitychange")));
    expect(await screen.findByRole("link", { name: "crowd" })).toBeVisible();
  }, 60_000);

  it("loads the next page by the cursor of the last", async () => {
    const log = await answeringFarm({
      "GET /v1/jobs": ({ query }) => (query.get("cursor") === "c1" ? page([JOBS[2]]) : page(JOBS.slice(0, 2), "c1")),
    });
    const user = userEvent.setup();
    renderInApp(<JobsPage />);
    await user.click(await screen.findByRole("button", { name: "Show more" }));
    expect(await screen.findByRole("link", { name: "still" })).toBeVisible();
    expect(log.filter(({ path }) => path === "/v1/jobs").map(({ query }) => query.get("cursor"))).toEqual([null, "c1"]);
  }, 60_000);

  it("moves by j and k, selects by x, and pauses those of the selected that can be", async () => {
    let first = JOBS[0];
    const log = await answeringFarm({
      "GET /v1/jobs": () => page([first, ...JOBS.slice(1)]),
      "POST /v1/jobs/a/pause": () => (first = job("a", "opening", "paused")),
    });
    const user = userEvent.setup();
    renderInApp(<JobsPage />);
    await screen.findByRole("link", { name: "opening" });
    fireEvent.keyDown(document.body, { key: "j" });
    expect(screen.getByRole("link", { name: "opening" })).toHaveFocus();
    fireEvent.keyDown(document.activeElement!, { key: "x" });
    fireEvent.keyDown(document.activeElement!, { key: "j" });
    fireEvent.keyDown(document.activeElement!, { key: "j" });
    expect(screen.getByRole("link", { name: "still" })).toHaveFocus();
    fireEvent.keyDown(document.activeElement!, { key: "x" });
    expect(screen.getByText("2 jobs selected")).toBeVisible();
    await user.click(screen.getByRole("button", { name: "Pause (1)" }));
    const row = screen.getByRole("link", { name: "opening" }).closest("tr")!;
    expect(await within(row).findByText("Paused")).toBeVisible();
    await waitFor(() => expect(log.some(({ path }) => path === "/v1/jobs/a/pause")).toBe(true));
    expect(await screen.findByRole("button", { name: "Undo" })).toBeVisible();
  }, 60_000);

  it("asks before it cancels", async () => {
    const log = await answeringFarm({ "GET /v1/jobs": () => page(JOBS), "POST /v1/jobs/a/cancel": () => JOBS[0] });
    const user = userEvent.setup();
    renderInApp(<JobsPage />);
    await user.click(await screen.findByRole("button", { name: "Actions of opening" }));
    await user.click(await screen.findByRole("menuitem", { name: "Cancel" }));
    const dialog = await screen.findByRole("dialog", { name: "Cancel 1 job?" });
    expect(log.some(({ path }) => path === "/v1/jobs/a/cancel")).toBe(false);
    await user.click(within(dialog).getByRole("button", { name: "Cancel" }));
    await waitFor(() => expect(log.some(({ path }) => path === "/v1/jobs/a/cancel")).toBe(true));
  }, 60_000);

  it("shows who may only look no action at all", async () => {
    await answeringFarm({ "GET /v1/jobs": () => page(JOBS), "GET /v1/me": () => meWith("self", "project:read") });
    renderInApp(<JobsPage />);
    await screen.findByRole("link", { name: "opening" });
    expect(screen.queryByRole("button", { name: /Actions of/ })).toBeNull();
    expect(screen.queryByRole("checkbox", { name: /Select/ })).toBeNull();
    expect(screen.queryByRole("link", { name: "New job" })).toBeNull();
  });

  it("leads to an upload and a first job where there is none", async () => {
    await answeringFarm({ "GET /v1/jobs": () => page([]) });
    renderInApp(<JobsPage />);
    expect(await screen.findByRole("link", { name: "Upload a scene" })).toHaveAttribute(
      "href",
      expect.stringMatching(/^\/projects\/film\/models\/?$/),
    );
    expect(screen.getAllByRole("link", { name: "New job" })[0]).toHaveAttribute(
      "href",
      expect.stringMatching(/^\/projects\/film\/jobs\/new\/?$/),
    );
  });

  it("keeps a view under a name and goes back to it", async () => {
    goTo("/projects/film/jobs/?state=failed");
    await answeringFarm({ "GET /v1/jobs": () => page(JOBS) });
    const user = userEvent.setup();
    renderInApp(<JobsPage />);
    await user.click(await screen.findByRole("button", { name: "Saved views" }));
    await user.type(await screen.findByRole("textbox", { name: "Save this view" }), "broken");
    await user.click(screen.getByRole("button", { name: "Save" }));
    await user.keyboard("{Escape}");
    await user.click(screen.getByRole("button", { name: "Clear the filters" }));
    expect(window.location.search).toBe("");
    await user.click(screen.getByRole("button", { name: "Saved views" }));
    await user.click(await screen.findByRole("button", { name: "broken" }));
    expect(window.location.search).toBe("?state=failed");
  }, 60_000);
});
