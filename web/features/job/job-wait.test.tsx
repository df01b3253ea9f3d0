import { act, fireEvent, screen } from "@testing-library/react";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { answeringFarm } from "@/tests/answering-farm";
import { goTo } from "@/tests/navigation";
import { renderInApp } from "@/tests/render";
import { JobNotices } from "./job-notices";
import { jobWith } from "./job.fixture";
import type { JobDetail } from "./job-context";
import { useJob } from "./use-job";

vi.mock("next/navigation", () => import("@/tests/navigation"));

const ID = jobWith().id;

beforeEach(() => goTo(`/projects/film/jobs/${ID}/`));
afterEach(() => vi.unstubAllGlobals());

function Notices() {
  const { data } = useJob(ID);
  return data === undefined ? null : <JobNotices job={data as JobDetail} />;
}

const waitingFor = (words: string) => jobWith({ state: "queued", wait: { reason: "no_capacity", words } });

it("why a job waits is read again by a button, and when somebody comes back to the page", async () => {
  let job = waitingFor("All workers that fit are busy.");
  await answeringFarm({ [`GET /v1/jobs/${ID}`]: () => job });
  renderInApp(<Notices />);
  expect(await screen.findByText("All workers that fit are busy.")).toBeVisible();

  job = waitingFor("The budget is spent.");
  fireEvent.click(screen.getByRole("button", { name: "Read again" }));
  expect(await screen.findByText("The budget is spent.")).toBeVisible();

  job = waitingFor("The farm is in maintenance.");
  act(() => void window.dispatchEvent(new Event("visibilitychange")));
  expect(await screen.findByText("The farm is in maintenance.")).toBeVisible();
});
