import { screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { answeringFarm, Raw } from "@/tests/answering-farm";
import { goTo } from "@/tests/navigation";
import { renderInApp } from "@/tests/render";
import { WebhookPage } from "./webhook-page";
import { WebhooksPage } from "./webhooks-page";

vi.mock("next/navigation", () => import("@/tests/navigation"));

const LIST = "/v1/projects/film/webhooks";
const WEBHOOK = {
  id: "w1",
  url: "https://hooks.example.org/farm",
  format: "standard",
  description: "our tracker",
  kinds: ["job.state"],
  enabled: true,
  disabled_reason: null,
  disabled_at: null,
  failing_since: null,
  previous_secret_until: null,
  created_by: "ada@example.org",
  created_at: "2026-01-01T00:00:00Z",
};
const DELIVERY = {
  id: "d1",
  message_id: "msg_1",
  type: "job.state",
  state: "failed",
  job: "0198aaaa-0000",
  model: null,
  seq: 1,
  error: "Status 500",
  next_attempt_at: null,
  created_at: "2026-01-01T00:00:00Z",
  updated_at: "2026-01-01T00:00:00Z",
  attempts: [{ attempt: 1, at: "2026-01-01T00:00:00Z", duration_ms: 12, status: 500, answer: "it broke", error: null }],
};
const page = (...items: unknown[]) => ({ items, next_cursor: null });

afterEach(() => vi.unstubAllGlobals());

describe("the webhooks of a project", () => {
  beforeEach(() => goTo("/projects/film/webhooks/"));

  it("show the signing secret of a new one once", async () => {
    const asked = await answeringFarm({
      [`GET ${LIST}`]: () => page(),
      [`POST ${LIST}`]: () => new Raw(201, { ...WEBHOOK, secret: "whsec_once" }),
    });
    const user = userEvent.setup();
    renderInApp(<WebhooksPage />);
    await user.click(await screen.findByRole("button", { name: "New webhook" }));
    const dialog = await screen.findByRole("dialog");
    await user.type(within(dialog).getByRole("textbox", { name: "Address" }), "https://hooks.example.org/farm");
    await user.click(within(dialog).getByRole("button", { name: "New webhook" }));

    expect(await screen.findByDisplayValue("whsec_once")).toBeVisible();
    expect(asked.find(({ method }) => method === "POST")?.body).toMatchObject({ format: "standard", kinds: [] });
    await user.click(screen.getByRole("button", { name: "I have kept it" }));
    await waitFor(() => expect(document.body.innerHTML).not.toContain("whsec_once"));
  });

  it("say at the address why the farm does not post there", async () => {
    const refused = { code: "invalid-input", detail: "A private address.", remedy: "Take a public one.", field: "url" };
    await answeringFarm({ [`GET ${LIST}`]: () => page(), [`POST ${LIST}`]: () => new Raw(422, refused) });
    const user = userEvent.setup();
    renderInApp(<WebhooksPage />);
    await user.click(await screen.findByRole("button", { name: "New webhook" }));
    const dialog = await screen.findByRole("dialog");
    const field = within(dialog).getByRole("textbox", { name: "Address" });
    await user.type(field, "https://10.0.0.1/");
    await user.click(within(dialog).getByRole("button", { name: "New webhook" }));
    await waitFor(() => expect(field).toHaveAccessibleDescription(/A private address\. Take a public one\./));
  });
});

describe("one webhook", () => {
  beforeEach(() => goTo("/projects/film/webhooks/w1/?state=failed"));

  it("shows what the address asks for, each attempt with its answer, and posts one again", async () => {
    const asked = await answeringFarm({
      [`GET ${LIST}/w1`]: () => WEBHOOK,
      [`GET ${LIST}/w1/deliveries`]: () => page(DELIVERY),
      [`POST ${LIST}/w1/deliveries/d1:redeliver`]: () => new Raw(202, DELIVERY),
    });
    const user = userEvent.setup();
    renderInApp(<WebhookPage />);
    await user.click(await screen.findByRole("button", { name: /^Attempts of job\.state/ }));
    expect(screen.getByText("it broke")).toBeVisible();
    expect(asked.find(({ path }) => path.endsWith("/deliveries"))?.query.get("state")).toBe("failed");

    await user.click(screen.getByRole("button", { name: /^Post again: job\.state/ }));
    await waitFor(() => expect(asked.some(({ path }) => path.endsWith("d1:redeliver"))).toBe(true));
  });

  it("is changed only as the version that was looked at", async () => {
    const asked = await answeringFarm({
      [`GET ${LIST}/w1`]: () => new Raw(200, WEBHOOK, { ETag: '"v1"' }),
      [`GET ${LIST}/w1/deliveries`]: () => page(),
      [`PATCH ${LIST}/w1`]: () => new Raw(412, { code: "changed-meanwhile", detail: "Somebody was faster." }),
    });
    const user = userEvent.setup();
    renderInApp(<WebhookPage />);
    await user.click(await screen.findByRole("button", { name: "Disable" }));
    await user.click(within(await screen.findByRole("dialog")).getByRole("button", { name: "Disable" }));

    expect(await screen.findByText("Somebody was faster.")).toBeVisible();
    expect(asked.find(({ method }) => method === "PATCH")?.headers.get("If-Match")).toBe('"v1"');
  });
});
