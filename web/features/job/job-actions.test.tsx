import { screen, waitFor } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { answeringFarm } from "@/tests/answering-farm";
import { goTo } from "@/tests/navigation";
import { renderInApp } from "@/tests/render";
import { JobActions } from "./job-actions";
import { JobNotices } from "./job-notices";
import { jobWith } from "./job.fixture";
import type { JobDetail } from "./job-context";

vi.mock("next/navigation", () => import("@/tests/navigation"));

const ROOT = "/v1/jobs/0198aaaa-0000-7000-8000-000000000001";

async function open(job: JobDetail, permissions = ["project:read", "project:render"]) {
  const answer = () => job;
  const asked = await answeringFarm({
    "GET /v1/me": () => ({ kind: "account", id: "a", name: "Ann", memberships: [], permissions }),
    [`POST ${ROOT}/pause`]: answer,
    [`POST ${ROOT}/cancel`]: answer,
    [`POST ${ROOT}/retry`]: answer,
    [`POST ${ROOT}/approve`]: answer,
  });
  renderInApp(
    <>
      <JobActions job={job} />
      <JobNotices job={job} />
    </>,
  );
  await waitFor(() => expect(asked.some((one) => one.path === "/v1/me")).toBe(true));
  return asked;
}

const commands = (...names: string[]) => ({
  links: { ...jobWith().links, commands: Object.fromEntries(names.map((name) => [name, `/${name}`])) },
});
const posts = (asked: { method: string; path: string }[]) =>
  asked.filter((one) => one.method === "POST").map((one) => one.path);

beforeEach(() => goTo("/projects/film/jobs/0198aaaa-0000-7000-8000-000000000001/"));
afterEach(() => vi.unstubAllGlobals());

describe("what can be done with a job", () => {
  it("is what the farm allows in its state", async () => {
    await open(jobWith({ state: "paused", ...commands("resume", "cancel") }));
    expect(await screen.findByRole("button", { name: "Resume" })).toBeVisible();
    expect(screen.getByRole("button", { name: "Cancel" })).toBeVisible();
    expect(screen.queryByRole("button", { name: "Pause" })).toBeNull();
  });

  it("is asked of the farm by a click", async () => {
    const asked = await open(jobWith());
    await userEvent.click(await screen.findByRole("button", { name: "Pause" }));
    await waitFor(() => expect(posts(asked)).toEqual([`${ROOT}/pause`]));
  });

  it("cancels only after a question", async () => {
    const asked = await open(jobWith());
    await userEvent.click(await screen.findByRole("button", { name: "Cancel" }));
    expect(await screen.findByText("Cancel this job?")).toBeVisible();
    expect(posts(asked)).toEqual([]);
    await userEvent.click(screen.getAllByRole("button", { name: "Cancel" }).at(-1)!);
    await waitFor(() => expect(posts(asked)).toEqual([`${ROOT}/cancel`]));
  });

  it("offers a retry only where frames have failed", async () => {
    const failed = { counts: { total: 12, committed: 4, reused: 0, failed: 2, canceled: 0, skipped: 0 } };
    const asked = await open(jobWith(failed));
    await userEvent.click(await screen.findByRole("button", { name: "Retry failed frames" }));
    await waitFor(() => expect(posts(asked)).toEqual([`${ROOT}/retry`]));
  });

  it("is to look, to load and to be told for who may not render", async () => {
    await open(jobWith(), ["project:read"]);
    await userEvent.click(await screen.findByRole("button", { name: "More" }));
    expect(await screen.findByRole("menuitem", { name: "Download as zip" })).toBeVisible();
    for (const name of ["Pause", "Cancel"]) expect(screen.queryByRole("button", { name })).toBeNull();
    for (const name of ["Change", "Clone", "Add a step"]) expect(screen.queryByRole("menuitem", { name })).toBeNull();
  });

  it("leads to the form of a new job with this one's settings", async () => {
    await open(jobWith());
    await userEvent.click(await screen.findByRole("button", { name: "More" }));
    const clone = await screen.findByRole("menuitem", { name: "Clone" });
    // Whether a slash stands before the question mark is the build's to say.
    expect(clone.getAttribute("href")?.replace("/?", "?")).toBe(`/projects/film/jobs/new?clone=${jobWith().id}`);
  });
});

describe("scout frames that wait for a person", () => {
  const waiting = () => jobWith({ state: "awaiting_approval", approval: 3, ...commands("approve", "cancel") });

  it("are approved by a click", async () => {
    const asked = await open(waiting());
    expect(screen.getByText(/3 scout frames are done/)).toBeVisible();
    await userEvent.click(await screen.findByRole("button", { name: "Approve" }));
    await waitFor(() => expect(posts(asked)).toEqual([`${ROOT}/approve`]));
  });

  it("are shown without the decision to who may only look", async () => {
    await open(waiting(), ["project:read"]);
    expect(screen.getByText(/3 scout frames are done/)).toBeVisible();
    expect(screen.queryByRole("button", { name: "Approve" })).toBeNull();
  });
});

describe("what is to be known of a job", () => {
  it("is why it waits, in the farm's words", async () => {
    await open(jobWith({ wait: { reason: "no_capacity", words: "All workers that fit are busy." } }));
    expect(screen.getByText("All workers that fit are busy.")).toBeVisible();
  });

  it("is what goes wrong while it runs", async () => {
    await open(jobWith({ retried: { tries: 4, reason: "out_of_memory", message: "It needs 30 GiB." } }));
    expect(screen.getByText("4 tries have failed")).toBeVisible();
    expect(screen.getByText("Out of memory: It needs 30 GiB.")).toBeVisible();
  });

  it("leads to the frames that look odd", async () => {
    await open(jobWith({ suspects: 2 }));
    await userEvent.click(screen.getByRole("button", { name: "Show them" }));
    expect(window.location.search).toBe("?state=suspect");
  });
});
