import { fireEvent, screen, waitFor } from "@testing-library/react";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { answeringFarm, meWith, Raw } from "@/tests/answering-farm";
import { goTo } from "@/tests/navigation";
import { renderInApp } from "@/tests/render";
import { Start } from "./start";

vi.mock("next/navigation", () => import("@/tests/navigation"));

const FIRST_50 = Array.from({ length: 50 }, (_, index) => ({ slug: `a${index}` }));

beforeEach(() => {
  localStorage.clear();
  goTo("/");
});
afterEach(() => vi.unstubAllGlobals());

it("leads to the project that one worked in last, also where it is not among the first that are listed", async () => {
  localStorage.setItem("rayfarm.project", "zebra");
  await answeringFarm({
    "GET /v1/projects": () => ({ items: FIRST_50, next_cursor: "more" }),
    "GET /v1/projects/zebra": () => ({ slug: "zebra" }),
  });
  renderInApp(<Start />);
  await waitFor(() => expect(window.location.pathname).not.toBe("/"));
  expect(window.location.pathname).toBe("/projects/zebra/jobs/");
});

it("leads to the first project where one is no longer in the last", async () => {
  localStorage.setItem("rayfarm.project", "zebra");
  await answeringFarm({ "GET /v1/projects": () => ({ items: FIRST_50, next_cursor: "more" }) });
  renderInApp(<Start />);
  await waitFor(() => expect(window.location.pathname).toBe("/projects/a0/jobs/"));
});

it("tries again what failed: who one is too", async () => {
  let isAway = true;
  await answeringFarm({
    "GET /v1/me": () => (isAway ? new Raw(500, { detail: "The farm stumbled." }) : meWith("self")),
    "GET /v1/projects": () => ({ items: [{ slug: "film" }], next_cursor: null }),
  });
  renderInApp(<Start />);
  await screen.findByText("The farm stumbled.");
  isAway = false;
  fireEvent.click(screen.getByRole("button", { name: "Try again" }));
  await waitFor(() => expect(window.location.pathname).toBe("/projects/film/jobs/"));
});
