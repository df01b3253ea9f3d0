import { describe, expect, it } from "vitest";
import { exportPath } from "./use-audit";

describe("the export of the audit log", () => {
  it("holds what the page shows: the same filters, of the same project", () => {
    const path = exportPath({ project: "a b" }, { action: "key.", since: "2026-01-01" }, "csv");
    const url = new URL(path, "http://farm.test");
    expect(url.pathname).toBe("/v1/projects/a%20b/audit/export");
    expect(url.searchParams.get("action")).toBe("key.");
    expect(url.searchParams.get("format")).toBe("csv");
    expect(url.searchParams.get("since")).toBe(new Date("2026-01-01T00:00:00").toISOString());
  });

  it("is of the whole farm, or of the one project that it is narrowed to", () => {
    expect(exportPath("farm", { project: "p1" }, "jsonl")).toBe("/v1/audit/export?format=jsonl&project=p1");
  });
});
