"use client";
// Zoom and pan. All panes that are given the same view move together.
import { useElementSize } from "@mantine/hooks";
import { useCallback, useMemo, useState, type CSSProperties, type KeyboardEvent } from "react";
import { fitting, moved, zoomed, type Point, type Size, type View } from "./view";

const STEP = 1.25;
const PAN = 40;

export interface ViewControl {
  view: View;
  /** For one pane: all panes have its size. */
  measure: (element: HTMLDivElement | null) => void;
  /** `at`: what stays where it is; else the middle. */
  zoom: (factor: number, at?: Point) => void;
  move: (x: number, y: number) => void;
  fit: () => void;
  actualSize: () => void;
  /** False: the key is none of the view's. */
  onKey: (event: KeyboardEvent) => boolean;
}

/** `picture`: its size; null: none yet. The view fits until somebody zooms. */
export function useView(picture: Size | null): ViewControl {
  const { ref: measure, width, height } = useElementSize<HTMLDivElement>();
  const [chosen, setChosen] = useState<View | null>(null);
  const pictureWidth = picture?.width ?? 0;
  const pictureHeight = picture?.height ?? 0;
  const fitted = useMemo(
    () => fitting({ width: pictureWidth, height: pictureHeight }, { width, height }),
    [pictureWidth, pictureHeight, width, height],
  );

  const zoom = useCallback(
    (factor: number, at: Point = { x: width / 2, y: height / 2 }) =>
      setChosen((view) => zoomed(view ?? fitted, factor, at)),
    [fitted, width, height],
  );
  const move = useCallback((x: number, y: number) => setChosen((view) => moved(view ?? fitted, x, y)), [fitted]);
  const fit = useCallback(() => setChosen(null), []);
  const view = chosen ?? fitted;

  return {
    view,
    measure,
    zoom,
    move,
    fit,
    actualSize: () => zoom(1 / view.scale),
    onKey(event) {
      if (event.ctrlKey || event.metaKey || event.altKey) return false;
      const [x, y] = (event.shiftKey ? ARROWS[event.key] : undefined) ?? [0, 0];
      if (event.key === "+" || event.key === "=") zoom(STEP);
      else if (event.key === "-") zoom(1 / STEP);
      else if (event.key === "0") fit();
      else if (x !== 0 || y !== 0) move(-x * PAN, -y * PAN);
      else return false;
      return true;
    },
  };
}

export const ARROWS: Record<string, readonly [x: number, y: number]> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
};

/** Pixels are seen as such once they are large. */
export function styleOf({ scale, x, y }: View): CSSProperties {
  return {
    position: "absolute",
    left: 0,
    top: 0,
    transformOrigin: "0 0",
    transform: `translate(${x}px, ${y}px) scale(${scale})`,
    imageRendering: scale >= 2 ? "pixelated" : "auto",
  };
}
