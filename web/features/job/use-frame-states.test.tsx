import { screen } from "@testing-library/react";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { answeringFarm } from "@/tests/answering-farm";
import { liveFeed } from "@/tests/live-feed";
import { goTo } from "@/tests/navigation";
import { renderInApp } from "@/tests/render";
import { FrameStates } from "./frame-states";
import { useVersion } from "./store-version";
import { useFrameStates } from "./use-frame-states";

vi.mock("next/navigation", () => import("@/tests/navigation"));

const JOB = "0198aaaa-0000-7000-8000-000000000001";

beforeEach(() => goTo(`/projects/film/jobs/${JOB}/`));
afterEach(() => vi.unstubAllGlobals());

function Done({ states }: { states: FrameStates }) {
  useFrameStates(JOB, states);
  useVersion(states);
  return <p>{states.count("committed")} done</p>;
}

it("an event that came during the first read and does not list all of its frames has them read again", async () => {
  const feed = liveFeed();
  let answerFirst: (answer: unknown) => void = () => undefined;
  const first = new Promise((resolve) => (answerFirst = resolve));
  const runs = (state: string) => ({
    last_event: 1,
    runs: [{ first: 0, last: 11, state }],
    suspects: [],
    next_from: null,
  });
  let reads = 0;
  await answeringFarm({
    ...feed.routes,
    [`GET /v1/jobs/${JOB}/frame-states`]: () => ((reads += 1) === 1 ? first : runs("committed")),
  });
  renderInApp(feed.around(<Done states={new FrameStates(12)} />));
  await feed.isLive();
  await feed.tell({ kind: "frames.committed", job: JOB, data: { frames: [{ ordinal: 0 }], count: 12 } });
  answerFirst(runs("rendering"));
  expect(await screen.findByText("12 done")).toBeVisible();
});
