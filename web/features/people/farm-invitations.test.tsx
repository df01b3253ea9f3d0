import { screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { afterEach, expect, it, vi } from "vitest";
import { answeringFarm, Raw } from "@/tests/answering-farm";
import { renderInApp } from "@/tests/render";
import { FarmInvitations } from "./farm-invitations";
import { invitationLink } from "./invitation-link";

const INVITATION = {
  id: "i1",
  email: "ada@example.org",
  role: "operator",
  invited_by: "root@example.org",
  created_at: "2026-01-01T00:00:00Z",
  expires_at: "2026-01-08T00:00:00Z",
};

afterEach(() => vi.unstubAllGlobals());

it("the token of a link stands behind the #, where no server sees it", () => {
  expect(invitationLink("https://farm.example.org", "a+b")).toBe("https://farm.example.org/accept/#a%2Bb");
});

it("an invitation's link is shown once, and is gone from the page after that", async () => {
  const asked = await answeringFarm({
    "GET /v1/farm/invitations": () => ({ items: [], next_cursor: null }),
    "POST /v1/farm/invitations": () => new Raw(201, { ...INVITATION, token: "the-token" }),
  });
  const user = userEvent.setup();
  renderInApp(<FarmInvitations />);
  await user.click(await screen.findByRole("button", { name: /^Invite/ }));
  const dialog = await screen.findByRole("dialog");
  await user.type(within(dialog).getByRole("textbox", { name: /E-mail/ }), "ada@example.org");
  await user.click(within(dialog).getByRole("button", { name: "Invite" }));
  expect(await screen.findByDisplayValue(`${location.origin}/accept/#the-token`)).toBeVisible();
  expect(asked.find(({ method }) => method === "POST")?.body).toEqual({ email: "ada@example.org", role: "operator" });
  await user.click(screen.getByRole("button", { name: "I have kept it" }));
  await waitFor(() => expect(document.body.innerHTML).not.toContain("the-token"));
});

it("an open invitation can be withdrawn, and its link works no longer", async () => {
  const asked = await answeringFarm({
    "GET /v1/farm/invitations": () => ({ items: [INVITATION], next_cursor: null }),
    "DELETE /v1/farm/invitations/i1": () => new Raw(204),
  });
  const user = userEvent.setup();
  renderInApp(<FarmInvitations />);
  await user.click(await screen.findByRole("button", { name: "Withdraw the invitation of ada@example.org" }));
  const dialog = await screen.findByRole("dialog");
  await user.click(within(dialog).getByRole("button", { name: "Withdraw" }));
  await waitFor(() => expect(asked.some(({ method }) => method === "DELETE")).toBe(true));
});
