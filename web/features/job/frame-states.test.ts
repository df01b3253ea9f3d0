import { describe, expect, it } from "vitest";
import type { FarmEvent } from "@/shared/live/stream";
import { applyFrameEvent } from "./frame-events";
import { FrameStates } from "./frame-states";

function loaded(): FrameStates {
  const states = new FrameStates(10);
  states.load({
    lastEvent: 5,
    runs: [
      { first: 0, last: 3, state: "committed" },
      { first: 4, last: 5, state: "rendering" },
      { first: 6, last: 9, state: "queued" },
    ],
    suspects: [2],
  });
  return states;
}

function event(kind: string, data: Record<string, unknown>, seq = 6): FarmEvent {
  return { id: "1", kind, project: "p", job: "j", model: null, seq, at: "", data };
}

const named = (...ordinals: number[]) => ordinals.map((ordinal) => ({ ordinal, frame: ordinal + 1 }));
const all = (states: FrameStates) => Array.from({ length: states.size }, (_, ordinal) => states.stateAt(ordinal));

describe("states of frames", () => {
  it("are filled from runs and counted", () => {
    const states = loaded();
    expect(states.stateAt(3)).toBe("committed");
    expect(states.stateAt(4)).toBe("rendering");
    expect(states.count("queued")).toBe(4);
    expect(states.count("committed")).toBe(4);
    expect(states.isSuspect(2)).toBe(true);
    expect(states.suspects).toBe(1);
  });

  it("are unknown before they were read", () => {
    const states = new FrameStates(3);
    expect(states.isRead).toBe(false);
    expect(states.stateAt(0)).toBeNull();
  });

  it("of a million frames are one run", () => {
    const states = new FrameStates(1_000_000);
    states.load({ lastEvent: 1, runs: [{ first: 0, last: 999_999, state: "queued" }], suspects: [] });
    expect(states.count("queued")).toBe(1_000_000);
  });

  it("tell who listens of each change, and nobody else", () => {
    const states = loaded();
    let told = 0;
    const end = states.subscribe(() => (told += 1));
    states.set([6], "rendering");
    end();
    states.set([7], "rendering");
    expect(told).toBe(1);
  });

  it("are filtered by state and by suspicion, anew after each change", () => {
    const states = loaded();
    expect([...states.matching("rendering")]).toEqual([4, 5]);
    expect(states.matching("rendering")).toBe(states.matching("rendering"));
    states.set([5], "committed");
    expect([...states.matching("rendering")]).toEqual([4]);
    expect([...states.matching("suspect")]).toEqual([2]);
  });
});

describe("an event", () => {
  it("changes the frames that it names", () => {
    const states = loaded();
    expect(applyFrameEvent(states, event("frames.committed", { frames: named(4) }))).toBe(true);
    expect(applyFrameEvent(states, event("frames.failed", { frames: named(5) }))).toBe(true);
    expect(applyFrameEvent(states, event("chunk.started", { ordinals: [6, 7] }))).toBe(true);
    expect(applyFrameEvent(states, event("frames.skipped", { frames: named(8), count: 1 }))).toBe(true);
    expect(applyFrameEvent(states, event("frames.reused", { frames: named(9), count: 1 }))).toBe(true);
    expect(all(states).slice(4)).toEqual(["committed", "failed", "rendering", "rendering", "skipped", "reused"]);
  });

  it("that the snapshot knows already changes nothing", () => {
    const states = loaded();
    applyFrameEvent(states, event("frames.requeued", { frames: named(0), count: 1 }, 5));
    expect(states.stateAt(0)).toBe("committed");
  });

  it("of a start that comes behind the commit does not undo it", () => {
    const states = loaded();
    applyFrameEvent(states, event("frames.committed", { frames: named(6) }, 7));
    applyFrameEvent(states, event("chunk.started", { ordinals: [6] }, 6));
    expect(states.stateAt(6)).toBe("committed");
  });

  it("puts frames of a chunk that was given back into the queue, and leaves those that are done", () => {
    const states = loaded();
    applyFrameEvent(states, event("chunk.requeued", { ordinals: [3, 4, 5], reason: "worker_lost" }));
    expect(all(states).slice(3, 6)).toEqual(["committed", "queued", "queued"]);
  });

  it("of one part of a split frame leaves the frame rendering", () => {
    const states = loaded();
    applyFrameEvent(states, event("chunk.requeued", { ordinals: [4], part: 1, parts: 4 }));
    applyFrameEvent(states, event("frame.retried", { ordinal: 5, part: 2, parts: 4 }));
    expect(all(states).slice(4, 6)).toEqual(["rendering", "rendering"]);
  });

  it("of a retry puts the frame into the queue", () => {
    const states = loaded();
    applyFrameEvent(states, event("frame.retried", { ordinal: 4, frame: 5, tries: 1 }));
    expect(states.stateAt(4)).toBe("queued");
  });

  it("marks frames as suspect, and a new picture takes the mark away", () => {
    const states = loaded();
    applyFrameEvent(states, event("frames.suspect", { frames: named(0, 2), suspects: 2 }));
    expect(states.suspects).toBe(2);
    applyFrameEvent(states, event("frames.requeued", { frames: named(2), count: 1 }));
    expect(states.isSuspect(2)).toBe(false);
    expect(states.suspects).toBe(1);
  });

  it("whose list was cut asks for everything to be read again", () => {
    const states = loaded();
    expect(applyFrameEvent(states, event("frames.requeued", { frames: named(0), count: 3000 }))).toBe(false);
    const many = named(...Array.from({ length: 1000 }, (_, ordinal) => ordinal));
    expect(applyFrameEvent(states, event("frames.failed", { frames: many }))).toBe(false);
  });

  it("of another state of the job asks for the same, since a cancel names no frames", () => {
    expect(applyFrameEvent(loaded(), event("job.state", { state: "canceled" }))).toBe(false);
  });
});
