import { screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { afterEach, expect, it, vi } from "vitest";
import { answeringFarm } from "@/tests/answering-farm";
import { renderInApp } from "@/tests/render";
import { BlocklistsPage } from "./blocklists-page";

vi.mock("next/navigation", () => ({
  usePathname: () => "/farm/blocklists/",
  useRouter: () => ({ replace: vi.fn() }),
  useSearchParams: () => new URLSearchParams(),
}));

const BLOCK = {
  project: "film",
  job: "j1",
  job_name: "shot 010",
  node: "gpu-07",
  pipeline: "cycles",
  failures: 3,
  blocked: true,
  blocked_at: "2026-01-01T00:00:00Z",
};

afterEach(() => vi.unstubAllGlobals());

it("forgetting a machine's failures goes on until no job is left, after it was asked about", async () => {
  let left = 2;
  const asked = await answeringFarm({
    "GET /v1/blocklists": () => ({ items: [BLOCK], next_cursor: null }),
    "POST /v1/blocklists/reset": () => ({ jobs: 200, more: --left > 0 }),
  });
  const user = userEvent.setup();
  renderInApp(<BlocklistsPage />);
  await user.click(await screen.findByRole("button", { name: "Forget the failures of gpu-07" }));
  const dialog = await screen.findByRole("dialog");
  expect(within(dialog).getByRole("button", { name: "Close" })).toBeVisible();
  expect(asked.filter(({ method }) => method === "POST")).toEqual([]);
  await user.click(within(dialog).getByRole("button", { name: "Forget failures" }));
  expect(await screen.findByText("400 jobs may use gpu-07 again.")).toBeInTheDocument();
  await waitFor(() => expect(asked.filter(({ method }) => method === "POST")).toHaveLength(2));
  expect(asked.find(({ method }) => method === "POST")?.body).toEqual({ node: "gpu-07" });
});

it("says that there may be more where as many came as were asked for", async () => {
  const blocks = Array.from({ length: 500 }, (_, index) => ({ ...BLOCK, job: `j${index}` }));
  await answeringFarm({
    "GET /v1/blocklists": ({ query }) => ({ items: blocks.slice(0, Number(query.get("limit"))) }),
  });
  renderInApp(<BlocklistsPage />);
  expect(await screen.findByText(/^The first 500 are shown/)).toBeInTheDocument();
});
