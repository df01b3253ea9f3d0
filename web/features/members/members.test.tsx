import { screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { answeringFarm, Raw } from "@/tests/answering-farm";
import { goTo } from "@/tests/navigation";
import { renderInApp } from "@/tests/render";
import { MembersPage } from "./members-page";
import { invitationLink } from "./use-members";

vi.mock("next/navigation", () => import("@/tests/navigation"));

const page = (...items: unknown[]) => ({ items, next_cursor: null });
const BOB = { account: "b1", kind: "person", email: "bob@example.org", name: "Bob", role: "viewer" };

beforeEach(() => goTo("/projects/film/members/"));
afterEach(() => vi.unstubAllGlobals());

describe("the members of a project", () => {
  it("are invited by a link that is shown once, with the token where no server sees it", async () => {
    await answeringFarm({
      "GET /v1/projects/film/members": () => page(),
      "GET /v1/projects/film/invitations": () => page(),
      "POST /v1/projects/film/invitations": () =>
        new Raw(201, { id: "i1", email: "eve@example.org", role: "artist", token: "tok+1" }),
    });
    const user = userEvent.setup();
    renderInApp(<MembersPage />);
    await user.click(await screen.findByRole("button", { name: "Invite" }));
    const dialog = await screen.findByRole("dialog");
    await user.type(within(dialog).getByRole("textbox", { name: "E-mail address" }), "eve@example.org");
    await user.click(within(dialog).getByRole("button", { name: "Invite" }));

    const link = invitationLink("tok+1", window.location.origin);
    expect(new URL(link).hash).toBe("#tok%2B1");
    expect(await screen.findByDisplayValue(link)).toBeVisible();
    await user.click(screen.getByRole("button", { name: "I have kept it" }));
    await waitFor(() => expect(document.body.innerHTML).not.toContain("tok%2B1"));
  });

  it("have their role changed as the version that was looked at, and a refusal stays in the dialog", async () => {
    const asked = await answeringFarm({
      "GET /v1/projects/film/members": () => page(BOB),
      "GET /v1/projects/film/invitations": () => page(),
      "GET /v1/projects/film/members/b1": () => new Raw(200, BOB, { ETag: '"m1"' }),
      "PUT /v1/projects/film/members/b1": () => new Raw(403, { code: "forbidden", detail: "Not over a manager." }),
    });
    const user = userEvent.setup();
    renderInApp(<MembersPage />);
    await user.click(await screen.findByRole("button", { name: "Change role of Bob" }));
    await waitFor(() => expect(asked.some(({ path }) => path.endsWith("/members/b1"))).toBe(true));
    const dialog = await screen.findByRole("dialog");
    await user.click(within(dialog).getByRole("radio", { name: "Manager" }));
    await user.click(within(dialog).getByRole("button", { name: "Save" }));

    expect(await within(dialog).findByText("Not over a manager.")).toBeVisible();
    const put = asked.find(({ method }) => method === "PUT");
    expect(put?.body).toEqual({ role: "manager" });
    expect(put?.headers.get("If-Match")).toBe('"m1"');
  });
});
