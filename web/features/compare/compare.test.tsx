import { act, screen, waitFor } from "@testing-library/react";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { jobWith } from "@/features/job/job.fixture";
import { artifactOf } from "@/features/player/artifact.fixture";
import { applyEvent } from "@/shared/live/apply-event";
import type { FarmEvent } from "@/shared/live/stream";
import { answeringFarm, type Asked } from "@/tests/answering-farm";
import { goTo } from "@/tests/navigation";
import { renderInApp } from "@/tests/render";
import { Compare } from "./compare";

vi.mock("next/navigation", () => import("@/tests/navigation"));

const PAGE = "/projects/film/jobs/a/compare/";
const FRAMES = [0, 1];
const NAMES = { a: "Harbour v3", b: "Harbour v2", c: "Harbour v1" };
/** What each job's pictures are filled with. */
const LEVELS = { a: 10, b: 20, c: 40 };

type Id = keyof typeof NAMES;

const job = (id: Id) => jobWith({ id, name: NAMES[id], frames: "1-2" });
const file = (id: Id, ordinal: number) => `/v1/files/${id}/${ordinal}`;

/** The farm with three jobs; `held`: the file whose bytes come once `release` is called. */
async function threeJobs(held = "") {
  let release = () => {};
  const isReleased = new Promise<void>((resolve) => (release = resolve));
  const routes: Record<string, (asked: Asked) => unknown> = { "GET /v1/jobs": () => ({ items: [job("b"), job("c")] }) };
  for (const id of ["a", "b", "c"] as const) {
    routes[`GET /v1/jobs/${id}`] = () => job(id);
    routes[`GET /v1/jobs/${id}/artifacts`] = ({ query }) => {
      const ordinal = Number(query.get("ordinal_from"));
      return { items: [artifactOf({ ordinal, url: `http://farm.test${file(id, ordinal)}` })] };
    };
    for (const ordinal of FRAMES) {
      const path = file(id, ordinal);
      routes[`GET ${path}`] = () => (path === held ? isReleased.then(() => LEVELS[id]) : LEVELS[id]);
    }
  }
  const asked = await answeringFarm(routes);
  return { asked, release };
}

/** A picture of one pixel: its file is the level of it. jsdom decodes none. */
class OnePixel {
  private level = 0;
  getContext() {
    return {
      drawImage: ({ level }: { level: number }) => (this.level = level),
      getImageData: () => ({ data: new Uint8ClampedArray(4).fill(this.level) }),
    };
  }
}

beforeEach(() => {
  vi.stubGlobal("OffscreenCanvas", OnePixel);
  vi.stubGlobal("createImageBitmap", async (picture: Blob) => ({
    width: 1,
    height: 1,
    level: Number(await picture.text()),
    close: () => undefined,
  }));
});
afterEach(() => vi.unstubAllGlobals());

it("another job's name and figures are shown once its picture is there, not over the picture before", async () => {
  const { asked, release } = await threeJobs(file("c", 0));
  goTo(`${PAGE}?with=b`);
  renderInApp(<Compare job={job("a")} />);
  expect(await screen.findByText("B: Harbour v2")).toBeVisible();
  expect(screen.getAllByText("10 of 255")).toHaveLength(2);
  act(() => goTo(`${PAGE}?with=c`));
  await waitFor(() => expect(asked.some(({ path }) => path === file("c", 0))).toBe(true));
  expect(screen.getByRole("status", { name: "Loading" })).toBeInTheDocument();
  expect(screen.queryByText("B: Harbour v2")).toBeNull();
  expect(screen.queryByText("B: Harbour v1")).toBeNull();
  expect(screen.queryByText("PSNR")).toBeNull();
  release();
  expect(await screen.findByText("B: Harbour v1")).toBeVisible();
  expect(screen.getAllByText("30 of 255")).toHaveLength(2);
});

it("no figures are told between one frame of A and another frame of B", async () => {
  const { asked, release } = await threeJobs(file("b", 1));
  goTo(`${PAGE}?with=b`);
  renderInApp(<Compare job={job("a")} />);
  await screen.findByText("PSNR");
  act(() => goTo(`${PAGE}?with=b&at=2`));
  await waitFor(() => expect(asked.some(({ path }) => path === file("b", 1))).toBe(true));
  expect(screen.queryByText("PSNR")).toBeNull();
  expect(screen.queryByText("A: Harbour v3")).toBeNull();
  release();
  expect(await screen.findByText("PSNR")).toBeVisible();
});

it("an output of a job that is not compared loads no picture again; one of a job that is does", async () => {
  const { asked } = await threeJobs();
  goTo(`${PAGE}?with=b`);
  const { queries } = renderInApp(<Compare job={job("a")} />);
  await screen.findByText("PSNR");
  const outputOf = (id: Id): FarmEvent => {
    return { id: "1-1", kind: "output.ready", project: "film", job: id, model: null, seq: 1, at: "", data: {} };
  };
  const times = (id: Id) => asked.filter(({ path }) => path === file(id, 0)).length;
  applyEvent(queries, outputOf("c"));
  applyEvent(queries, outputOf("b"));
  await waitFor(() => expect(times("b")).toBe(2));
  expect(times("a")).toBe(1);
});
