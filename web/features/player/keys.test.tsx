import { describe, expect, it } from "vitest";
import { actionOf, isTaken } from "./keys";

const plain = { shiftKey: false, ctrlKey: false, metaKey: false, altKey: false };

describe("the player's keys", () => {
  it.each([
    [" ", { do: "toggle" }],
    ["ArrowLeft", { do: "step", by: -1 }],
    ["ArrowRight", { do: "step", by: 1 }],
    ["Home", { do: "first" }],
    ["End", { do: "last" }],
    ["j", { do: "shuttle", direction: -1 }],
    ["K", { do: "pause" }],
    ["l", { do: "shuttle", direction: 1 }],
    ["i", { do: "in" }],
    ["o", { do: "out" }],
    ["x", null],
  ])("%s does what editors expect", (key, action) => {
    expect(actionOf({ ...plain, key })).toEqual(action);
  });

  it("goes ten frames with Shift, and leaves the browser's own shortcuts alone", () => {
    expect(actionOf({ ...plain, key: "ArrowRight", shiftKey: true })).toEqual({ do: "step", by: 10 });
    expect(actionOf({ ...plain, key: "l", ctrlKey: true })).toBeNull();
  });

  it("leaves Space to a button and every key to a field", () => {
    document.body.innerHTML = "<button><i></i></button><input>";
    expect(isTaken(document.querySelector("i"), " ")).toBe(true);
    expect(isTaken(document.querySelector("i"), "ArrowLeft")).toBe(false);
    expect(isTaken(document.querySelector("input"), "k")).toBe(true);
  });
});
