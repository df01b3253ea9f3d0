import { screen } from "@testing-library/react";
import { describe, expect, it, vi } from "vitest";
import { strings } from "@/strings/en";
import { renderInApp } from "@/tests/render";
import { RightsGate } from "./rights-gate";

let path = "/";
let permissions: string[] | undefined;
vi.mock("next/navigation", () => ({ usePathname: () => path }));
vi.mock("@/shared/api/me", () => ({
  useMe: () => ({ data: permissions && { permissions }, error: null }),
  useMay: () => (permission: string) => permissions?.includes(permission) ?? false,
}));

describe("a page that is for others", () => {
  it("says so instead of showing itself", () => {
    path = "/farm/workers/";
    permissions = ["self", "project:read"];
    renderInApp(<RightsGate>the workers</RightsGate>);
    expect(screen.getByText(strings.shell.notYours)).toBeInTheDocument();
    expect(screen.getByRole("heading", { level: 1 })).toHaveTextContent(strings.shell.pages.workers);
    expect(screen.queryByText("the workers")).not.toBeInTheDocument();
  });

  it("is shown to whoever may", () => {
    path = "/projects/default/keys/new/";
    permissions = ["self", "project:read", "project:manage"];
    renderInApp(<RightsGate>the keys</RightsGate>);
    expect(screen.getByText("the keys")).toBeInTheDocument();
  });

  it("asks nothing of the farm before it is known who one is", () => {
    path = "/farm/";
    permissions = undefined;
    renderInApp(<RightsGate>the farm</RightsGate>);
    expect(screen.queryByText("the farm")).not.toBeInTheDocument();
    expect(screen.queryByText(strings.shell.notYours)).not.toBeInTheDocument();
  });
});
