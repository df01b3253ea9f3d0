import { fireEvent, screen, waitFor } from "@testing-library/react";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { answeringFarm } from "@/tests/answering-farm";
import { goTo } from "@/tests/navigation";
import { renderInApp } from "@/tests/render";
import { jobWith } from "./job.fixture";
import { useArchive } from "./use-archive";

vi.mock("next/navigation", () => import("@/tests/navigation"));

beforeEach(() => goTo("/projects/film/jobs/"));
afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
});

function Archive() {
  const archive = useArchive(jobWith());
  return <button onClick={() => void archive.download()}>zip</button>;
}

it("the zip is loaded as a download, so that the page stays where the link fails", async () => {
  await answeringFarm({
    [`GET /v1/jobs/${jobWith().id}/archive/link`]: () => ({
      url: "https://farm.example/v1/archives/token",
      expires_at: "2026-01-01T00:00:00Z",
    }),
  });
  const clicked: HTMLAnchorElement[] = [];
  vi.spyOn(HTMLAnchorElement.prototype, "click").mockImplementation(function (this: HTMLAnchorElement) {
    clicked.push(this);
  });
  renderInApp(<Archive />);
  fireEvent.click(screen.getByRole("button", { name: "zip" }));
  await waitFor(() => expect(clicked).toHaveLength(1));
  expect(clicked[0]!.getAttribute("href")).toBe("/v1/archives/token");
  expect(clicked[0]!.hasAttribute("download")).toBe(true);
});
