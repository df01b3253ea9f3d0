import { screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { answeringFarm } from "@/tests/answering-farm";
import { goTo } from "@/tests/navigation";
import { renderInApp } from "@/tests/render";
import { AuditLog } from "./audit-log";

vi.mock("next/navigation", () => import("@/tests/navigation"));

const LIST = "GET /v1/projects/film/audit";
const ENTRY = {
  id: 7,
  at: "2026-01-01T10:00:00Z",
  actor_kind: "account",
  actor_id: "a1",
  actor_name: "ada@example.org",
  actor_role: "manager",
  address: "192.0.2.7",
  user_agent: null,
  request_id: "req-1",
  action: "member.change",
  resource_type: "member",
  resource_id: "bob@example.org",
  project_id: "p1",
  before: { role: "viewer", name: "Bob" },
  after: { role: "artist", name: "Bob" },
  seq: 7,
  sha256: "00ff",
};

beforeEach(() => goTo("/projects/film/audit/"));
afterEach(() => vi.unstubAllGlobals());

describe("the audit log", () => {
  it("asks for what the address narrows it to, with the last day in full", async () => {
    goTo("/projects/film/audit/?actor=ada%40example.org&since=2026-01-01&until=2026-01-02");
    const asked = await answeringFarm({ [LIST]: () => ({ items: [ENTRY], next_cursor: null }) });
    renderInApp(<AuditLog scope={{ project: "film" }} />);
    await screen.findByText("member.change", { selector: "code" });

    const query = asked.find(({ path }) => path.endsWith("/audit"))?.query;
    expect(query?.get("actor")).toBe("ada@example.org");
    expect(query?.get("since")).toBe(new Date("2026-01-01T00:00:00").toISOString());
    expect(query?.get("until")).toBe(new Date("2026-01-03T00:00:00").toISOString());
    expect(screen.getByRole("textbox", { name: "Who" })).toHaveValue("ada@example.org");
  });

  it("writes what is typed into the address, so that a link shows the same", async () => {
    await answeringFarm({ [LIST]: () => ({ items: [ENTRY], next_cursor: null }) });
    const user = userEvent.setup();
    renderInApp(<AuditLog scope={{ project: "film" }} />);
    await screen.findByText("member.change", { selector: "code" });

    await user.type(screen.getByRole("textbox", { name: "Kind of thing" }), "key");
    await waitFor(() => expect(window.location.search).toBe("?resource_type=key"));
    await user.click(screen.getByRole("button", { name: "Clear the filters" }));
    await waitFor(() => expect(window.location.search).toBe(""));
    expect(screen.getByRole("textbox", { name: "Kind of thing" })).toHaveValue("");
  });

  it("opens an entry to what changed, and leaves out what stayed", async () => {
    await answeringFarm({ [LIST]: () => ({ items: [ENTRY], next_cursor: null }) });
    const user = userEvent.setup();
    renderInApp(<AuditLog scope={{ project: "film" }} />);

    await user.click(await screen.findByRole("button", { name: "Details of member.change bob@example.org" }));
    const changes = screen.getByRole("table", { name: "Changes" });
    const rows = within(changes).getAllByRole("row").slice(1);
    expect(rows).toHaveLength(1);
    expect(rows[0]).toHaveTextContent(/role.*viewer.*artist/);
    expect(screen.getByText("192.0.2.7")).toBeVisible();
  });

  it("goes on with the next page where it is asked to", async () => {
    const older = { ...ENTRY, id: 6, action: "key.create" };
    await answeringFarm({
      [LIST]: ({ query }) =>
        query.get("cursor") === "next"
          ? { items: [older], next_cursor: null }
          : { items: [ENTRY], next_cursor: "next" },
    });
    const user = userEvent.setup();
    renderInApp(<AuditLog scope={{ project: "film" }} />);
    await user.click(await screen.findByRole("button", { name: "Load more" }));
    await screen.findByText("key.create", { selector: "code" });
    expect(screen.getByText("member.change", { selector: "code" })).toBeVisible();
    expect(screen.queryByRole("button", { name: "Load more" })).not.toBeInTheDocument();
  });
});
