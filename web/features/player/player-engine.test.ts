import { describe, expect, it, vi } from "vitest";
import { Problem } from "@/shared/api/problem";
import { artifactOf } from "./artifact.fixture";
import { Catalogue } from "./catalogue";
import { PlayerEngine, type Shown } from "./player-engine";
import { tell } from "./use-engine";

interface Picture {
  width: number;
  height: number;
  url: string;
  close: () => void;
}

/** A farm whose frames have pictures where `there` says so, and a clock that is turned by hand. */
function player(size: number, there: Set<number>, fetchFile = async (url: string) => fileOf(url)) {
  const drawn: string[] = [];
  const list = vi.fn(async (first: number, last: number) =>
    [...there].filter((at) => at >= first && at <= last).map((ordinal) => artifactOf({ ordinal })),
  );
  let tick: ((time: number) => void) | null = null;
  const engine = new PlayerEngine<Picture>({
    size,
    catalogue: new Catalogue(list, size),
    decode: async (file) => ({ width: 10, height: 10, url: file.type, close: () => undefined }),
    hasPicture: (ordinal) => there.has(ordinal),
    draw: ({ url }) => drawn.push(url.split("-").at(-1) ?? ""),
    requestFrame: (next) => {
      tick = next;
      return 1;
    },
    cancelFrame: () => (tick = null),
    fetchFile,
  });
  let now = 0;
  const pass = (ms: number) => {
    now += ms;
    const run = tick;
    tick = null;
    run?.(now);
  };
  let shown: Shown | null = null;
  engine.onFrame((next) => (shown = next));
  return { engine, drawn, list, pass, shown: () => shown };
}

/** A file that says where it comes from. */
const fileOf = (url: string) => ({ type: url }) as Blob;

const settled = () => new Promise((resolve) => setTimeout(resolve, 20));

describe("PlayerEngine", () => {
  it("loads what it plays although no frame lands any more", async () => {
    const { engine, drawn, pass } = player(3, new Set([0, 1, 2]));
    engine.set({ fps: 10 });
    engine.play();
    await settled();
    for (let frame = 0; frame < 3; frame += 1) pass(100);
    expect(drawn).toEqual(["0", "1", "2"]);
  });

  it("plays the frames that are there, holds the last one over a gap, and says so", async () => {
    const { engine, drawn, pass, shown } = player(6, new Set([0, 1, 4]));
    engine.set({ fps: 10, isLoop: false });
    engine.seek(0);
    await settled();
    engine.play();
    pass(0);
    for (let frame = 0; frame < 3; frame += 1) pass(100);
    expect(shown()).toMatchObject({ at: 3, picture: 1 });
    pass(100);
    expect(shown()).toMatchObject({ at: 4, picture: 4 });
    expect(drawn).toEqual(["0", "1", "4"]);
    pass(100);
    pass(100);
    expect(engine.settings.isPlaying).toBe(false);
    engine.close();
  });

  it("waits for a picture that exists, and goes on over one that cannot be loaded", async () => {
    let release = () => undefined as void;
    const gate = new Promise<void>((resolve) => (release = () => resolve()));
    const { engine, pass, shown } = player(4, new Set([0, 1, 2, 3]), async (url) => {
      if (url.endsWith("-1")) await gate;
      if (url.endsWith("-2")) throw new Error("broken");
      return fileOf(url);
    });
    engine.set({ fps: 10, isLoop: false });
    engine.seek(0);
    await settled();
    engine.play();
    pass(0);
    pass(100);
    expect(shown()?.at).toBe(0);
    expect(engine.settings.isWaiting).toBe(true);
    release();
    await settled();
    pass(1);
    expect(shown()?.at).toBe(1);
    pass(100);
    expect(engine.settings.isWaiting).toBe(false);
    expect(shown()?.at).toBe(2);
    engine.close();
  });

  it("shows a frame that lands while it is looked at, without being asked", async () => {
    const there = new Set([0]);
    const { engine, drawn, shown } = player(4, there);
    engine.seek(2);
    await settled();
    expect(shown()).toMatchObject({ at: 2, picture: 0 });
    there.add(2);
    tell(engine as never, committed([2]));
    await settled();
    expect(shown()).toMatchObject({ at: 2, picture: 2, isLoading: false });
    expect(drawn.at(-1)).toBe("2");
    engine.close();
  });

  it("asks for a fresh link where the old one has ended", async () => {
    let isEnded = true;
    const { engine, drawn, list } = player(1, new Set([0]), async (url) => {
      if (!isEnded) return fileOf(url);
      isEnded = false;
      throw new Problem(403, { detail: "The link has ended." });
    });
    engine.seek(0);
    await settled();
    expect(list).toHaveBeenCalledTimes(2);
    expect(drawn).toEqual(["0"]);
    engine.close();
  });

  it("loads what lies ahead of the playhead in a long job, and no more", async () => {
    const all = new Set(Array.from({ length: 10_000 }, (_, ordinal) => ordinal));
    const { engine, list, shown } = player(10_000, all);
    engine.seek(5000);
    await settled();
    expect(list.mock.calls.every(([first]) => first >= 5000 && first <= 5100)).toBe(true);
    expect(shown()).toMatchObject({ at: 5000, picture: 5000, isLoading: false });
    engine.close();
  });

  it("keeps in and out in order, and plays between them", () => {
    const { engine } = player(100, new Set());
    engine.setStretch({ first: 20 });
    engine.setStretch({ last: 40 });
    expect(engine.settings.stretch).toEqual({ first: 20, last: 40 });
    engine.setStretch({ first: 60 });
    expect(engine.settings.stretch).toEqual({ first: 60, last: 99 });
    engine.play();
    expect(engine.at).toBe(60);
    engine.close();
  });

  it("plays faster with each L, and turns round at normal speed with J", () => {
    const { engine } = player(100, new Set());
    engine.shuttle(1);
    engine.shuttle(1);
    expect(engine.settings).toMatchObject({ isPlaying: true, direction: 1, speed: 2 });
    engine.shuttle(-1);
    expect(engine.settings).toMatchObject({ direction: -1, speed: 1 });
    engine.close();
  });
});

function committed(ordinals: number[]) {
  return {
    id: "1",
    kind: "frames.committed",
    project: null,
    job: "job",
    model: null,
    seq: 1,
    at: "",
    data: { frames: ordinals.map((ordinal) => ({ ordinal })) },
  };
}
