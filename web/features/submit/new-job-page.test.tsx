import { fireEvent, screen, waitFor } from "@testing-library/react";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { answeringFarm } from "@/tests/answering-farm";
import { goTo } from "@/tests/navigation";
import { renderInApp } from "@/tests/render";
import { NewJobPage } from "./new-job-page";

vi.mock("next/navigation", () => import("@/tests/navigation"));

const model = (id: string, name: string) => ({
  id,
  name,
  kind: "blender",
  digest: "sha256:0123456789",
  state: "ready",
  created_at: "2026-01-01T00:00:00Z",
  probe: null,
});
const ONE = model("m1", "armillary");
const OTHER = model("m2", "harbour");
const page = (...items: unknown[]) => ({ items, next_cursor: null });

beforeEach(() => {
  sessionStorage.clear();
  goTo("/projects/film/jobs/new/?model=m1");
});
afterEach(() => vi.unstubAllGlobals());

const nameField = () => screen.findByLabelText("Name");
const modelField = () => screen.getByRole("combobox", { name: /^Model/, hidden: true });

it("what is typed after another model was chosen outlasts a reload, since the address names that model", async () => {
  await answeringFarm({
    "GET /v1/models": () => page(ONE, OTHER),
    "GET /v1/models/m1": () => ONE,
    "GET /v1/models/m2": () => OTHER,
    "GET /v1/pipelines": () => page(),
    "GET /v1/projects/film/shows": () => page(),
    "GET /v1/projects/film/tags": () => page(),
  });
  const first = renderInApp(<NewJobPage />);
  fireEvent.change(await nameField(), { target: { value: "night shot" } });
  await waitFor(() => expect(modelField()).toHaveValue("armillary · 01234567"));
  fireEvent.click(modelField());
  fireEvent.click(await screen.findByText("harbour"));
  await waitFor(() => expect(window.location.search).toBe("?model=m2"));
  expect(await nameField()).toHaveValue("night shot");
  fireEvent.change(await nameField(), { target: { value: "night shot 2" } });

  first.unmount();
  renderInApp(<NewJobPage />);
  expect(await nameField()).toHaveValue("night shot 2");
  await waitFor(() => expect(modelField()).toHaveValue("harbour · 01234567"));
});
