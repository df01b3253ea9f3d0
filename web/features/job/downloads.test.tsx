import { fireEvent, screen, waitFor } from "@testing-library/react";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { Film } from "@/features/player/film";
import { artifactOf } from "@/features/player/artifact.fixture";
import type { Schemas } from "@/shared/api/client";
import { answeringFarm } from "@/tests/answering-farm";
import { loadedLinks } from "@/tests/loaded-links";
import { goTo } from "@/tests/navigation";
import { renderInApp } from "@/tests/render";
import { FrameFiles } from "./frame-files";
import { jobWith } from "./job.fixture";
import { OutputsTab } from "./outputs-tab";

vi.mock("next/navigation", () => import("@/tests/navigation"));

beforeEach(() => {
  goTo("/projects/film/jobs/a/");
  vi.spyOn(HTMLMediaElement.prototype, "canPlayType").mockReturnValue("");
});
afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
});

const JOB = jobWith({ id: "a" });
const FRAME = { frame: 5, ordinal: 4, state: "committed" } as Schemas["FrameView"];
const at = (signature: string) => `http://farm.test/v1/files/film.mp4?signature=${signature}`;

it.each([
  ["list of outputs", <OutputsTab key="outputs" job={JOB} />],
  ["files of a frame", <FrameFiles key="frame" job={JOB} view={FRAME} />],
  ["film that the browser cannot play", <Film key="film" job={JOB} />],
])("%s: a file is downloaded by a link of the moment, however old the page's is", async (_, page) => {
  const file = artifactOf({ id: "f1", kind: "video", media_type: "video/mp4", name: "film.mp4" });
  await answeringFarm({
    "GET /v1/jobs/a/artifacts": () => ({ items: [{ ...file, url: at("ended") }] }),
    "GET /v1/artifacts/f1": () => ({ ...file, url: at("new") }),
  });
  const links = loadedLinks();
  renderInApp(page);
  fireEvent.click(await screen.findByRole("link", { name: "Download film.mp4" }));
  await waitFor(() => expect(links).toEqual(["/v1/files/film.mp4?signature=new as film.mp4"]));
});
