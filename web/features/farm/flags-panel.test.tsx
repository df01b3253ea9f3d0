import { screen, waitFor } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { afterEach, describe, expect, it, vi } from "vitest";
import { answeringFarm, Raw } from "@/tests/answering-farm";
import { renderInApp } from "@/tests/render";
import { audienceOf, FlagsPanel } from "./flags-panel";

vi.mock("next/navigation", () => ({ usePathname: () => "/farm/status/" }));

const FLAG = {
  name: "openjd-import",
  turns: "The import of job templates.",
  default: true,
  enabled: true,
  projects: [],
  percent: 100,
  note: "",
  changed_by: null,
  changed_at: null,
};
const PAGE = { items: [FLAG], next_cursor: null };

afterEach(() => vi.unstubAllGlobals());

describe("features", () => {
  it("an operator sees them and can change none", async () => {
    await answeringFarm({
      "GET /v1/me": () => ({ permissions: ["self", "farm:operate"] }),
      "GET /v1/flags": () => PAGE,
    });
    renderInApp(<FlagsPanel />);
    expect(await screen.findByText("openjd-import")).toBeVisible();
    expect(screen.queryByRole("button")).not.toBeInTheDocument();
  });

  it("an administrator changes one only as it was seen", async () => {
    const asked = await answeringFarm({
      "GET /v1/me": () => ({ permissions: ["self", "farm:operate", "farm:admin"] }),
      "GET /v1/flags": () => PAGE,
      "GET /v1/flags/openjd-import": () => new Raw(200, FLAG, { ETag: '"v1"' }),
      "PUT /v1/flags/openjd-import": () => FLAG,
    });
    const user = userEvent.setup();
    renderInApp(<FlagsPanel />);
    await user.click(await screen.findByRole("button", { name: "Change openjd-import" }));
    await user.click(await screen.findByRole("switch", { name: /^Enabled/ }));
    await user.click(screen.getByRole("button", { name: "Save" }));
    await waitFor(() => expect(asked.some(({ method }) => method === "PUT")).toBe(true));
    const put = asked.find(({ method }) => method === "PUT");
    expect(put?.headers.get("If-Match")).toBe('"v1"');
    expect(put?.body).toMatchObject({ enabled: false });
  });
});

it("a feature that is off is for nobody, whoever is named", () => {
  expect(audienceOf({ enabled: false, percent: 100, projects: ["film"] })).toBe("Nobody");
  expect(audienceOf({ enabled: true, percent: 100, projects: [] })).toBe("Everybody");
  expect(audienceOf({ enabled: true, percent: 0, projects: ["film"] })).toBe("film");
  expect(audienceOf({ enabled: true, percent: 10, projects: ["film"] })).toBe("10 % of projects, film");
});
