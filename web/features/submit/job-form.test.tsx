import { fireEvent, screen, waitFor } from "@testing-library/react";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { answeringFarm, Raw } from "@/tests/answering-farm";
import { goTo } from "@/tests/navigation";
import pipelines from "@/tests/pipelines.json";
import { renderInApp } from "@/tests/render";
import { JobForm } from "./job-form";

vi.mock("next/navigation", () => import("@/tests/navigation"));

const MODEL = {
  id: "m1",
  name: "armillary",
  kind: "blender",
  digest: "sha256:0123456789",
  state: "ready",
  created_at: "2026-01-01T00:00:00Z",
  probe: { frame_start: 1, frame_end: 48, cameras: ["Front"] },
};
const ESTIMATE = {
  frames: 48,
  reused: 8,
  to_render: 40,
  seconds_per_frame: 3,
  seconds_per_frame_source: "same_model",
  measured_frames: 8,
  slot_seconds: 120,
  replicas: 2,
  expected_seconds: 60,
  cost: null,
  currency: null,
  unknown: { cost: "No price." },
};
/** A machine that does much else at once is slow to draw it. */
const LONG = { timeout: 50_000 };
const page = (...items: unknown[]) => ({ items, next_cursor: null });

function farm(routes: Parameters<typeof answeringFarm>[0] = {}) {
  return answeringFarm({
    "GET /v1/models": () => page(MODEL),
    "GET /v1/models/m1": () => MODEL,
    "GET /v1/pipelines": () => page(...pipelines.map((each) => ({ ...each, installed: null, on_replicas: ["bpy"] }))),
    "GET /v1/projects/film/shows": () => page(),
    "GET /v1/projects/film/tags": () => page(),
    "POST /v1/jobs/estimate": () => ESTIMATE,
    "POST /v1/jobs": () => new Raw(202, { id: "j1" }),
    ...routes,
  });
}

function show() {
  return renderInApp(<JobForm project="film" source={null} model="m1" onModel={() => undefined} />);
}

beforeEach(() => {
  sessionStorage.clear();
  localStorage.clear();
  goTo("/projects/film/jobs/new/");
});
afterEach(() => vi.unstubAllGlobals());

// By label and text, as asking for roles costs seconds in a form of this size.
const submitButton = () => screen.getByText("Submit").closest("button")!;

function type(label: string, text: string): void {
  fireEvent.change(screen.getByLabelText(label), { target: { value: text } });
}

describe("the form of a new job", () => {
  it("submits the scene's own frames where nothing else is said, and once for two clicks", async () => {
    const log = await farm();
    show();
    await screen.findByText("48 frames", {}, LONG);
    fireEvent.click(submitButton());
    fireEvent.click(submitButton());
    await waitFor(() => expect(window.location.pathname).toBe("/projects/film/jobs/j1/"), LONG);
    const sent = log.filter(({ method, path }) => method === "POST" && path === "/v1/jobs");
    expect(sent).toHaveLength(1);
    expect(sent[0]!.body).toMatchObject({ model: "m1", frames: "1-48", name: "armillary", pipeline: "cycles" });
  }, 120_000);

  it("lands what the farm refuses at its field, and what was typed is still there after a reload", async () => {
    await farm({
      "POST /v1/jobs": () =>
        new Raw(422, {
          detail: "The settings are not valid.",
          errors: [{ field: "settings.samples", message: "This farm takes 512 at most." }],
        }),
    });
    const first = show();
    await screen.findByLabelText("Samples", {}, LONG);
    type("Samples", "4096");
    fireEvent.click(submitButton());
    await screen.findByText("This farm takes 512 at most.", {}, LONG);
    expect(screen.getByLabelText("Samples")).toBeInvalid();
    first.unmount();
    show();
    expect(await screen.findByLabelText("Samples", {}, LONG)).toHaveValue("4096");
  }, 120_000);

  it("sends nothing that the page itself knows to be wrong", async () => {
    const log = await farm();
    show();
    await screen.findByText("48 frames", {}, LONG);
    type("Frames", "1-10:0");
    fireEvent.click(submitButton());
    expect(screen.getByLabelText("Frames")).toBeInvalid();
    expect(log.some(({ method, path }) => method === "POST" && path === "/v1/jobs")).toBe(false);
  }, 120_000);

  it("opens the section of what is wrong, and leads to the field", async () => {
    await farm();
    show();
    await screen.findByText("48 frames", {}, LONG);
    type("Samples", "-1");
    fireEvent.click(screen.getByText("Quality"));
    await waitFor(() => expect(screen.queryByLabelText("Samples")).toBeNull(), LONG);
    fireEvent.click(submitButton());
    await waitFor(() => expect(screen.getByLabelText("Samples")).toHaveFocus(), LONG);
  }, 120_000);

  it("shows what is to be rendered, and why a figure is not known", async () => {
    await farm();
    show();
    expect(await screen.findByText("No price.", {}, LONG)).toBeVisible();
    expect(screen.getByText("40 frames")).toBeVisible();
  }, 120_000);
});
