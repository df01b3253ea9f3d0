import { describe, expect, it } from "vitest";
import { expiryOf, hasExpired } from "./expiry";

describe("when a key ends", () => {
  const now = new Date("2026-03-01T12:00:00Z");

  it("never ends where that was chosen", () => {
    expect(expiryOf("never", "", now)).toBeNull();
  });

  it("ends so many days from now", () => {
    expect(expiryOf("week", "", now)).toBe("2026-03-08T12:00:00.000Z");
  });

  it("works through its whole last day, where the reader is", () => {
    const end = new Date(expiryOf("day", "2026-03-05", now) ?? "");
    expect([end.getDate(), end.getHours()]).toEqual([6, 0]);
  });

  it("has expired at that moment", () => {
    expect(hasExpired("2026-03-01T12:00:00Z", now)).toBe(true);
    expect(hasExpired("2026-03-01T12:00:01Z", now)).toBe(false);
    expect(hasExpired(null, now)).toBe(false);
  });
});
