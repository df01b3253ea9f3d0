import { screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { answeringFarm, meWith, Raw } from "@/tests/answering-farm";
import { goTo } from "@/tests/navigation";
import { renderInApp } from "@/tests/render";
import { BudgetPanel } from "./budget-panel";
import { chartRows } from "./chart-rows";
import { choiceOf, periodIn, periodOf, readPart } from "./period";
import { UsagePanel } from "./usage-panel";

vi.mock("next/navigation", () => import("@/tests/navigation"));

const BUDGET = "/v1/projects/film/budget";
const budget = {
  amount: "100",
  period: "month",
  period_start: "2026-03-01",
  spent: "100",
  spent_ever: "250",
  currency: "EUR",
  thresholds: [50, 80, 100],
  stopped: "budget",
};

beforeEach(() => goTo("/projects/film/usage/"));
afterEach(() => vi.unstubAllGlobals());

describe("the budget", () => {
  it("says to an artist that it is spent and whom to ask, and offers no change", async () => {
    await answeringFarm({ [`GET ${BUDGET}`]: () => budget, "GET /v1/me": () => meWith("self", "project:read") });
    renderInApp(<BudgetPanel />);
    expect(await screen.findByText(/The budget is spent/)).toHaveTextContent("An administrator of the farm can change");
    expect(screen.queryByRole("button", { name: "Change the budget" })).not.toBeInTheDocument();
  });

  it("is changed by an administrator, as the version that was looked at", async () => {
    const asked = await answeringFarm({
      [`GET ${BUDGET}`]: () => new Raw(200, budget, { ETag: '"b1"' }),
      [`PUT ${BUDGET}`]: () => budget,
      "GET /v1/me": () => meWith("self", "project:read", "farm:admin"),
    });
    const user = userEvent.setup();
    renderInApp(<BudgetPanel />);
    await user.click(await screen.findByRole("button", { name: "Change the budget" }));
    const dialog = await screen.findByRole("dialog");
    const amount = within(dialog).getByRole("textbox", { name: "Amount" });
    await user.clear(amount);
    await user.click(within(dialog).getByRole("button", { name: "Save" }));
    await waitFor(() => expect(asked.some(({ method }) => method === "PUT")).toBe(true));
    const put = asked.find(({ method }) => method === "PUT");
    expect(put?.body).toEqual({ amount: null, period: "month" });
    expect(put?.headers.get("If-Match")).toBe('"b1"');
  });
});

describe("the period of usage", () => {
  const now = new Date("2026-03-15T10:00:00Z");
  const reading = (text: string) => (name: string) => new URLSearchParams(text).get(name);

  it("is this month where the address says nothing, or nonsense", () => {
    const month = { since: "2026-03-01", until: "2026-03-15" };
    expect(periodIn(reading(""), now)).toEqual(month);
    expect(periodIn(reading("since=2026-05-01&until=2026-04-01"), now)).toEqual(month);
    expect(periodIn(reading("since=x&until=y"), now)).toEqual(month);
  });

  it("ends last month on its last day, over the turn of a year", () => {
    expect(periodOf("lastMonth", new Date("2026-01-05T00:00:00Z"))).toEqual({
      since: "2025-12-01",
      until: "2025-12-31",
    });
    expect(choiceOf({ since: "2026-02-01", until: "2026-02-28" }, now)).toBe("lastMonth");
    expect(choiceOf({ since: "2026-02-02", until: "2026-02-28" }, now)).toBe("own");
  });

  const item = {
    day: "2026-03-02",
    frames: 5,
    gpu_seconds: "7200",
    cpu_seconds: "0",
    stored_bytes: 0,
    wasted_seconds: "0",
    cost: "1.5",
  };

  it("draws a day without work as nothing, in its place", () => {
    expect(chartRows([item], { since: "2026-03-01", until: "2026-03-03" }, "gpu")).toEqual([
      { day: "2026-03-01", value: 0 },
      { day: "2026-03-02", value: 2 },
      { day: "2026-03-03", value: 0 },
    ]);
  });

  it("draws no day that is not read yet", () => {
    const year = { since: "2026-03-01", until: "2026-12-31" };
    expect(chartRows([item], readPart(year, "2026-03-02"), "frames")).toEqual([
      { day: "2026-03-01", value: 0 },
      { day: "2026-03-02", value: 5 },
    ]);
  });

  it("is asked for in as few answers as the farm gives, and said to be cut off where there is more", async () => {
    const asked = await answeringFarm({
      "GET /v1/projects/film/usage": ({ query }) =>
        query.has("cursor")
          ? { items: [{ ...item, day: "2026-12-30" }], next_cursor: null, currency: null, storage: [] }
          : { items: [item], next_cursor: "2026-03-02", currency: null, storage: [] },
    });
    renderInApp(<UsagePanel period={{ since: "2026-03-01", until: "2026-12-31" }} />);
    expect(await screen.findByText(/The chart ends with 2026-03-02/)).toBeVisible();
    expect(asked.find(({ path }) => path.endsWith("/usage"))?.query.get("limit")).toBe("1000");
    await userEvent.click(screen.getByRole("button", { name: "Load more" }));
    await screen.findByRole("rowheader", { name: "2026-12-30" });
    expect(screen.queryByText(/The chart ends/)).toBeNull();
  });
});
