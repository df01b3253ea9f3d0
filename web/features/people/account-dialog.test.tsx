import { screen, waitFor } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { afterEach, expect, it, vi } from "vitest";
import { answeringFarm, Raw } from "@/tests/answering-farm";
import { renderInApp } from "@/tests/render";
import { AccountDialog } from "./account-dialog";

const ACCOUNT = {
  id: "a1",
  kind: "person",
  project_id: null,
  email: "ada@example.org",
  name: "Ada",
  farm_role: "operator",
  created_at: "2026-01-01T00:00:00Z",
  disabled_at: null,
};

afterEach(() => vi.unstubAllGlobals());

async function changing(act: (user: ReturnType<typeof userEvent.setup>) => Promise<void>) {
  const asked = await answeringFarm({
    "GET /v1/accounts/a1": () => new Raw(200, ACCOUNT, { ETag: '"v7"' }),
    "PATCH /v1/accounts/a1": () => ACCOUNT,
  });
  const user = userEvent.setup();
  renderInApp(<AccountDialog id="a1" onClose={() => undefined} />);
  await screen.findByRole("radio", { name: "Operator" });
  await act(user);
  await user.click(screen.getByRole("button", { name: "Save" }));
  await waitFor(() => expect(asked.some(({ method }) => method === "PATCH")).toBe(true));
  return asked.find(({ method }) => method === "PATCH");
}

it("a role that is taken away is sent as none, upon the version that was seen", async () => {
  const sent = await changing((user) => user.click(screen.getByRole("radio", { name: "None" })));
  expect(sent?.body).toEqual({ name: "Ada", farm_role: null });
  expect(sent?.headers.get("If-Match")).toBe('"v7"');
});

it("a role that stays is not sent, since to give it again asks for all its rights", async () => {
  const sent = await changing((user) => user.type(screen.getByRole("textbox", { name: /Name/ }), " L."));
  expect(sent?.body).toEqual({ name: "Ada L." });
});
