import { screen, waitFor } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { JobActions } from "@/features/job/job-actions";
import { jobWith } from "@/features/job/job.fixture";
import { signOut } from "@/shared/session/session";
import { answeringFarm, Raw } from "@/tests/answering-farm";
import { liveFeed } from "@/tests/live-feed";
import { goTo } from "@/tests/navigation";
import { renderInApp } from "@/tests/render";
import { askedJobs, askForEnd } from "./asked-jobs";
import { EndNotices } from "./end-notices";

vi.mock("next/navigation", () => import("@/tests/navigation"));

const JOB = jobWith();
const ASKED = { id: JOB.id, project: "film" };

/** What a browser that has notices was told to show. */
class Shown {
  static all: Shown[] = [];
  static requestPermission = async () => "granted";
  onclick: (() => void) | null = null;
  constructor(
    readonly title: string,
    readonly options: { body: string; tag: string },
  ) {
    Shown.all.push(this);
  }
  close() {}
}

beforeEach(() => {
  Shown.all = [];
  vi.stubGlobal("Notification", Shown);
  goTo("/projects/film/models/");
});
afterEach(() => {
  localStorage.clear();
  vi.unstubAllGlobals();
});

async function openAnotherPage(answer: () => unknown) {
  const feed = liveFeed();
  const asked = await answeringFarm({ ...feed.routes, [`GET /v1/jobs/${JOB.id}`]: answer });
  askForEnd(ASKED);
  renderInApp(<EndNotices />);
  await waitFor(() => expect(asked.some(({ path }) => path.endsWith("/events"))).toBe(true));
  return feed;
}

it("is asked for on the job's page and kept over a reload", async () => {
  goTo(`/projects/film/jobs/${JOB.id}/`);
  await answeringFarm({ [`GET /v1/jobs/${JOB.id}`]: () => JOB });
  const { unmount } = renderInApp(<JobActions job={JOB} />);
  await userEvent.click(await screen.findByRole("button", { name: "More" }));
  await userEvent.click(await screen.findByRole("menuitem", { name: "Tell me when it ends" }));
  await waitFor(() => expect(askedJobs()).toEqual([ASKED]));
  unmount();
  renderInApp(<JobActions job={JOB} />);
  await userEvent.click(await screen.findByRole("button", { name: "More" }));
  expect(await screen.findByRole("menuitem", { name: "Do not tell me any more" })).toBeVisible();
});

it("comes on another page of the app, once, and leads to the job", async () => {
  let job = JOB;
  const feed = await openAnotherPage(() => job);
  await feed.tell({ kind: "job.state", job: JOB.id, data: { state: "finishing" } });
  job = jobWith({ state: "succeeded", ended_at: "2026-01-05T11:00:00Z" });
  await feed.tell({ kind: "job.state", job: JOB.id, data: { state: "succeeded" } });
  await waitFor(() => expect(Shown.all.map((one) => one.title)).toEqual(["Harbour: Succeeded"]));
  expect(askedJobs()).toEqual([]);
  await feed.tell({ kind: "job.state", job: JOB.id, data: { state: "queued" } });
  Shown.all[0]!.onclick!();
  expect(window.location.pathname).toBe(`/projects/film/jobs/${JOB.id}/`);
  expect(Shown.all).toHaveLength(1);
});

it("comes of a job that ended while no page was open", async () => {
  await openAnotherPage(() => jobWith({ state: "failed", ended_at: "2026-01-05T11:00:00Z" }));
  await waitFor(() => expect(Shown.all.map((one) => one.title)).toEqual(["Harbour: Failed"]));
});

it("is given up for a job that is gone", async () => {
  await openAnotherPage(() => new Raw(404, { code: "not-found" }));
  await waitFor(() => expect(askedJobs()).toEqual([]));
  expect(Shown.all).toEqual([]);
});

it("is nobody else's: who signs out takes it along", async () => {
  await answeringFarm({});
  askForEnd(ASKED);
  await signOut();
  expect(localStorage.getItem("rayfarm.end-notices")).toBeNull();
});
