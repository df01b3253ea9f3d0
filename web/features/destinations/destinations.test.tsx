import { screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { answeringFarm, Raw } from "@/tests/answering-farm";
import { goTo } from "@/tests/navigation";
import { renderInApp } from "@/tests/render";
import { DestinationsPage } from "./destinations-page";

vi.mock("next/navigation", () => import("@/tests/navigation"));

const LIST = "/v1/projects/film/destinations";
const DESTINATION = {
  id: "b1",
  name: "vault",
  bucket: "studio",
  prefix: "renders/",
  region: "eu-west-1",
  endpoint_url: null,
  access_key_id: "AKIAEXAMPLE",
  is_default: false,
  failing_since: null,
  next_attempt_at: null,
  error: null,
  created_at: "2026-01-01T00:00:00Z",
};
const page = (...items: unknown[]) => ({ items, next_cursor: null });

beforeEach(() => goTo("/projects/film/destinations/"));
afterEach(() => vi.unstubAllGlobals());

async function pick(action: string) {
  const user = userEvent.setup();
  await user.click(await screen.findByRole("button", { name: "Actions of vault" }));
  await user.click(await screen.findByRole("menuitem", { name: action }));
  return user;
}

describe("the destinations of a project", () => {
  it("send a new one's key once, and say at the field what the farm refuses", async () => {
    const refused = { code: "invalid-input", detail: "No such bucket.", remedy: "Make it first.", field: "bucket" };
    const asked = await answeringFarm({ [`GET ${LIST}`]: () => page(), [`POST ${LIST}`]: () => new Raw(422, refused) });
    const user = userEvent.setup();
    renderInApp(<DestinationsPage />);
    await user.click(await screen.findByRole("button", { name: "New destination" }));
    const dialog = await screen.findByRole("dialog");
    await user.type(within(dialog).getByRole("textbox", { name: "Name" }), "vault");
    const bucket = within(dialog).getByRole("textbox", { name: "Bucket" });
    await user.type(bucket, " studio ");
    await user.type(within(dialog).getByRole("textbox", { name: "Access key ID" }), "AKIAEXAMPLE");
    await user.type(within(dialog).getByLabelText(/^Secret access key/), "hidden");
    await user.click(within(dialog).getByRole("button", { name: "New destination" }));

    await waitFor(() => expect(bucket).toHaveAccessibleDescription(/No such bucket\. Make it first\./));
    const sent = asked.find(({ method }) => method === "POST");
    expect(sent?.body).toMatchObject({ bucket: "studio", endpoint_url: null, secret_access_key: "hidden" });
  });

  it("say since when one fails, and why", async () => {
    const failing = { ...DESTINATION, failing_since: "2026-01-02T00:00:00Z", error: "AccessDenied: PutObject" };
    await answeringFarm({ [`GET ${LIST}`]: () => page(failing) });
    renderInApp(<DestinationsPage />);
    expect(await screen.findByText("Failing")).toBeVisible();
    expect(screen.getByText("AccessDenied: PutObject")).toBeVisible();
    expect(screen.queryByText("No failure")).not.toBeInTheDocument();
  });

  it("are tested, and say that what was written stays where the key may not delete it", async () => {
    await answeringFarm({
      [`GET ${LIST}`]: () => page(DESTINATION),
      [`POST ${LIST}/b1:test`]: () => ({ key: "renders/test.txt", deleted: false }),
    });
    const user = userEvent.setup();
    renderInApp(<DestinationsPage />);
    await user.click(await screen.findByRole("button", { name: "Test vault" }));
    expect(await screen.findByText(/renders\/test\.txt was written\. The key may not delete it/)).toBeVisible();
  });

  it("are changed only as the version that was looked at", async () => {
    const asked = await answeringFarm({
      [`GET ${LIST}`]: () => page(DESTINATION),
      [`GET ${LIST}/b1`]: () => new Raw(200, DESTINATION, { ETag: '"v1"' }),
      [`PATCH ${LIST}/b1`]: () => new Raw(412, { code: "changed-meanwhile", detail: "Somebody was faster." }),
    });
    renderInApp(<DestinationsPage />);
    const user = await pick("Edit");
    await user.click(within(await screen.findByRole("dialog")).getByRole("button", { name: "Save" }));

    expect(await screen.findByText("Somebody was faster.")).toBeVisible();
    expect(asked.find(({ method }) => method === "PATCH")?.headers.get("If-Match")).toBe('"v1"');
  });

  it("are deleted after a question that says what stays", async () => {
    const asked = await answeringFarm({
      [`GET ${LIST}`]: () => page(DESTINATION),
      [`DELETE ${LIST}/b1`]: () => new Raw(204),
    });
    renderInApp(<DestinationsPage />);
    const user = await pick("Delete");
    const dialog = await screen.findByRole("dialog");
    expect(dialog).toHaveTextContent("What is in the bucket stays.");
    expect(asked.some(({ method }) => method === "DELETE")).toBe(false);
    await user.click(within(dialog).getByRole("button", { name: "Delete" }));
    await waitFor(() => expect(asked.some(({ method }) => method === "DELETE")).toBe(true));
  });
});
