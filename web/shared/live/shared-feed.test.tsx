import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { followShared } from "./shared-feed";
import type { FarmEvent, StreamOptions, StreamState } from "./stream";

const streams = vi.hoisted(() => [] as { options: StreamOptions; signal: AbortSignal }[]);
vi.mock("./stream", () => ({
  keepStream: async (options: StreamOptions, signal: AbortSignal) => void streams.push({ options, signal }),
}));

beforeEach(() => void (streams.length = 0));
afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
});

function show(state: DocumentVisibilityState) {
  vi.spyOn(document, "visibilityState", "get").mockReturnValue(state);
  document.dispatchEvent(new Event("visibilitychange"));
}

function follow(heard: (string | null)[] = [], states: StreamState[] = []) {
  const url = "/v1/projects/film/events";
  return followShared({
    name: "project/film",
    url,
    onEvent: ({ id }) => heard.push(id),
    onState: (state) => states.push(state),
  });
}

const open = () => streams.filter(({ signal }) => !signal.aborted);
const event = (id: string) => ({ id, kind: "job.state" }) as FarmEvent;

it("without locks a tab that nobody sees holds no connection, and goes on behind what it has heard", () => {
  const heard: (string | null)[] = [];
  const states: StreamState[] = [];
  show("hidden");
  const end = follow(heard, states);
  expect(streams).toHaveLength(0);

  show("visible");
  expect(open()).toHaveLength(1);
  streams[0]!.options.onEvent(event("7-1"));
  show("visible");
  expect(streams).toHaveLength(1);

  show("hidden");
  expect(open()).toHaveLength(0);
  streams[0]!.options.onState?.("lost", null);
  expect(states).toEqual([]);

  show("visible");
  expect(open()).toHaveLength(1);
  expect(streams[1]!.options.after).toBe("7-1");
  expect(heard).toEqual(["7-1"]);

  end();
  expect(open()).toHaveLength(0);
  show("visible");
  expect(streams).toHaveLength(2);
});

it("without locks no tab is told what another one hears, which has heard it by itself", () => {
  const told = vi.fn();
  vi.stubGlobal(
    "BroadcastChannel",
    class {
      postMessage = told;
      close() {}
    },
  );
  show("visible");
  const end = follow();
  streams[0]!.options.onEvent(event("7-1"));
  expect(told).not.toHaveBeenCalled();
  end();
});
