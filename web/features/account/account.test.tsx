import { screen, waitFor } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { answeringFarm, meWith, Raw } from "@/tests/answering-farm";
import { goTo } from "@/tests/navigation";
import { renderInApp } from "@/tests/render";
import { AccountPage } from "./account-page";

vi.mock("next/navigation", () => import("@/tests/navigation"));

const NOTICES = { email: ["job.failed"], address: "ada@example.org", available: true, error: null };

beforeEach(() => goTo("/me/"));
afterEach(() => vi.unstubAllGlobals());

describe("one's own account", () => {
  it("keeps the notices that were chosen before when another is chosen", async () => {
    const asked = await answeringFarm({
      "GET /v1/me": () => meWith("self", "project:read"),
      "GET /v1/auth/methods": () => ({ password: true, single_sign_on: null }),
      "GET /v1/me/notices": () => new Raw(200, NOTICES, { ETag: '"n1"' }),
      "PATCH /v1/me/notices": () => NOTICES,
    });
    const user = userEvent.setup();
    renderInApp(<AccountPage />);
    expect(await screen.findByRole("checkbox", { name: "A job of mine failed" })).toBeChecked();
    await user.click(screen.getByRole("checkbox", { name: "A job of mine is done" }));
    await waitFor(() => expect(asked.some(({ method }) => method === "PATCH")).toBe(true));
    const patch = asked.find(({ method }) => method === "PATCH");
    expect(patch?.body).toEqual({ email: ["job.failed", "job.succeeded"] });
    expect(patch?.headers.get("If-Match")).toBe('"n1"');
  });

  it("sends no password that was not typed twice alike", async () => {
    const asked = await answeringFarm({
      "GET /v1/me": () => meWith("self"),
      "GET /v1/auth/methods": () => ({ password: true, single_sign_on: null }),
      "GET /v1/me/notices": () => NOTICES,
    });
    const user = userEvent.setup();
    renderInApp(<AccountPage />);
    await user.type(await screen.findByLabelText(/^Password that you have/), "old");
    await user.type(screen.getByLabelText(/^New password \*?$/), "new");
    await user.type(screen.getByLabelText(/^New password again/), "nev");
    await user.click(screen.getByRole("button", { name: "Change password" }));
    expect(await screen.findByText("The two are not the same.")).toBeVisible();
    expect(asked.some(({ method }) => method === "PUT")).toBe(false);
  });

  it("has neither password nor notices where one is signed in with a key", async () => {
    await answeringFarm({
      "GET /v1/me": () => ({ ...meWith("self", "project:read"), kind: "key", email: null }),
      "GET /v1/auth/methods": () => ({ password: true, single_sign_on: null }),
    });
    renderInApp(<AccountPage />);
    expect(await screen.findByText(/signed in with an API key/)).toBeVisible();
    expect(screen.queryByRole("button", { name: "Change password" })).not.toBeInTheDocument();
    expect(screen.queryByRole("checkbox")).not.toBeInTheDocument();
  });
});
