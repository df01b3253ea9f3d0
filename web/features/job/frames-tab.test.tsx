import { act, fireEvent, screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { answeringFarm, Raw } from "@/tests/answering-farm";
import { goTo } from "@/tests/navigation";
import { renderInApp } from "@/tests/render";
import { FrameProgress } from "./frame-progress";
import { FrameRange } from "./frame-range";
import { FrameSelection } from "./frame-selection";
import { FrameStates } from "./frame-states";
import { FramesTab } from "./frames-tab";
import { jobWith } from "./job.fixture";
import { FramesContext } from "./job-context";

vi.mock("next/navigation", () => import("@/tests/navigation"));

const ACTIONS = "POST /v1/jobs/0198aaaa-0000-7000-8000-000000000001/frames/actions";
const READ = { error: null, isPending: false, refetch: () => undefined, again: vi.fn() };

function framesOf(size = 12) {
  const frames = {
    range: FrameRange.parse(`101-${100 + size}`)!,
    states: new FrameStates(size),
    selection: new FrameSelection(size),
    progress: new FrameProgress(),
  };
  frames.states.load({
    lastEvent: 7,
    runs: [
      { first: 0, last: 3, state: "committed" },
      { first: 4, last: 4, state: "rendering" },
      { first: 5, last: 5, state: "failed" },
      { first: 6, last: size - 1, state: "queued" },
    ],
    suspects: [1],
  });
  return frames;
}

async function open(permissions: string[], frames = framesOf(), answers = {}) {
  const job = jobWith({ state: "succeeded", frames: "101-112" }); // ended: it has no stream of its own
  const asked = await answeringFarm({
    "GET /v1/me": () => ({ kind: "account", id: "a", name: "Ann", memberships: [], permissions }),
    [ACTIONS]: () => ({ changed: 1, job }),
    ...answers,
  });
  renderInApp(
    <FramesContext value={frames}>
      <FramesTab job={job} read={READ} />
    </FramesContext>,
  );
  const grid = await screen.findByRole("grid");
  return { asked, grid, frames };
}

const RENDERER = ["project:read", "project:render"];

beforeEach(() => {
  vi.spyOn(HTMLCanvasElement.prototype, "getContext").mockReturnValue(null); // jsdom paints nothing
  goTo("/projects/film/jobs/0198aaaa-0000-7000-8000-000000000001/");
});
afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
  READ.again.mockClear();
});

describe("the frame grid for the keyboard", () => {
  it("says the number and the state of the cell that it is on, in words", async () => {
    const { grid } = await open(RENDERER);
    expect(within(grid).getByRole("gridcell")).toHaveAccessibleName("Frame 101, Done");
    fireEvent.keyDown(grid, { key: "ArrowRight" });
    expect(within(grid).getByRole("gridcell")).toHaveAccessibleName("Frame 102, Done, suspect");
    expect(grid).toHaveAttribute("aria-activedescendant", within(grid).getByRole("gridcell").id);
  });

  it("selects with shift, all with Ctrl+A and none with Escape", async () => {
    const { grid, frames } = await open(RENDERER);
    fireEvent.keyDown(grid, { key: "ArrowRight", shiftKey: true });
    fireEvent.keyDown(grid, { key: "ArrowRight", shiftKey: true });
    expect(frames.selection.ordinals()).toEqual([0, 1, 2]);
    expect(await screen.findByText("3 frames selected")).toBeVisible();
    expect(screen.getByText("101-103")).toBeVisible();
    fireEvent.keyDown(grid, { key: "ArrowLeft", shiftKey: true });
    expect(frames.selection.ordinals()).toEqual([0, 1]);
    fireEvent.keyDown(grid, { key: "a", ctrlKey: true });
    expect(frames.selection.count).toBe(12);
    fireEvent.keyDown(grid, { key: "Escape" });
    expect(frames.selection.count).toBe(0);
    fireEvent.keyDown(grid, { key: " " });
    expect(frames.selection.ordinals()).toEqual([1]);
  });

  it("opens the frame with Enter, and its address says so", async () => {
    const { grid } = await open(RENDERER);
    fireEvent.keyDown(grid, { key: "ArrowRight" });
    fireEvent.keyDown(grid, { key: "Enter" });
    expect(window.location.search).toBe("?frame=102");
  });
});

describe("the legend", () => {
  it("counts the frames of each state and follows what lands", async () => {
    const { frames } = await open(RENDERER);
    expect(screen.getByRole("button", { name: "Done 4" })).toBeVisible();
    expect(screen.getByRole("button", { name: "Suspect 1" })).toBeVisible();
    act(() => frames.states.set([6, 7], "committed"));
    expect(screen.getByRole("button", { name: "Done 6" })).toBeVisible();
    expect(screen.queryByRole("button", { name: /Skipped/ })).toBeNull();
  });

  it("filters, in the address", async () => {
    const { grid } = await open(RENDERER);
    await userEvent.click(screen.getByRole("button", { name: "Failed 1" }));
    expect(window.location.search).toBe("?state=failed");
    expect(grid).toHaveAccessibleName("Frames, 1");
    expect(within(grid).getByRole("gridcell")).toHaveAccessibleName("Frame 106, Failed");
  });
});

describe("going to a frame", () => {
  it("moves the keyboard there, and says when there is no such frame", async () => {
    const { grid } = await open(RENDERER);
    const field = screen.getByRole("textbox", { name: "Go to frame" });
    await userEvent.type(field, "109{Enter}");
    expect(within(grid).getByRole("gridcell")).toHaveAccessibleName("Frame 109, Queued");
    await userEvent.clear(field);
    await userEvent.type(field, "7{Enter}");
    expect(await screen.findByText("The job has no frame 7.")).toBeVisible();
  });
});

describe("what can be done to the selected frames", () => {
  it("counts for each action the frames that it changes, and asks the farm for these alone", async () => {
    const { asked, frames } = await open(RENDERER);
    act(() => frames.selection.add([4, 5, 6, 7]));
    expect(await screen.findByRole("button", { name: "Retry 1" })).toBeVisible();
    await userEvent.click(screen.getByRole("button", { name: "Skip 3" }));
    const sent = asked.find((one) => one.method === "POST");
    expect(sent?.body).toEqual({ action: "skip", frames: "106-108" });
    expect(frames.states.stateAt(6)).toBe("skipped");
    expect(frames.states.stateAt(4)).toBe("rendering");
    expect(frames.selection.count).toBe(0);
  });

  it("can be taken back where frames were queued", async () => {
    const { asked, frames } = await open(RENDERER);
    act(() => frames.selection.add([6, 7]));
    await userEvent.click(await screen.findByRole("button", { name: "Skip 2" }));
    await userEvent.click(await screen.findByRole("button", { name: "Undo" }));
    await waitFor(() => expect(frames.states.stateAt(6)).toBe("queued"));
    const sent = asked.filter((one) => one.method === "POST").map((one) => one.body);
    expect(sent).toEqual([
      { action: "skip", frames: "107-108" },
      { action: "requeue", frames: "107-108" },
    ]);
  });

  it("is read again from the farm when it refuses, and says why", async () => {
    const refuse = () => new Raw(409, { detail: "Frame 107 is being rendered.", remedy: "Leave it out." });
    const { frames } = await open(RENDERER, framesOf(), { [ACTIONS]: refuse });
    act(() => frames.selection.add([6]));
    await userEvent.click(await screen.findByRole("button", { name: "Skip 1" }));
    expect(await screen.findByText("Leave it out.")).toBeVisible();
    expect(READ.again).toHaveBeenCalled();
  });

  it("is asked about first where there are more than a hundred", async () => {
    const { asked, frames } = await open(RENDERER, framesOf(200));
    act(() => frames.selection.add(frames.states.matching("queued")));
    await userEvent.click(await screen.findByRole("button", { name: "Skip 194" }));
    expect(await screen.findByText("Skip 194 frames?")).toBeVisible();
    expect(asked.some((one) => one.method === "POST")).toBe(false);
    await userEvent.click(screen.getByRole("button", { name: "Skip" }));
    await waitFor(() => expect(frames.states.count("skipped")).toBe(194));
  });

  it("is not offered to who may only look", async () => {
    const { frames } = await open(["project:read"]);
    act(() => frames.selection.add([5, 6]));
    expect(await screen.findByText("2 frames selected")).toBeVisible();
    expect(screen.queryByRole("button", { name: /Retry|Skip|Render again/ })).toBeNull();
  });
});
