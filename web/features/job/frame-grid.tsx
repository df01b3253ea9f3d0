"use client";
// All frames of the job as cells: painted on a canvas the size of the view, with the cell of the keyboard laid over it
// for those who cannot see it.
import { Box, useComputedColorScheme } from "@mantine/core";
import { useElementSize } from "@mantine/hooks";
import { useCallback, useEffect, useId, useLayoutEffect, useRef, useState } from "react";
import { strings } from "@/strings/en";
import { FrameCard } from "./frame-card";
import classes from "./frame-grid.module.css";
import { geometryOf, heightOf, placeOf, type Geometry } from "./grid/geometry";
import { paint, paletteOf } from "./grid/paint";
import { useGridKeys } from "./grid/use-grid-keys";
import { useGridPointer } from "./grid/use-grid-pointer";
import { useFrames, type JobDetail } from "./job-context";

interface FrameGridProps {
  job: JobDetail;
  zoom: number;
  /** Ordinals that are shown; null: all. */
  shown: Int32Array | null;
  /** Index in what is shown. */
  active: number;
  onActive: (index: number) => void;
  onOpen: (frame: number) => void;
}

const words = strings.job.grid;

export function FrameGrid({ job, zoom, shown, active, onActive, onOpen }: FrameGridProps) {
  const { range, states, selection } = useFrames();
  const { ref: sizeRef, width } = useElementSize();
  const scroller = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const id = useId();
  const [hasFocus, setHasFocus] = useState(false);
  const count = shown === null ? states.size : shown.length;
  const geometry = geometryOf(Math.max(width, 120), count, zoom);
  const ordinalAt = (index: number) => (shown === null ? index : shown[index]!);
  const open = (index: number) => onOpen(range.frameAt(ordinalAt(index)));

  const { hovered, setHovered, handlers } = useGridPointer({
    geometry,
    scroller,
    active,
    ordinalAt,
    selection,
    onActive,
    onOpen: open,
  });
  const onKeyDown = useGridKeys({
    geometry,
    active,
    ordinalAt,
    selection,
    onActive(index) {
      setHovered(null);
      onActive(index);
    },
    onOpen: open,
    onEscape: () => setHovered(null),
  });
  const paintSoon = usePainter(scroller, canvas, geometry, ordinalAt, hasFocus && active < count ? active : null);
  useScrollTo(scroller, geometry, active);

  const activeOrdinal = active < count ? ordinalAt(active) : null;
  const carded = hovered !== null && hovered.index < count ? hovered : null;
  return (
    <Box pos="relative" ref={sizeRef}>
      <div
        ref={scroller}
        className={classes.grid}
        role="grid"
        tabIndex={0}
        aria-label={words.label(count)}
        aria-rowcount={geometry.rows}
        aria-colcount={geometry.columns}
        aria-multiselectable
        aria-describedby={`${id}-keys`}
        aria-activedescendant={activeOrdinal === null ? undefined : `${id}-cell`}
        onKeyDown={onKeyDown}
        onFocus={() => setHasFocus(true)}
        onBlur={() => setHasFocus(false)}
        onScroll={paintSoon}
        {...handlers}
      >
        <div role="presentation" style={{ position: "relative", height: heightOf(geometry) }}>
          <canvas ref={canvas} className={classes.canvas} aria-hidden />
          {activeOrdinal !== null && (
            <ActiveCell id={`${id}-cell`} geometry={geometry} index={active} ordinal={activeOrdinal} />
          )}
        </div>
      </div>
      <span id={`${id}-keys`} hidden>
        {words.keys}
      </span>
      {carded !== null && (
        <FrameCard
          job={job}
          ordinal={ordinalAt(carded.index)}
          place={cardPlace(geometry, carded.index, carded.scrolled, width)}
        />
      )}
    </Box>
  );
}

interface ActiveCellProps {
  id: string;
  geometry: Geometry;
  index: number;
  ordinal: number;
}

function ActiveCell({ id, geometry, index, ordinal }: ActiveCellProps) {
  const { range, states, selection } = useFrames();
  const { x, y } = placeOf(geometry, index);
  const state = states.stateAt(ordinal);
  return (
    <div role="row" aria-rowindex={Math.floor(index / geometry.columns) + 1}>
      <div
        id={id}
        role="gridcell"
        className={classes.cell}
        style={{ left: x, top: y, width: geometry.cell, height: geometry.cell }}
        aria-colindex={(index % geometry.columns) + 1}
        aria-selected={selection.has(ordinal)}
        aria-label={words.cell(
          range.frameAt(ordinal),
          state === null ? strings.shell.loading : strings.job.frameStates[state],
          states.isSuspect(ordinal),
        )}
      />
    </div>
  );
}

/** Paints once in a frame of the screen at most, however much has changed; the function asks for it. */
function usePainter(
  scroller: React.RefObject<HTMLDivElement | null>,
  canvas: React.RefObject<HTMLCanvasElement | null>,
  geometry: Geometry,
  ordinalAt: (index: number) => number,
  active: number | null,
): () => void {
  const { range, states, selection, progress } = useFrames();
  const scheme = useComputedColorScheme();
  const paintNow = () => {
    const [view, surface] = [scroller.current, canvas.current];
    const context = surface?.getContext("2d") ?? null;
    if (view === null || surface === null || context === null) return;
    const ratio = window.devicePixelRatio || 1;
    const [width, height] = [view.clientWidth, view.clientHeight];
    fit(surface, width, height, ratio);
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    paint(context, paletteOf(view), {
      geometry,
      states,
      isSelected: (ordinal) => selection.has(ordinal),
      ordinalAt,
      frameAt: (ordinal) => range.frameAt(ordinal),
      progressOf: (ordinal) => progress.at(ordinal),
      active,
      top: view.scrollTop,
      width,
      height,
    });
  };
  const newest = useRef(paintNow);
  const asked = useRef(0);
  const paintSoon = useCallback(() => {
    if (asked.current !== 0) return;
    asked.current = requestAnimationFrame(() => {
      asked.current = 0;
      newest.current();
    });
  }, []);
  useLayoutEffect(() => {
    newest.current = paintNow;
    paintSoon();
  });
  useEffect(() => {
    const ends = [states, selection, progress].map((store) => store.subscribe(paintSoon));
    return () => {
      for (const end of ends) end();
      cancelAnimationFrame(asked.current);
      asked.current = 0;
    };
  }, [states, selection, progress, paintSoon, scheme]);
  return paintSoon;
}

/** The cell of the keyboard is scrolled into view by as little as it takes. */
function useScrollTo(scroller: React.RefObject<HTMLDivElement | null>, geometry: Geometry, active: number): void {
  const newest = useRef(geometry);
  useLayoutEffect(() => {
    newest.current = geometry;
  });
  useEffect(() => {
    const view = scroller.current;
    if (view === null) return;
    show(view, newest.current, active);
  }, [scroller, active]);
}

function show(view: HTMLElement, geometry: Geometry, index: number): void {
  const { gap, cell } = geometry;
  const { y } = placeOf(geometry, index);
  if (y < view.scrollTop) view.scrollTop = y - gap;
  else if (y + cell > view.scrollTop + view.clientHeight) view.scrollTop = y + cell + gap - view.clientHeight;
}

/** As many pixels as the screen has; setting a size clears a canvas, so only a new one is set. */
function fit(surface: HTMLCanvasElement, width: number, height: number, ratio: number): void {
  if (surface.width === Math.round(width * ratio) && surface.height === Math.round(height * ratio)) return;
  surface.width = Math.round(width * ratio);
  surface.height = Math.round(height * ratio);
  surface.style.width = `${width}px`;
  surface.style.height = `${height}px`;
}

const CARD_WIDTH = 232;

function cardPlace(geometry: Geometry, index: number, scrolled: number, width: number): { left: number; top: number } {
  const { x, y } = placeOf(geometry, index);
  return {
    left: Math.max(0, Math.min(x + geometry.cell / 2 - CARD_WIDTH / 2, width - CARD_WIDTH)),
    top: y - scrolled + geometry.cell + 10,
  };
}
