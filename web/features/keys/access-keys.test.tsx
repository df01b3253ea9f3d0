import { screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { afterEach, describe, expect, it, vi } from "vitest";
import { answeringFarm, Raw } from "@/tests/answering-farm";
import { renderInApp } from "@/tests/render";
import { AccessKeys } from "./access-keys";

const KEY = {
  id: "k1",
  name: "farm box",
  prefix: "rf_abc",
  role: "artist",
  service_account: null,
  scopes: [],
  created_by: "ada@example.org",
  created_at: "2026-01-01T00:00:00Z",
  expires_at: null,
  last_used_at: null,
};
const page = (...items: unknown[]) => ({ items, next_cursor: null });

afterEach(() => vi.unstubAllGlobals());

describe("API keys of a project", () => {
  it("shows the secret of a new key once, and it is gone from the page after that", async () => {
    const asked = await answeringFarm({
      "GET /v1/keys": () => page(),
      "GET /v1/projects/film/service-accounts": () => page(),
      "POST /v1/keys": () => new Raw(201, { ...KEY, key: "rf_the-secret" }),
    });
    const user = userEvent.setup();
    renderInApp(<AccessKeys scope={{ project: "film" }} />);
    await screen.findByText("There is no key yet");

    await user.click(screen.getByRole("button", { name: "New key" }));
    const dialog = await screen.findByRole("dialog");
    await user.type(within(dialog).getByRole("textbox", { name: "Name" }), "farm box");
    await user.click(within(dialog).getByRole("radio", { name: "Viewer" }));
    await user.click(within(dialog).getByRole("button", { name: "New key" }));

    expect(await screen.findByDisplayValue("rf_the-secret")).toBeVisible();
    const made = asked.find(({ method }) => method === "POST");
    expect(made?.body).toMatchObject({ name: "farm box", role: "viewer", scopes: [] });
    expect(made?.headers.get("X-Rayfarm-Project")).toBe("film");

    await user.click(screen.getByRole("button", { name: "I have kept it" }));
    await waitFor(() => expect(screen.queryByDisplayValue("rf_the-secret")).not.toBeInTheDocument());
    expect(document.body.innerHTML).not.toContain("rf_the-secret");
  });

  it("revokes a key only after it was asked about", async () => {
    const asked = await answeringFarm({
      "GET /v1/keys": () => page(KEY),
      "GET /v1/projects/film/service-accounts": () => page(),
      "DELETE /v1/keys/k1": () => new Raw(204),
    });
    const user = userEvent.setup();
    renderInApp(<AccessKeys scope={{ project: "film" }} />);

    await user.click(await screen.findByRole("button", { name: "Revoke the key farm box" }));
    const dialog = await screen.findByRole("dialog");
    expect(asked.some(({ method }) => method === "DELETE")).toBe(false);
    await user.click(within(dialog).getByRole("button", { name: "Revoke" }));
    await waitFor(() => expect(asked.some(({ method }) => method === "DELETE")).toBe(true));
  });

  it("says at the field what the farm refuses of it, and keeps what was typed", async () => {
    const refused = {
      code: "invalid-input",
      detail: "name: Too long.",
      errors: [{ field: "name", message: "Too long." }],
    };
    await answeringFarm({
      "GET /v1/keys": () => page(),
      "GET /v1/projects/film/service-accounts": () => page(),
      "POST /v1/keys": () => new Raw(422, refused),
    });
    const user = userEvent.setup();
    renderInApp(<AccessKeys scope={{ project: "film" }} />);

    await user.click(await screen.findByRole("button", { name: "New key" }));
    const dialog = await screen.findByRole("dialog");
    const field = within(dialog).getByRole("textbox", { name: "Name" });
    await user.type(field, "a name");
    await user.click(within(dialog).getByRole("button", { name: "New key" }));

    await waitFor(() => expect(field).toBeInvalid());
    expect(field).toHaveAccessibleDescription(/Too long\./);
    expect(field).toHaveValue("a name");
  });

  it("makes a key of a service account with the role of that account, and no other to choose", async () => {
    const service = {
      id: "s1",
      name: "builder",
      email: "builder@services",
      role: "artist",
      created_at: "2026-01-01T00:00:00Z",
      disabled_at: null,
    };
    const asked = await answeringFarm({
      "GET /v1/keys": () => page(),
      "GET /v1/projects/film/service-accounts": () => page(service),
      "POST /v1/projects/film/service-accounts/s1/keys": () => new Raw(201, { ...KEY, key: "rf_of-the-builder" }),
    });
    const user = userEvent.setup();
    renderInApp(<AccessKeys scope={{ project: "film" }} />);

    await user.click(await screen.findByRole("button", { name: "New key of builder" }));
    const dialog = await screen.findByRole("dialog");
    expect(within(dialog).queryByRole("radio")).not.toBeInTheDocument();
    await user.type(within(dialog).getByRole("textbox", { name: "Name" }), "one");
    await user.click(within(dialog).getByRole("button", { name: "New key" }));

    expect(await screen.findByDisplayValue("rf_of-the-builder")).toBeVisible();
    expect(asked.find(({ method }) => method === "POST")?.body).not.toHaveProperty("role");
  });
});

describe("keys of the farm", () => {
  it("are read and made at the farm's own routes, with the farm's roles", async () => {
    const asked = await answeringFarm({
      "GET /v1/farm/keys": () => page({ ...KEY, role: "admin" }),
      "GET /v1/farm/service-accounts": () => page(),
    });
    const user = userEvent.setup();
    renderInApp(<AccessKeys scope="farm" />);
    await screen.findByText("farm box");
    await user.click(screen.getByRole("button", { name: "New key" }));
    const roles = within(await screen.findByRole("dialog")).getAllByRole("radio");
    expect(roles.map((role) => (role as HTMLInputElement).value)).toEqual(["operator", "admin"]);
    expect(asked.map(({ path }) => path)).not.toContain("/v1/keys");
  });
});
