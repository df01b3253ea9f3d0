import { fireEvent, screen, waitFor } from "@testing-library/react";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { answeringFarm, Raw } from "@/tests/answering-farm";
import { loadedLinks } from "@/tests/loaded-links";
import { goTo } from "@/tests/navigation";
import { renderInApp } from "@/tests/render";
import { DownloadButton } from "./download-button";

vi.mock("next/navigation", () => import("@/tests/navigation"));

beforeEach(() => goTo("/projects/film/jobs/"));
afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
});

const at = (signature: string) => `http://farm.test/v1/files/light.exr?signature=${signature}`;

it("a file whose link on the page has ended is downloaded by a new one, and the page stays", async () => {
  await answeringFarm({ "GET /v1/artifacts/a1": () => ({ id: "a1", name: "light.exr", url: at("new") }) });
  const links = loadedLinks();
  renderInApp(<DownloadButton id="a1" name="light.exr" url={at("ended")} />);
  fireEvent.click(screen.getByRole("link", { name: "Download" }));
  await waitFor(() => expect(links).toEqual(["/v1/files/light.exr?signature=new as light.exr"]));
});

it("a file that is gone is said to be, and nothing is loaded", async () => {
  await answeringFarm({ "GET /v1/artifacts/a1": () => new Raw(410, { code: "expired", detail: "It has expired." }) });
  const links = loadedLinks();
  renderInApp(<DownloadButton id="a1" name="light.exr" url={at("ended")} />);
  fireEvent.click(screen.getByRole("link", { name: "Download" }));
  expect(await screen.findByText("It has expired.")).toBeInTheDocument();
  expect(links).toEqual([]);
});
