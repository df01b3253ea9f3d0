import { screen, waitFor } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { afterEach, expect, it, vi } from "vitest";
import { answeringFarm, Raw } from "@/tests/answering-farm";
import { renderInApp } from "@/tests/render";
import { GeneralSection } from "./general-section";

const PROJECT = { id: "p1", slug: "film", name: "Film", weight: 100, created_at: "2026-01-01T00:00:00Z" };

afterEach(() => vi.unstubAllGlobals());

it("where somebody was faster nothing is lost: the refusal is shown, and what they made of it", async () => {
  let seen = new Raw(200, PROJECT, { ETag: '"v1"' });
  const asked = await answeringFarm({
    "GET /v1/projects/film": () => seen,
    "PATCH /v1/projects/film": () => {
      seen = new Raw(200, { ...PROJECT, weight: 300 }, { ETag: '"v2"' });
      return new Raw(412, {
        code: "precondition-failed",
        detail: "It was changed meanwhile.",
        remedy: "Read it again.",
      });
    },
  });
  const user = userEvent.setup();
  renderInApp(<GeneralSection slug="film" />);
  await user.type(await screen.findByRole("textbox", { name: /^Name/ }), "!");
  await user.click(screen.getByRole("button", { name: "Save" }));
  await waitFor(() => expect(screen.getByRole("textbox", { name: /^Weight/ })).toHaveValue("300"));
  expect(asked.find(({ method }) => method === "PATCH")?.headers.get("If-Match")).toBe('"v1"');
  expect(await screen.findByText("It was changed meanwhile.")).toBeVisible();
});
