import { describe, expect, it } from "vitest";
import { framesFor, undoOf } from "./frame-actions";
import { FrameRange } from "./frame-range";
import { FrameSelection, framesText } from "./frame-selection";
import { FrameStates } from "./frame-states";

describe("a selection", () => {
  it("counts what is in it, once", () => {
    const selection = new FrameSelection(10);
    selection.add([1, 2, 2, 3, 99]);
    expect(selection.count).toBe(3);
    selection.toggle(2);
    selection.toggle(9);
    expect(selection.ordinals()).toEqual([1, 3, 9]);
    selection.replace([5]);
    expect(selection.ordinals()).toEqual([5]);
    selection.clear();
    expect(selection.count).toBe(0);
  });

  it("is written in the numbers of the scene, not in places", () => {
    const range = FrameRange.parse("101-110")!;
    expect(framesText([0, 1, 2, 8], range)).toBe("101-103,109");
  });
});

describe("an action on frames", () => {
  const states = new FrameStates(8);
  states.load({
    lastEvent: 0,
    runs: (["queued", "leased", "rendering", "committed", "reused", "failed", "canceled", "skipped"] as const).map(
      (state, ordinal) => ({ first: ordinal, last: ordinal, state }),
    ),
    suspects: [],
  });
  const everything = [0, 1, 2, 3, 4, 5, 6, 7];
  const statesFor = (action: "retry" | "requeue" | "skip") =>
    framesFor(action, everything, states).map((ordinal) => states.stateAt(ordinal));

  it("is asked only of frames that it changes", () => {
    expect(statesFor("retry")).toEqual(["failed", "canceled"]);
    expect(statesFor("skip")).toEqual(["queued", "failed", "canceled"]);
    expect(statesFor("requeue")).toEqual(["committed", "reused", "failed", "canceled", "skipped"]);
  });

  it("can be taken back where nothing is lost by it", () => {
    expect(undoOf("skip", new Set(["queued"] as const))).toBe("requeue");
    expect(undoOf("requeue", new Set(["skipped"] as const))).toBe("skip");
    expect(undoOf("skip", new Set(["queued", "failed"] as const))).toBeNull();
    expect(undoOf("requeue", new Set(["committed"] as const))).toBeNull();
    expect(undoOf("retry", new Set(["failed"] as const))).toBeNull();
  });
});
