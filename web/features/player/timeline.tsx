"use client";
// All frames of the job in the width of the player: which have pictures, where the playhead is, what is played.
import { useComputedColorScheme } from "@mantine/core";
import { useElementSize, useMergedRef } from "@mantine/hooks";
import { useEffect, useRef, useSyncExternalStore, type PointerEvent } from "react";
import type { FrameRange } from "@/features/job/frame-range";
import type { FrameStates } from "@/features/job/frame-states";
import { strings } from "@/strings/en";
import classes from "./player.module.css";
import { columnsOf, placeAt, type Column, type Mark } from "./timeline-marks";
import type { Engine } from "./use-engine";

const HEIGHT = 36;
/** How high a column stands: marks differ by shape too, not by colour alone. */
const HEIGHTS: Record<Mark, number> = { missing: 0.12, rendering: 0.5, committed: 0.78, failed: 1 };

interface TimelineProps {
  engine: Engine;
  states: FrameStates;
  range: FrameRange;
  wordOf: (ordinal: number) => string;
}

export function Timeline({ engine, states, range, wordOf }: TimelineProps) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const slider = useRef<HTMLDivElement>(null);
  const head = useRef<HTMLDivElement>(null);
  const { ref: measured, width } = useElementSize<HTMLDivElement>();
  const scheme = useComputedColorScheme();
  const { stretch } = useSyncExternalStore(engine.subscribe, engine.snapshot, engine.snapshot);
  const version = useSyncExternalStore(states.subscribe, states.current, states.current);

  useEffect(() => {
    if (canvas.current !== null && width > 0) paint(canvas.current, columnsOf(states, Math.floor(width)));
  }, [states, version, width, scheme]);

  useEffect(
    () =>
      engine.onFrame(({ at }) => {
        const frame = range.frameAt(at);
        slider.current?.setAttribute("aria-valuenow", String(frame));
        slider.current?.setAttribute("aria-valuetext", strings.player.valueText(frame, wordOf(at)));
        head.current?.style.setProperty("left", `${((at + 0.5) / states.size) * 100}%`);
      }),
    [engine, range, states, wordOf],
  );

  function scrub(event: PointerEvent<HTMLDivElement>) {
    const box = event.currentTarget.getBoundingClientRect();
    engine.seek(placeAt(event.clientX - box.left, box.width, states.size));
  }

  const frames = [range.frameAt(0), range.frameAt(states.size - 1)] as const;
  return (
    <div
      ref={useMergedRef(slider, measured)}
      role="slider"
      tabIndex={0}
      aria-label={strings.player.timeline}
      aria-valuemin={Math.min(...frames)}
      aria-valuemax={Math.max(...frames)}
      aria-valuenow={frames[0]}
      className={classes.timeline}
      style={{ height: HEIGHT }}
      onPointerDown={(event) => {
        event.currentTarget.setPointerCapture(event.pointerId);
        engine.pause();
        scrub(event);
      }}
      onPointerMove={(event) => {
        if (event.currentTarget.hasPointerCapture(event.pointerId)) scrub(event);
      }}
    >
      <canvas ref={canvas} className={classes.marks} aria-hidden />
      <div className={classes.outside} style={{ left: 0, width: percent(stretch.first, states.size) }} />
      <div
        className={classes.outside}
        style={{ right: 0, width: percent(states.size - 1 - stretch.last, states.size) }}
      />
      <div ref={head} className={classes.head} />
    </div>
  );
}

function percent(part: number, size: number): string {
  return `${(part / size) * 100}%`;
}

function paint(canvas: HTMLCanvasElement, columns: readonly Column[]): void {
  canvas.width = columns.length;
  canvas.height = HEIGHT;
  const context = canvas.getContext("2d");
  if (context === null) return;
  const style = getComputedStyle(canvas);
  const colours: Record<Mark, string> = {
    missing: style.getPropertyValue("--farm-canceled"),
    rendering: style.getPropertyValue("--farm-rendering"),
    committed: style.getPropertyValue("--farm-committed"),
    failed: style.getPropertyValue("--farm-failed"),
  };
  columns.forEach(({ mark, share }, x) => {
    // A column of many frames that are partly there shows how many.
    const part = mark === "committed" ? Math.max(0.3, share) : 1;
    const height = Math.max(2, HEIGHTS[mark] * part * HEIGHT);
    context.fillStyle = colours[mark];
    context.fillRect(x, HEIGHT - height, 1, height);
  });
}
