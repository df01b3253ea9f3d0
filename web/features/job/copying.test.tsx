// On plain http a browser has no clipboard; nor does jsdom.
import { fireEvent, screen, within } from "@testing-library/react";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import type { Schemas } from "@/shared/api/client";
import { answeringFarm } from "@/tests/answering-farm";
import { goTo } from "@/tests/navigation";
import { renderInApp } from "@/tests/render";
import { FrameAttempts } from "./frame-attempts";
import { FrameProgress } from "./frame-progress";
import { FrameRange } from "./frame-range";
import { FrameSelection } from "./frame-selection";
import { FrameStates } from "./frame-states";
import { FramesContext } from "./job-context";
import { jobWith } from "./job.fixture";
import { SelectionBar } from "./selection-bar";

vi.mock("next/navigation", () => import("@/tests/navigation"));

const SIZE = 200;

beforeEach(() => goTo("/projects/film/jobs/a/"));
afterEach(() => vi.unstubAllGlobals());

it("the log is selected where there is no clipboard, with a word on how to copy it", async () => {
  const attempt = {
    id: "t1",
    frame: 5,
    outcome: "engine_error",
    message: "It failed.",
    ended_at: "2026-01-05T10:00:00Z",
    timings_ms: {},
    metrics: {},
  };
  await answeringFarm({
    "GET /v1/jobs/a/frames/5/attempts": () => ({ items: [attempt] }),
    "GET /v1/jobs/a/frames/5/log": () => "no texture",
  });
  const view = { frame: 5, ordinal: 4, state: "failed" } as Schemas["FrameView"];
  renderInApp(<FrameAttempts job={jobWith({ id: "a" })} view={view} />);
  fireEvent.click(await screen.findByRole("button", { name: "Copy the log" }));
  expect(await screen.findByText(/press Ctrl\+C to copy it/)).toBeVisible();
  expect(window.getSelection()?.toString()).toContain("no texture");
});

it("the frames are shown whole, to be copied by hand, where there is no clipboard", async () => {
  await answeringFarm({});
  const frames = {
    range: FrameRange.parse(`1-${SIZE}`)!,
    states: new FrameStates(SIZE),
    selection: new FrameSelection(SIZE),
    progress: new FrameProgress(),
  };
  const odd = Array.from({ length: SIZE / 2 }, (_, place) => place * 2);
  frames.selection.add(odd);
  renderInApp(
    <FramesContext value={frames}>
      <SelectionBar onAct={async () => undefined} />
    </FramesContext>,
  );
  fireEvent.click(screen.getByRole("button", { name: "Copy the numbers" }));
  const dialog = await screen.findByRole("dialog", { name: "Copy the numbers" });
  const field = within(dialog).getByRole<HTMLInputElement>("textbox", { name: "Numbers of the frames" });
  expect(field.value).toMatch(/^1.*199/);
  fireEvent.click(within(dialog).getByRole("button", { name: "Copy" }));
  expect(await within(dialog).findByText(/press Ctrl\+C to copy it/)).toBeVisible();
  expect(field.selectionEnd! - field.selectionStart!).toBe(field.value.length);
});
