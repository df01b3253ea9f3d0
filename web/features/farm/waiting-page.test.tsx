import { screen } from "@testing-library/react";
import { afterEach, expect, it, vi } from "vitest";
import { answeringFarm } from "@/tests/answering-farm";
import { renderInApp } from "@/tests/render";
import { WaitingPage } from "./waiting-page";

vi.mock("next/navigation", () => import("@/tests/navigation"));

const JOB = {
  name: "shot 010",
  project: "film",
  priority: "normal",
  state: "queued",
  reason: "no_capacity",
  words: "All workers that fit are busy.",
  created_at: "2026-01-01T00:00:00Z",
  frames: 10,
};

afterEach(() => vi.unstubAllGlobals());

it.each([
  [500, true],
  [499, false],
])("of %i jobs that came it says that there may be more: %s", async (count, isCut) => {
  const items = Array.from({ length: count }, (_, index) => ({ ...JOB, id: `j${index}` }));
  await answeringFarm({
    "GET /v1/queues": () => ({ classes: [], pools: [], projects: [], tasks: [] }),
    "GET /v1/queues/waiting": () => ({ items, next_cursor: null }),
  });
  renderInApp(<WaitingPage />);
  await screen.findAllByText("shot 010");
  expect(screen.queryAllByText(/^The first 500 are shown/)).toHaveLength(isCut ? 1 : 0);
});
