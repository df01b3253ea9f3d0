import { describe, expect, it } from "vitest";
import { safeNext } from "./next";

describe("where the sign-in leads", () => {
  it("goes back to the page, with what it was asked", () => {
    expect(safeNext("/projects/a/jobs/?state=failed")).toBe("/projects/a/jobs/?state=failed");
  });

  it.each([
    "https://evil.example/",
    "//evil.example",
    "/.//evil.example",
    "/a/..//evil.example",
    "/\\evil.example",
    "/\t/evil.example",
    "javascript:alert(1)",
    "",
    null,
  ])("stays at this farm when an address asks for %s", (asked) => {
    expect(safeNext(asked)).toMatch(/^\/(?![/\\])/);
    expect(safeNext(asked)).not.toContain("evil");
  });

  it("does not go round in a circle", () => {
    expect(safeNext("/sign-in/?next=/")).toBe("/");
  });
});
