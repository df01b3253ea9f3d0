import { screen, waitFor } from "@testing-library/react";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { restoreSession } from "@/shared/session/session";
import { renderInApp } from "@/tests/render";
import { ModelsPage } from "../models-page";

vi.mock("next/navigation", () => ({
  usePathname: () => "/projects/default/models/",
  useSearchParams: () => new URLSearchParams("kind=blender"),
  useRouter: () => ({ replace: vi.fn(), push: vi.fn() }),
}));

const asked: URL[] = [];
let permissions: string[];

beforeEach(async () => {
  asked.length = 0;
  permissions = ["self", "project:read", "project:render"];
  sessionStorage.setItem("rayfarm.key", "rf_test");
  await restoreSession();
  vi.stubGlobal("fetch", async (input: Request) => {
    const url = new URL(input.url);
    asked.push(url);
    if (url.pathname === "/v1/me") return Response.json({ permissions });
    if (url.pathname !== "/v1/models") return Response.json({ items: [], next_cursor: null });
    const number = url.searchParams.get("cursor") === "next" ? 2 : 1;
    return Response.json({ items: [modelOf(number)], next_cursor: number === 1 ? "next" : null });
  });
});
afterEach(() => vi.unstubAllGlobals());

function modelOf(number: number) {
  const at = "2026-01-01T00:00:00Z";
  return {
    id: `m${number}`,
    name: `shot ${number}`,
    kind: "blender",
    digest: "0".repeat(64),
    state: "ready",
    created_at: at,
  };
}

it("lists models by what the address says, and the next page when it is asked for", async () => {
  renderInApp(<ModelsPage />);
  const link = await screen.findByRole("link", { name: "shot 1" });
  expect(link.getAttribute("href")).toMatch(/^\/projects\/default\/models\/m1\/?$/);
  const [first] = asked.filter(({ pathname }) => pathname === "/v1/models");
  expect(first?.searchParams.get("cursor")).toBeNull();
  expect(first?.searchParams.getAll("kind")).toEqual(["blender"]);
  screen.getByRole("button", { name: "Load more" }).click();
  expect(await screen.findByRole("link", { name: "shot 2" })).toBeInTheDocument();
  await waitFor(() => expect(screen.queryByRole("button", { name: "Load more" })).toBeNull());
});

it("offers an upload to who may render, and to nobody else", async () => {
  renderInApp(<ModelsPage />);
  expect(await screen.findByRole("button", { name: "Upload a scene" })).toBeInTheDocument();
});

it("offers no upload to who may only look", async () => {
  permissions = ["self", "project:read"];
  renderInApp(<ModelsPage />);
  await screen.findByRole("link", { name: "shot 1" });
  expect(screen.queryByRole("button", { name: "Upload a scene" })).toBeNull();
});
