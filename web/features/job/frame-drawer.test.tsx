import { screen } from "@testing-library/react";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { answeringFarm } from "@/tests/answering-farm";
import { liveFeed } from "@/tests/live-feed";
import { goTo } from "@/tests/navigation";
import { renderInApp } from "@/tests/render";
import { FrameDrawer } from "./frame-drawer";
import { FrameProgress } from "./frame-progress";
import { FrameRange } from "./frame-range";
import { FrameSelection } from "./frame-selection";
import { FrameStates } from "./frame-states";
import { jobWith } from "./job.fixture";
import { FramesContext } from "./job-context";

vi.mock("next/navigation", () => import("@/tests/navigation"));

const JOB = jobWith();
const FRAME = `/v1/jobs/${JOB.id}/frames/3`;
const attempt = (id: string, outcome: string) => ({
  id,
  frame: 3,
  generation: 1,
  outcome,
  message: null,
  started_at: "2026-01-05T10:00:00Z",
  ended_at: "2026-01-05T10:00:10Z",
  timings_ms: {},
  metrics: {},
});
const IMAGE = {
  id: "a1",
  job: JOB.id,
  kind: "frame",
  name: "harbour.0003.png",
  media_type: "image/png",
  size_bytes: 1000,
  width: 64,
  height: 64,
  url: "/files/a1",
};

beforeEach(() => goTo(`/projects/film/jobs/${JOB.id}/?frame=3`));
afterEach(() => vi.unstubAllGlobals());

async function open(farm: { state: string; attempts: unknown[]; artifacts: unknown[] }) {
  const feed = liveFeed();
  await answeringFarm({
    ...feed.routes,
    [`GET ${FRAME}`]: () => ({ ordinal: 2, frame: 3, state: farm.state, flags: [] }),
    [`GET ${FRAME}/attempts`]: () => ({ items: farm.attempts, next_cursor: null }),
    [`GET /v1/jobs/${JOB.id}/artifacts`]: () => ({ items: farm.artifacts, next_cursor: null }),
  });
  const frames = {
    range: FrameRange.parse(JOB.frames)!,
    states: new FrameStates(12),
    selection: new FrameSelection(12),
    progress: new FrameProgress(),
  };
  const { queries } = renderInApp(
    feed.around(
      <FramesContext value={frames}>
        <FrameDrawer job={JOB} onAct={async () => undefined} />
      </FramesContext>,
    ),
  );
  await feed.isLive(queries);
  return feed;
}

it("a retry of the frame that is open shows in its tries as soon as it has ended", async () => {
  const farm = { state: "failed", attempts: [attempt("t1", "crashed")], artifacts: [] as unknown[] };
  const feed = await open(farm);
  expect(await screen.findByText("Try 1")).toBeInTheDocument();
  farm.attempts = [attempt("t2", "out_of_memory"), attempt("t1", "crashed")];
  await feed.tell({ kind: "frame.retried", job: JOB.id, data: { ordinal: 2 } });
  expect(await screen.findByText("Try 2")).toBeInTheDocument();
});

it("the files of a frame that is open are there as soon as it is committed, without a preview", async () => {
  const farm = { state: "rendering", attempts: [] as unknown[], artifacts: [] as unknown[] };
  const feed = await open(farm);
  expect(await screen.findByText("Rendering")).toBeInTheDocument();
  farm.state = "committed";
  farm.artifacts = [IMAGE];
  await feed.tell({ kind: "frames.committed", job: JOB.id, data: { frames: [{ ordinal: 2, frame: 3 }], count: 1 } });
  expect(await screen.findByText("harbour.0003.png")).toBeInTheDocument();
});
