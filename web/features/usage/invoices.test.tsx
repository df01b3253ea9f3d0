import { screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { answeringFarm, Raw } from "@/tests/answering-farm";
import { goTo } from "@/tests/navigation";
import { renderInApp } from "@/tests/render";
import { InvoicesPage } from "./invoices-page";

vi.mock("next/navigation", () => import("@/tests/navigation"));

const LIST = "/v1/projects/film/invoices";
const BILLING = "/v1/projects/film/billing";
const INVOICE = {
  number: "RF-2026-0001",
  kind: "invoice",
  month: "2026-01-01",
  corrects: null,
  reason: "",
  currency: "EUR",
  net: "100.00",
  tax: "19.00",
  total: "119.00",
  issued_at: "2026-02-01T00:00:00Z",
};
const CREDIT = {
  ...INVOICE,
  number: "RF-2026-0002",
  kind: "credit_note",
  corrects: INVOICE.number,
  reason: "Frames that were black.",
  total: "-119.00",
};
const PROFILE = { recipient: "Film Ltd\n1 Street", tax_id: null };
const page = (...items: unknown[]) => ({ items, next_cursor: null });

beforeEach(() => goTo("/projects/film/invoices/"));
afterEach(() => vi.unstubAllGlobals());

describe("the invoices of a project", () => {
  it("say of a credit note which invoice it corrects, and why", async () => {
    await answeringFarm({ [`GET ${LIST}`]: () => page(CREDIT, INVOICE), [`GET ${BILLING}`]: () => PROFILE });
    renderInApp(<InvoicesPage />);
    const row = (await screen.findByText("Credit note")).closest("tr");
    expect(row).toHaveTextContent("Corrects RF-2026-0001 Frames that were black.");
    expect(row).toHaveTextContent(/119\.00/);
    expect(screen.getAllByText("2026-01")).toHaveLength(2);
  });

  it("are kept in the format that was picked", async () => {
    const asked = await answeringFarm({
      [`GET ${LIST}`]: () => page(INVOICE),
      [`GET ${BILLING}`]: () => PROFILE,
      [`GET ${LIST}/RF-2026-0001`]: () => new Raw(404, { code: "not-found", detail: "It is not written yet." }),
    });
    const user = userEvent.setup();
    renderInApp(<InvoicesPage />);
    await user.click(await screen.findByRole("button", { name: "Download RF-2026-0001" }));
    await user.click(await screen.findByRole("menuitem", { name: "PDF" }));
    expect(await screen.findByText(/It is not written yet\./)).toBeVisible();
    expect(asked.find(({ path }) => path.endsWith("0001"))?.headers.get("Accept")).toBe("application/pdf");
  });

  it("say where there is none, and to whom they will be made out", async () => {
    await answeringFarm({ [`GET ${LIST}`]: () => page(), [`GET ${BILLING}`]: () => ({ recipient: "", tax_id: null }) });
    renderInApp(<InvoicesPage />);
    expect(await screen.findByText("There is no invoice yet")).toBeVisible();
    expect(await screen.findByText("None is set: invoices name the project.")).toBeVisible();
    expect(screen.queryByRole("button", { name: "Change the billing address" })).not.toBeInTheDocument();
  });
});
